"""For each case of bodies, a naive middleware that it catches."""

from functools import partial

import pytest

from wsgikit.testing.conformance import CASES, ConformanceError


def layer(function):
    return lambda app: partial(function, app)


@layer
def forgets_close(app, environ, start_response):
    yield from map(bytes, app(environ, start_response))


@layer
def joins_chunks(app, environ, start_response):
    return [b"".join(app(environ, start_response))]


@layer
def knows_no_tuples(app, environ, start_response):
    body = app(environ, start_response)
    return body if isinstance(body, list) else (chunk for chunk in body)


@layer
def fills_what_is_empty(app, environ, start_response):
    return app(environ, start_response) or [b""]


@layer
def adds_a_chunk(app, environ, start_response):
    return [*app(environ, start_response), b"footer"]


@layer
def closes_what_has_no_close(app, environ, start_response):
    body = app(environ, start_response)
    yield from body
    body.close()


@layer
def returns_the_iterator(app, environ, start_response):
    return iter(app(environ, start_response))


@layer
def peeks(app, environ, start_response):
    body = app(environ, start_response)
    next(iter(body), None)
    return body


@layer
def drops_empty_chunks(app, environ, start_response):
    body = app(environ, start_response)
    try:
        yield from filter(None, body)
    finally:
        if hasattr(body, "close"):
            body.close()


@layer
def keeps_all(app, environ, start_response):
    body = app(environ, start_response)
    try:
        return list(body)
    finally:
        if hasattr(body, "close"):
            body.close()


@layer
def needs_a_file_wrapper(app, environ, start_response):
    environ["my.file_wrapper"] = environ["wsgi.file_wrapper"]
    return app(environ, start_response)


NAIVE = {
    "one_item_list": (forgets_close, "hid the length of [b'one']"),
    "list_of_chunks": (joins_chunks, "made [b'onetwothree'] of the chunks"),
    "tuple_of_chunks": (knows_no_tuples, "hid the length of (b'one', b'two')"),
    "empty_list": (fills_what_is_empty, "made [b''] of the chunks []"),
    "content_length": (adds_a_chunk, "sent 12 bytes with Content-Length: 6"),
    "generator": (forgets_close, "left the app's generator open"),
    "iterator_without_close": (closes_what_has_no_close, "let the request fail with Attribute"),
    "close_on_the_iterable": (returns_the_iterator, "closed the app's iterable 0 times"),
    "iterated_once": (peeks, "iterated the app's iterable 2 times"),
    "chunks_as_they_are": (drops_empty_chunks, "of the chunks [b'one', b''"),
    "one_chunk_ahead": (keeps_all, "pulled 4 chunks before the server asked for one"),
    "file_wrapper": (forgets_close, "hid the server's file wrapper"),
    "no_file_wrapper": (needs_a_file_wrapper, "let the request fail with KeyError"),
}


@pytest.mark.parametrize("case", [case for case in CASES if case.topic == "bodies"], ids=str)
def test_case_catches(case):
    naive, text = NAIVE[case.title]
    with pytest.raises(ConformanceError) as caught:
        case.check(naive)
    assert text in str(caught.value)
