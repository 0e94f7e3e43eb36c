"""Bugs of the systems that users have today: each check fails there, and holds here.

An ``xfail`` that passes is a failure: then that system has been put right.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import flask
import pytest
from werkzeug.test import create_environ
from werkzeug.wsgi import ClosingIterator

from wsgikit import App, Response
from wsgikit.closing import on_close
from wsgikit.middleware import standard


class Fault(Exception):
    """What goes wrong on purpose."""


def broken_stream() -> Iterator[str]:
    yield "first"
    raise Fault


def flask_app(outcomes: list[Any]) -> Any:
    app = flask.Flask("known")
    app.teardown_request(outcomes.append)
    app.add_url_rule("/", view_func=lambda: flask.stream_with_context(broken_stream()))
    return app


def wsgikit_app(outcomes: list[Any]) -> Any:
    app = App("known", config={"SECRET_KEY": "only for tests", "TESTING": True})
    app.teardown_request(outcomes.append)
    app.add_url_rule("/", "stream", broken_stream)
    return standard(app)


@pytest.mark.parametrize(
    "make_app",
    [
        pytest.param(
            flask_app,
            marks=pytest.mark.xfail(
                strict=True, reason="E9: stream_with_context tears down twice, first with None"
            ),
        ),
        wsgikit_app,
    ],
)
def test_error_in_a_stream_is_told_to_the_teardown_once(make_app: Callable[..., Any]) -> None:
    outcomes: list[Any] = []
    body = make_app(outcomes)(create_environ("/"), lambda *args: print)
    with pytest.raises(Fault):
        list(body)
    body.close()
    assert [type(outcome) for outcome in outcomes] == [Fault]


Callbacks = list[Callable[..., object]]


def closing_iterator(callbacks: Callbacks) -> Iterable[bytes]:
    return ClosingIterator([b"body"], callbacks)


def nested_on_close(callbacks: Callbacks) -> Iterable[bytes]:
    body: Iterable[bytes] = [b"body"]
    for callback in callbacks:
        body = on_close(body, callback)
    return body


def call_on_close(callbacks: Callbacks) -> Iterable[bytes]:
    response = Response("body")
    for callback in callbacks:
        response.call_on_close(callback)
    return response(create_environ(), lambda *args: print)


def teardowns(callbacks: Callbacks) -> Iterable[bytes]:
    app = App("known", config={"SECRET_KEY": "only for tests", "TESTING": True})
    app.add_url_rule("/", "view", lambda: "body")
    for callback in reversed(callbacks):
        app.teardown_request(callback)
    return standard(app)(create_environ("/"), lambda *args: print)


@pytest.mark.parametrize(
    "make_body",
    [
        pytest.param(
            closing_iterator,
            marks=pytest.mark.xfail(strict=True, reason="E11: callbacks after it are skipped"),
        ),
        nested_on_close,
        call_on_close,
        teardowns,
    ],
)
def test_callback_that_raises_keeps_no_other_from_running(
    make_body: Callable[[Callbacks], Any],
) -> None:
    ran: list[str] = []

    def first(*args: object) -> None:
        ran.append("first")
        raise Fault

    def second(*args: object) -> None:
        ran.append("second")

    body = make_body([first, second])
    list(body)
    with pytest.raises(Fault):
        body.close()
    assert ran == ["first", "second"]
