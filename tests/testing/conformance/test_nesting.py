"""For each case of several requests, a naive middleware that it catches."""

from contextvars import Context, ContextVar
from functools import partial

import pytest

from wsgikit.testing.conformance import CASES, ConformanceError

user = ContextVar("user")


def layer(function):
    return lambda app: partial(function, app)


@layer
def clears_its_key(app, environ, start_response):
    environ["my.key"] = "open"
    body = app(environ, start_response)
    del environ["my.key"]
    return body


class KeepsRequestsOnSelf:
    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        self.start_response = start_response
        return self.app(environ, lambda *args: self.start_response(*args))


@layer
def starts_by_what_is_in_the_environ(app, environ, start_response):
    return app(environ, environ.setdefault("my.start_response", start_response))


class ResetsWhenClosed:
    def __init__(self, body):
        self.body = body
        self.token = user.set("someone")

    def __iter__(self):
        return iter(self.body)

    def close(self):
        if hasattr(self.body, "close"):
            self.body.close()
        user.reset(self.token)


@layer
def clears_its_stack_when_closed(app, environ, start_response):
    class Body(ResetsWhenClosed):
        def close(self):
            if hasattr(self.body, "close"):
                self.body.close()
            user.set([])

    return Body(app(environ, start_response))


@layer
def runs_every_step_in_a_context_of_its_own(app, environ, start_response):
    context = Context()
    chunks = iter(context.run(app, environ, start_response))
    return iter(lambda: context.run(next, chunks, None), None)


@layer
def takes_the_last_opened_for_the_first_closed(app, environ, start_response):
    return ResetsWhenClosed(app(environ, start_response))


@layer
def knows_of_one_attempt(app, environ, start_response):
    if "my.user" in environ:
        raise RuntimeError("called twice for one request")
    environ["my.user"] = "someone"
    body = app(environ, start_response)
    del environ["my.user"]
    return body


NAIVE = {
    "around_itself": (clears_its_key, "let the request fail with KeyError('my.key')"),
    "within_itself": (KeepsRequestsOnSelf, "let the request fail with ProtocolError"),
    "within_itself_by_a_copy": (starts_by_what_is_in_the_environ, "fail with ProtocolError"),
    "within_its_body": (clears_its_stack_when_closed, "context variables changed: user"),
    "internal_redirect": (clears_its_key, "let the request fail with KeyError('my.key')"),
    "variables_of_outer_layers": (
        runs_every_step_in_a_context_of_its_own,
        "hid a context variable",
    ),
    "interleaved": (takes_the_last_opened_for_the_first_closed, "variables changed: user"),
    "retried": (knows_of_one_attempt, "fail with RuntimeError('called twice for one request')"),
    "threads": (KeepsRequestsOnSelf, "raised ProtocolError"),
}


@pytest.mark.parametrize("case", [case for case in CASES if case.topic == "nesting"], ids=str)
def test_case_catches(case):
    naive, text = NAIVE[case.title]
    with pytest.raises(ConformanceError) as caught:
        case.check(naive)
    assert text in str(caught.value)
