"""For each case of request bodies, a naive middleware that it catches."""

import io
from functools import partial

import pytest

from wsgikit.testing.conformance import CASES, ConformanceError


def layer(function):
    return lambda app: partial(function, app)


def replaces_input(make):
    @layer
    def replaces(app, environ, start_response):
        environ["wsgi.input"] = make(environ["wsgi.input"], environ)
        return app(environ, start_response)

    return replaces


@layer
def reads_the_body(app, environ, start_response):
    environ["my.form"] = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH", 0)))
    return app(environ, start_response)


@layer
def peeks_at_the_body(app, environ, start_response):
    environ["my.has_body"] = environ["wsgi.input"].read(1) != b""
    return app(environ, start_response)


class OnlyReads:
    def __init__(self, stream, environ):
        self.read = stream.read


class FailsAtTheEnd(io.BufferedReader):
    def __init__(self, stream, environ):
        self.ended = False
        super().__init__(stream)

    def read(self, size=-1):
        data = super().read(size)
        if self.ended:
            raise EOFError("read past the end")
        self.ended = data == b""
        return data


class Exacting(io.BufferedReader):
    def __init__(self, stream, environ):
        self.left = int(environ["CONTENT_LENGTH"])
        super().__init__(stream)

    def read(self, size=-1):
        data = super().read(size)
        self.left -= len(data)
        if not data and self.left:
            raise ValueError("the body is too short")
        return data


@replaces_input
def keep_body(stream, environ):
    return io.BytesIO(stream.read(int(environ.get("CONTENT_LENGTH", 0))))


NAIVE = {
    "read_whole": (reads_the_body, "let the app read something else than what was sent"),
    "read_in_pieces": (peeks_at_the_body, "let the app read something else than what was sent"),
    "read_by_lines": (replaces_input(OnlyReads), "let the request fail with AttributeError"),
    "read_again": (replaces_input(FailsAtTheEnd), "let the request fail with EOFError"),
    "left_unread": (keep_body, "bytes of a body that the app left unread"),
    "unreadable": (keep_body, "let the request fail with OSError"),
    "shorter_than_declared": (replaces_input(Exacting), "let the request fail with ValueError"),
    "of_unknown_length": (keep_body, "let the app read something else than what was sent"),
}


@pytest.mark.parametrize("case", [case for case in CASES if case.topic == "inputs"], ids=str)
def test_case_catches(case):
    naive, text = NAIVE[case.title]
    with pytest.raises(ConformanceError) as caught:
        case.check(naive)
    assert text in str(caught.value)
