"""An app that says all that a request tells it, between the layers that correct and check that."""

import json
import os

from wsgikit import Request
from wsgikit.middleware import HostMiddleware, ProxyMiddleware
from wsgikit.pipeline import Pipeline

HOSTS = ["example.org", ".example.net"]
_OF_A_REQUEST = (
    "url",
    "base_url",
    "root_url",
    "host_url",
    "host",
    "scheme",
    "is_secure",
    "remote_addr",
    "access_route",
    "script_root",
    "path",
    "full_path",
    "remote_user",
    "method",
)


def look(environ):
    """What an app may read of a request: all of Request, the headers, and the environ's texts."""
    request = Request(environ)
    seen = {name: getattr(request, name) for name in _OF_A_REQUEST}
    seen["headers"] = sorted(request.headers)
    seen["environ"] = {
        key: value
        for key, value in sorted(environ.items())
        if isinstance(value, str) and key != "REMOTE_PORT"
    }
    return seen


def app(environ, start_response):
    body = json.dumps(look(environ)).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


def build(trusted=(), **options):
    """The echo behind the edge layers."""
    pipeline = Pipeline().use(ProxyMiddleware, trusted=trusted, **options)
    return pipeline.use(HostMiddleware, trusted=HOSTS).run(app)


application = build(filter(None, os.environ.get("TRUSTED", "").split(",")))
