"""What tests of WSGI apps and middlewares need."""
