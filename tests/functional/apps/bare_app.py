"""The little app as one generator function, which starts its response at the first chunk."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

Environ = dict[str, Any]
Answer = tuple[str, list[tuple[str, str]], Iterable[bytes]]

TEXT = ("Content-Type", "text/plain")


def build(views: Any, *, lets_errors_out: bool = False) -> Callable[..., Iterator[bytes]]:
    pages = _pages(views)

    def app(environ: Environ, start_response: Any) -> Iterator[bytes]:
        exc_info = None
        try:
            path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
            status, headers, body = pages.get(path, missing)(environ)
        except LookupError:
            if lets_errors_out:
                raise
            exc_info = sys.exc_info()
            status, headers, body = "500 It Failed", [TEXT], [b"it failed"]
        start_response(status, headers, *([exc_info] if exc_info else []))
        try:
            if environ["REQUEST_METHOD"] != "HEAD":
                yield from body
        finally:
            getattr(body, "close", int)()

    return app


def _pages(views: Any) -> dict[str, Callable[[Environ], Answer]]:
    def file(environ):
        return "200 OK", [TEXT], environ["wsgi.file_wrapper"](views.FILE.open("rb"))

    def tagged(environ):
        if environ.get("HTTP_IF_NONE_MATCH") == views.ETAG:
            return "304 Not Modified", [("ETag", views.ETAG)], []
        return "200 OK", [TEXT, ("ETag", views.ETAG)], [b"tagged"]

    return {
        **{path: _texting(view) for path, view in views.PAGES.items()},
        **{path: _streaming(stream) for path, stream in views.STREAMS.items()},
        "/fail": _texting(views.fail),
        "/plain": plain,
        "/empty": lambda environ: ("204 No Content", [], []),
        "/redirect": lambda environ: ("302 Found", [TEXT, ("Location", "/plain")], []),
        "/file": file,
        "/form": form,
        "/tagged": tagged,
        "/own": own,
    }


def _texting(view: Any) -> Callable[[Environ], Answer]:
    return lambda environ: ("200 OK", [TEXT], [view().encode()])


def _streaming(stream: Any) -> Callable[[Environ], Answer]:
    return lambda environ: ("200 OK", [TEXT], stream(environ))


def missing(environ):
    return "404 Nothing Here", [TEXT], [b"nothing here"]


def plain(environ):
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return "405 Method Not Allowed", [TEXT, ("Allow", "GET, HEAD")], [b"only to be read"]
    return "200 OK", [TEXT, ("Content-Length", "5")], [b"pl", b"ain"]


def form(environ):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    return "200 OK", [TEXT], [parse_qs(body.decode())["word"][0].encode()]


def own(environ):
    cookies = dict(
        pair.split("=", 1) for pair in environ.get("HTTP_COOKIE", "").split("; ") if pair
    )
    number = int(cookies.get("own", 0)) + 1
    return "200 OK", [TEXT, ("Set-Cookie", f"own={number}; Path=/")], [str(number).encode()]
