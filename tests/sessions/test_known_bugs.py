"""Faults of the session libraries that users have today: each check fails there, and holds here.

An ``xfail`` that passes is a failure: then that library has been put right. The losses of
parallel requests are in ``tests/concurrency``, with real servers.
"""

import asyncio
import secrets
from contextlib import suppress
from http.cookies import SimpleCookie
from urllib.parse import parse_qs

import pytest
from werkzeug.test import create_environ, run_wsgi_app

from wsgikit.environ import SESSION
from wsgikit.errors import SessionTooLarge
from wsgikit.middleware import SessionMiddleware
from wsgikit.sessions import MemoryStore

KEY = "a key of thirty-two bytes: 12345"
MAX_HEADER = 4093


class Browser:
    """Sends requests with the cookies it was given, by WSGI or by ASGI."""

    def __init__(self, app, cookies=()):
        self.app = app
        self.cookies = dict(cookies)
        self.set_cookies = []

    def get(self, path):
        ask = _ask_asgi if getattr(self.app, "is_asgi", False) else _ask_wsgi
        header = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body, self.set_cookies = ask(self.app, path, header)
        for each in self.set_cookies:
            for name, morsel in SimpleCookie(each).items():
                self.cookies[name] = morsel.value
        return body


def _ask_wsgi(app, path, cookies):
    environ = create_environ(path, headers={"Cookie": cookies} if cookies else {})
    body, _, headers = run_wsgi_app(app, environ)
    return b"".join(body).decode(), headers.getlist("Set-Cookie")


def _ask_asgi(app, path, cookies):
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(b"host", b"localhost"), (b"cookie", cookies.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    messages = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        messages.append(message)

    asyncio.run(app(scope, receive, send))
    headers = [header for message in messages for header in message.get("headers", ())]
    body = b"".join(message.get("body", b"") for message in messages)
    return body.decode(), [v.decode() for name, v in headers if name.lower() == b"set-cookie"]


def wsgikit(**options):
    def app(environ, start_response):
        session, query = environ[SESSION], parse_qs(environ.get("QUERY_STRING", ""))
        if "size" in query:
            session["text"] = secrets.token_urlsafe(int(query["size"][0]))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(len(session.get("text", ""))).encode()]

    return SessionMiddleware(app, secret_key=KEY, **options)


def beaker():
    from beaker.middleware import SessionMiddleware as BeakerMiddleware

    def app(environ, start_response):
        session, query = environ["beaker.session"], parse_qs(environ.get("QUERY_STRING", ""))
        if "size" in query:
            session["text"] = secrets.token_urlsafe(int(query["size"][0]))
            session.save()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(len(session.get("text", ""))).encode()]

    return BeakerMiddleware(app, {"session.type": "memory"})


def litestar(**options):
    from litestar import Litestar, Request, get
    from litestar.middleware.session.client_side import CookieBackendConfig
    from litestar.middleware.session.server_side import ServerSideSessionConfig

    @get("/", sync_to_thread=False)
    def view(request: Request) -> str:
        if "size" in request.query_params:
            request.session["text"] = secrets.token_urlsafe(int(request.query_params["size"]))
        return str(len(request.session.get("text", "")))

    in_cookie = options.get("in_cookie")
    config = CookieBackendConfig(KEY.encode()) if in_cookie else ServerSideSessionConfig()
    app = Litestar([view], middleware=[config.middleware], logging_config=None)

    async def asgi(scope, receive, send):
        await app(scope, receive, send)

    asgi.is_asgi = True
    return asgi


def starlette():
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.sessions import SessionMiddleware as StarletteMiddleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def view(request):
        if "size" in request.query_params:
            request.session["text"] = secrets.token_urlsafe(int(request.query_params["size"]))
        return PlainTextResponse(str(len(request.session.get("text", ""))))

    middleware = [Middleware(StarletteMiddleware, secret_key=KEY)]
    app = Starlette(routes=[Route("/", view)], middleware=middleware)
    app.is_asgi = True
    return app


def faulty(reason, *values):
    mark = pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason)
    return pytest.param(*values, marks=mark)


@pytest.mark.parametrize(
    ("make_app", "name"),
    [
        faulty("E4: Beaker takes an id of the client's choice", beaker, "beaker.session.id"),
        faulty("E5: Litestar takes an id of the client's choice", litestar, "session"),
        (lambda: wsgikit(store=MemoryStore()), "wsgikit_session"),
    ],
)
def test_id_of_the_clients_own_choice_is_not_taken(make_app, name):
    app = make_app()
    planted = {name: "attackerchosen"}
    Browser(app, planted).get("/?size=10")
    assert Browser(app, planted).get("/") == "0"


@pytest.mark.parametrize(
    "make_app",
    [
        faulty("E6: Starlette sends a cookie that browsers drop, without a word", starlette),
        wsgikit,
    ],
)
def test_cookie_that_browsers_would_drop_is_not_sent(make_app):
    browser = Browser(make_app())
    with suppress(SessionTooLarge):
        browser.get("/?size=6000")
    assert all(len(each) <= MAX_HEADER for each in browser.set_cookies)


@pytest.mark.parametrize(
    "make_app",
    [
        faulty(
            "E18: Litestar sorts the chunks as text: from ten on they are lost",
            lambda: litestar(in_cookie=True),
        ),
        lambda: wsgikit(oversize="chunk", max_chunks=30),
    ],
)
def test_session_in_more_than_ten_cookies_comes_back(make_app):
    browser = Browser(make_app())
    browser.get("/?size=40000")
    assert len(browser.cookies) > 10
    assert int(browser.get("/")) > 40_000
