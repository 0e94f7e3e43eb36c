"""For each case of the start, a naive middleware that it catches."""

from functools import partial

import pytest

from wsgikit.testing.conformance import CASES, ConformanceError


def layer(function):
    return lambda app: partial(function, app)


@layer
def needs_the_start_at_return(app, environ, start_response):
    starts = []
    body = app(environ, lambda *args: starts.append(args))
    start_response(*starts[0])
    return body


@layer
def needs_a_first_chunk(app, environ, start_response):
    chunks = iter(app(environ, start_response))
    yield next(chunks)
    yield from chunks


@layer
def makes_headers_a_dict(app, environ, start_response):
    def start(status, headers, exc_info=None):
        return start_response(status, list(dict(headers).items()), exc_info)

    return app(environ, start)


def drops(name, value=""):
    @layer
    def drops_a_header(app, environ, start_response):
        def start(status, headers, exc_info=None):
            headers = [each for each in headers if each[0] != name or value not in each[1]]
            return start_response(status, headers, exc_info)

        return app(environ, start)

    return drops_a_header


@layer
def edits_the_list_of_the_app(app, environ, start_response):
    def start(status, headers, exc_info=None):
        headers.append(("X-Added", "1"))
        return start_response(status, headers, exc_info)

    return app(environ, start)


@layer
def takes_none_for_an_error(app, environ, start_response):
    def start(status, headers, *exc_info):
        if exc_info:
            raise exc_info[0][1]
        return start_response(status, headers)

    return app(environ, start)


@layer
def starts_what_was_not_started(app, environ, start_response):
    started = []

    def start(*args):
        started.append(args)
        return start_response(*args)

    body = list(app(environ, start))
    if not started:
        start_response("200 OK", [("Content-Type", "text/plain")])
    return body


@layer
def keeps_the_last_start(app, environ, start_response):
    starts = []
    body = app(environ, lambda *args: starts.append(args))
    start_response(*starts[-1])
    return body


@layer
def ignores_what_the_server_refuses(app, environ, start_response):
    def start(*args):
        try:
            return start_response(*args)
        except Exception:
            return lambda data: None

    return app(environ, start)


@layer
def adds_its_headers_twice(app, environ, start_response):
    added = []

    def start(status, headers, exc_info=None):
        added.append(("X-Added", "1"))
        return start_response(status, headers + added, exc_info)

    return app(environ, start)


@layer
def loses_exc_info(app, environ, start_response):
    def start(status, headers, exc_info=None):
        return start_response(status, headers)

    return app(environ, start)


@layer
def takes_an_empty_chunk_for_sent(app, environ, start_response):
    pulled = []

    def start(status, headers, exc_info=None):
        if pulled:
            raise exc_info[1]
        return start_response(status, headers, exc_info)

    body = app(environ, start)
    try:
        for chunk in body:
            pulled.append(chunk)
            yield chunk
    finally:
        if hasattr(body, "close"):
            body.close()


NAIVE = {
    "in_a_generator": (needs_the_start_at_return, "let the request fail with IndexError"),
    "in_an_empty_generator": (needs_a_first_chunk, "generator raised StopIteration"),
    "status_and_headers": (makes_headers_a_dict, "of the headers"),
    "shared_header_list": (edits_the_list_of_the_app, "changed the app's own list"),
    "explicit_none": (takes_none_for_an_error, "let the request fail with TypeError"),
    "never_called": (starts_what_was_not_started, "a response '200 OK' of a broken response"),
    "called_twice": (keeps_the_last_start, "a response '404 Not Found' of a broken response"),
    "refused_by_the_server": (ignores_what_the_server_refuses, "made ProtocolError"),
    "replaced_before_it_left": (adds_its_headers_twice, "sent the headers"),
    "replaced_after_an_empty_chunk": (takes_an_empty_chunk_for_sent, "fail with Broken()"),
    "too_late_to_replace": (loses_exc_info, "made ProtocolError"),
}


STARTS = {case.title: case for case in CASES if case.topic == "starts"}


@pytest.mark.parametrize("case", STARTS.values(), ids=str)
def test_case_catches(case):
    naive, text = NAIVE[case.title]
    with pytest.raises(ConformanceError) as caught:
        case.check(naive)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        ("Location",),
        ("Location", "/new/1"),
        ("Location", "?a=b&c=d#e"),
        ("ETag",),
        ("Last-Modified",),
        ("Cache-Control",),
        ("Content-Disposition",),
        ("Content-Language",),
        ("Link",),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("WWW-Authenticate", "Basic"),
        ("WWW-Authenticate", "Bearer"),
        ("Allow",),
        ("Retry-After",),
        ("X-Name",),
    ],
    ids=": ".join,
)
def test_no_header_is_dropped(header):
    with pytest.raises(ConformanceError, match="of the headers"):
        STARTS["status_and_headers"].check(drops(*header))
