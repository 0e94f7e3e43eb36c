"""For each case of write(), a naive middleware that it catches."""

from functools import partial

import pytest

from wsgikit.testing.conformance import CASES, ConformanceError


def layer(function):
    return lambda app: partial(function, app)


@layer
def loses_write(app, environ, start_response):
    def start(status, headers, exc_info=None):
        start_response(status, headers, exc_info)

    return app(environ, start)


@layer
def sends_what_was_written_last(app, environ, start_response):
    written = []

    def start(*args):
        start_response(*args)
        return written.append

    body = app(environ, start)
    try:
        yield from body
        yield from written
    finally:
        if hasattr(body, "close"):
            body.close()


@layer
def keeps_what_was_written(app, environ, start_response):
    written = []

    def start(*args):
        start_response(*args)
        return written.append

    body = app(environ, start)
    return [*written, *body]


@layer
def ignores_that_the_client_left(app, environ, start_response):
    def start(*args):
        write = start_response(*args)

        def quiet(data):
            try:
                write(data)
            except OSError:
                return

        return quiet

    return app(environ, start)


NAIVE = {
    "alone": (loses_write, "let the request fail with TypeError"),
    "before_the_iterable": (sends_what_was_written_last, "of the chunks"),
    "at_once": (keeps_what_was_written, "kept what was written until the app was done"),
    "to_nobody": (ignores_that_the_client_left, "of the server's BrokenPipeError"),
}


@pytest.mark.parametrize("case", [case for case in CASES if case.topic == "writes"], ids=str)
def test_case_catches(case):
    naive, text = NAIVE[case.title]
    with pytest.raises(ConformanceError) as caught:
        case.check(naive)
    assert text in str(caught.value)
