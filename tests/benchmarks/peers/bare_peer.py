"""No framework: what the server and Python themselves cost."""


def hello(environ, start_response):
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "13")]
    start_response("200 OK", headers)
    return [b"Hello, World!"]
