"""For each case of memory, a naive middleware that it catches."""

import io
import tracemalloc
from functools import partial

import pytest

from wsgikit.testing.conformance import CASES, ConformanceError


def layer(function):
    return lambda app: partial(function, app)


@layer
def joins_chunks(app, environ, start_response):
    return [b"".join(app(environ, start_response))]


@layer
def keeps_the_upload(app, environ, start_response):
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read())
    return app(environ, start_response)


class KeepsItsLastRequest:
    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        self.environ = environ
        return self.app(environ, start_response)


NAIVE = {
    "nothing_kept": (KeepsItsLastRequest, "kept the environ of a request that is over"),
    "large_response": (joins_chunks, "MiB of memory for a response of 100 MiB"),
    "large_upload": (keeps_the_upload, "MiB of memory for an upload of 100 MiB"),
}
MEMORY = [case for case in CASES if case.topic == "memory"]
LARGE = [case for case in MEMORY if case.title.startswith("large")]


@pytest.mark.parametrize("case", MEMORY, ids=str)
def test_case_catches(case):
    naive, text = NAIVE[case.title]
    with pytest.raises(ConformanceError) as caught:
        case.check(naive)
    assert text in str(caught.value)


@pytest.mark.parametrize("case", LARGE, ids=str)
def test_tracing_stays_as_it_was(case):
    case.check(lambda app: app)
    assert not tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        case.check(lambda app: app)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
