"""For each case of responses without a body, a naive middleware that it catches."""

from functools import partial

import pytest

from wsgikit.testing.conformance import CASES, ConformanceError


def layer(function):
    return lambda app: partial(function, app)


@layer
def makes_head_a_get(app, environ, start_response):
    if environ["REQUEST_METHOD"] == "HEAD":
        environ["REQUEST_METHOD"] = "GET"
    return app(environ, start_response)


@layer
def sends_a_page_for_every_error(app, environ, start_response):
    try:
        return app(environ, start_response)
    except Exception:
        start_response("500 Oops", [("Content-Type", "text/plain")])
        return [b"sorry"]


def adds(*header, unless=()):
    @layer
    def adds_a_header(app, environ, start_response):
        def start(status, headers, exc_info=None):
            if not status.startswith(unless):
                headers = [*headers, header]
            return start_response(status, headers, exc_info)

        return app(environ, start)

    return adds_a_header


NAIVE = {
    "head": (makes_head_a_get, "sent 3 bytes where 200 OK has no body"),
    "error_for_head": (sends_a_page_for_every_error, "sent 5 bytes where 500 Oops has no body"),
    "no_content": (adds("Content-Length", "0"), "added content-length to 204"),
    "not_modified": (adds("Content-Type", "text/html", unless=("204",)), "content-type to 304"),
    "informational": (adds("Content-Length", "0", unless=("204", "304")), "content-length to 101"),
}


@pytest.mark.parametrize("case", [case for case in CASES if case.topic == "bodyless"], ids=str)
def test_case_catches(case):
    naive, text = NAIVE[case.title]
    with pytest.raises(ConformanceError) as caught:
        case.check(naive, answers_errors=True)
    assert text in str(caught.value)
