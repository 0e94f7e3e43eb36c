"""For each case of clients and of servers' closing, a naive middleware that it catches."""

import sys
from contextvars import ContextVar
from functools import partial
from wsgiref.validate import validator

import pytest

from wsgikit.testing.conformance import CASES, ConformanceError

user = ContextVar("user")


def layer(function):
    return lambda app: partial(function, app)


def close(body):
    if hasattr(body, "close"):
        body.close()


class Closing:
    """A body that passes chunks on and closes right, for the naive to spoil."""

    def __init__(self, body):
        self.body = body

    def __iter__(self):
        return iter(self.body)

    def close(self):
        close(self.body)


@layer
def fails_when_the_client_leaves(app, environ, start_response):
    class Body(Closing):
        def close(self):
            super().close()
            if sys.exc_info()[1] is not None:
                raise RuntimeError("aborted") from None

    return Body(app(environ, start_response))


@layer
def closes_after_the_last_chunk(app, environ, start_response):
    body = app(environ, start_response)
    yield from body
    close(body)


@layer
def swallows_the_end(app, environ, start_response):
    class Body(Closing):
        def __init__(self, body):
            self.body = body
            self.ended = False

        def __iter__(self):
            yield from self.body
            self.ended = True

        def close(self):
            if self.ended or sys.exc_info()[1] is not None:
                super().close()

    return Body(app(environ, start_response))


@layer
def closes_what_was_iterated(app, environ, start_response):
    def chunks(body):
        try:
            yield from body
        finally:
            close(body)

    return chunks(app(environ, start_response))


@layer
def resets_when_closed(app, environ, start_response):
    class Body(Closing):
        def close(self):
            super().close()
            user.reset(token)

    token = user.set("someone")
    try:
        return Body(app(environ, start_response))
    except BaseException:
        user.reset(token)
        raise


@layer
def resets_after_the_last_chunk(app, environ, start_response):
    token = user.set("someone")
    body = app(environ, start_response)
    try:
        yield from body
    finally:
        close(body)
        user.reset(token)


NAIVE = {
    "leaves_before_the_first_chunk": (fails_when_the_client_leaves, "made RuntimeError('aborted')"),
    "leaves_in_the_middle": (closes_after_the_last_chunk, "closed the app's iterable 0 times"),
    "closes_early": (swallows_the_end, "closed the app's iterable 0 times"),
    "never_iterates": (closes_what_was_iterated, "closed the app's iterable 0 times"),
    "closes_twice": (resets_when_closed, "has already been used once"),
    "abandons": (resets_when_closed, "left these context variables changed: user"),
    "closes_in_another_thread": (resets_when_closed, "was created in a different Context"),
    "closes_in_another_context": (resets_when_closed, "was created in a different Context"),
    "pulls_in_several_threads": (resets_after_the_last_chunk, "variables changed: user"),
}
CLIENTS = {case.title: case for case in CASES if case.topic == "clients"}


@pytest.mark.parametrize("case", CLIENTS.values(), ids=str)
def test_case_catches(case):
    naive, text = NAIVE[case.title]
    with pytest.raises(ConformanceError) as caught:
        case.check(naive)
    assert text in str(caught.value)


def test_case_catches_what_fails_in_del():
    with pytest.raises(ConformanceError, match=r"raised .* when an abandoned body was collected"):
        CLIENTS["abandons"].check(validator)
