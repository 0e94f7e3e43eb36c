"""The wrapped apps' own answers come out byte for byte as without the chain."""

from __future__ import annotations

from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest

from wsgikit import session

pytestmark = pytest.mark.usefixtures("frozen_clock")

UNMODIFIED = {"HTTP_IF_NONE_MATCH": '"v1"'}
RANGE = {"HTTP_RANGE": "bytes=5-9"}
# name: path, method, body, environ keys, and the status codes that the frameworks answer with
PAGES = {
    "page": ("/plain", "GET", b"", {}, {"200"}),
    "head": ("/plain", "HEAD", b"", {}, {"200"}),
    "wrong_method": ("/plain", "POST", b"", {}, {"404", "405"}),
    "no_content": ("/empty", "GET", b"", {}, {"204"}),
    "form": ("/form", "POST", b"word=caf%C3%A9", {}, {"200"}),
    "redirect": ("/redirect", "GET", b"", {}, {"302"}),
    "stream": ("/stream", "GET", b"", {}, {"200"}),
    "head_of_stream": ("/stream", "HEAD", b"", {}, {"200"}),
    "file": ("/file", "GET", b"", {}, {"200"}),
    "head_of_file": ("/file", "HEAD", b"", {}, {"200"}),
    "range_of_file": ("/file", "GET", b"", RANGE, {"200", "206"}),
    "tagged": ("/tagged", "GET", b"", {}, {"200"}),
    "not_modified": ("/tagged", "GET", b"", UNMODIFIED, {"304"}),
    "not_found": ("/missing", "GET", b"", {}, {"404"}),
    "head_not_found": ("/missing", "HEAD", b"", {}, {"404"}),
    "error": ("/fail", "GET", b"", {}, {"500"}),
    "head_of_error": ("/fail", "HEAD", b"", {}, {"500"}),
    "own_session": ("/own", "GET", b"", {}, {"200"}),
}
FRAMEWORKS = ("flask", "django", "bottle", "falcon", "pyramid", "bare")

# What a framework does that a validator refuses, with a chain or without.
KNOWN_FAULTS = {
    ("flask", "no_content"): "Content-Type header found in a 204 response",
    ("django", "no_content"): "Content-Type header found in a 204 response",
}

ALL = [(framework, page) for framework in FRAMEWORKS for page in PAGES]
CASES = [("standard", *pair) for pair in ALL]
CASES += [
    (mode, *pair) for mode in ("validated", "fallback") for pair in ALL if pair not in KNOWN_FAULTS
]
each_case = pytest.mark.parametrize(
    ("mode", "framework", "page"), CASES, indirect=["mode", "framework"]
)


@pytest.fixture
def ask(serve, page):
    """Send the page's request to an app."""
    path, method, body, environ, _ = PAGES[page]
    return lambda app, **values: serve(app, path, method, body, **environ, **values)


@pytest.fixture
def expected(bare, page, ask):
    """What the app answers without a chain."""
    answer = ask(bare)
    assert answer.status[:3] in PAGES[page][-1]
    return answer


@each_case
def test_answer_is_the_same_as_without_the_chain(legacy, expected, ask):
    assert ask(legacy.wsgi).bytes == expected.bytes


@each_case
def test_answer_to_the_own_cookies_is_the_same(legacy, bare, ask, serve):
    cookies = serve(bare, "/own").cookies
    assert "own" in cookies or "session" in cookies
    expected = ask(bare, HTTP_COOKIE=cookies)
    assert ask(legacy.wsgi, HTTP_COOKIE=cookies).bytes == expected.bytes


@each_case
def test_after_request_hook_changes_nothing_but_its_header(legacy, expected, ask):
    @legacy.current_app.after_request
    def mark(response):
        response.headers["X-Marked"] = "yes"

    answer = ask(legacy.wsgi)
    assert answer.headers == [*expected.headers, ("X-Marked", "yes")]
    assert (answer.status, answer.chunks) == (expected.status, expected.chunks)


@each_case
def test_touched_session_adds_cookie_and_vary_alone(legacy, expected, ask):
    @legacy.current_app.before_request
    def touch():
        session["touched"] = True

    answer = ask(legacy.wsgi)
    assert (answer.status, answer.chunks) == (expected.status, expected.chunks)
    assert without_session(answer) == without_session(expected)
    assert vary(answer) == vary(expected) | {"cookie"}
    ours = [value for value in answer.values("Set-Cookie") if is_ours(value)]
    assert len(ours) == (0 if answer.status.startswith("5") else 1)


def is_ours(value):
    return value.startswith("wsgikit_session=")


def without_session(answer):
    return [
        (name, value)
        for name, value in answer.headers
        if name.lower() != "vary" and not is_ours(value) and value != 'no-cache="Set-Cookie"'
    ]


def vary(answer):
    names = ",".join(answer.values("Vary")).lower().split(",")
    return {name.strip() for name in names} - {""}


@pytest.mark.parametrize(
    ("framework", "page", "message"),
    [(*pair, message) for pair, message in KNOWN_FAULTS.items()],
    indirect=["framework"],
)
def test_known_fault_is_the_frameworks_own(bare, ask, message):
    answer = ask(validator(bare))
    assert isinstance(answer.error, AssertionError)
    assert message in str(answer.error)


# The generator app is not in it: what a generator yields from is hidden from the server anyhow.
@pytest.mark.parametrize(
    ("mode", "framework", "page"),
    [("standard", framework, "file") for framework in FRAMEWORKS if framework != "bare"],
    indirect=["mode", "framework"],
)
def test_file_reaches_the_server_in_its_file_wrapper(legacy, bare, ask):
    assert ask(bare).body_type is FileWrapper
    assert ask(legacy.wsgi).body_type is FileWrapper
    assert legacy.outcomes == [None]
