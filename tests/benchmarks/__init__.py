"""``make bench``: this project and its peers side by side, and ``make bench-compare``."""
