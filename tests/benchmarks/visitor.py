"""What a browser sends, as gunicorn hands it on."""

from __future__ import annotations

import io
import sys
from http.cookies import SimpleCookie
from typing import Any
from wsgiref.types import WSGIApplication

from gunicorn.http.wsgi import FileWrapper

BROWSER = {
    "Host": "127.0.0.1:8000",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
}


class Answer:
    """The ``start_response`` of a server, which keeps what it was told."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.body = b""

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        self.status = status
        self.headers = headers
        return None

    def values(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each.lower() == name]

    @property
    def media_type(self) -> str:
        return self.values("content-type")[0].partition(";")[0]


def make_environ(path: str, cookie: str = "") -> dict[str, Any]:
    """The environ of a GET request, with the keys that gunicorn 25 and later gives."""
    headers = {**BROWSER, **({"Cookie": cookie} if cookie else {})}
    return {
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.input_terminated": True,
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
        "SERVER_SOFTWARE": "gunicorn",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "REQUEST_METHOD": "GET",
        "RAW_URI": path,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }


def ask(app: WSGIApplication, path: str, cookie: str = "") -> Answer:
    """One request, as a server serves it."""
    answer = Answer()
    body = app(make_environ(path, cookie), answer.start)
    answer.body = b"".join(body)
    if hasattr(body, "close"):
        body.close()
    return answer


def cookie_of(answer: Answer) -> str:
    """The Cookie header with which the browser comes back after that answer."""
    cookies = SimpleCookie("; ".join(answer.values("set-cookie")))
    return "; ".join(f"{name}={morsel.coded_value}" for name, morsel in cookies.items())
