"""``request``, ``session``, ``g`` and ``current_app`` in the views of every app, by WebTest."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from wsgikit import request
from wsgikit.environ import CONTEXT
from wsgikit.errors import ClientDisconnected, ResponseAborted


def test_request_shows_method_path_and_args(site):
    response = site.browser().get("/seen?who=ann&who=bob&word=caf%C3%A9")
    assert json.loads(response.text) == {
        "method": "GET",
        "path": "/seen",
        "args": {"who": ["ann", "bob"], "word": ["café"]},
        "form": {},
        "app": "little",
    }


def test_request_shows_the_form(site):
    response = site.browser().post("/seen?a=1", [("word", "café"), ("word", "tea")])
    seen = json.loads(response.text)
    assert seen["method"] == "POST"
    assert seen["args"] == {"a": ["1"]}
    assert seen["form"] == {"word": ["café", "tea"]}


def test_session_counts_from_request_to_request(site):
    browser = site.browser()
    assert [browser.get("/count").text for _ in range(3)] == ["1", "2", "3"]
    assert json.loads(browser.get("/look").text) == {"count": 3}


def test_session_is_each_visitors_own(site):
    ann, bob = site.browser(), site.browser()
    ann.get("/count")
    ann.get("/count")
    assert bob.get("/count").text == "1"
    assert ann.get("/count").text == "3"


def test_change_inside_a_nested_value_is_kept(site):
    browser = site.browser()
    assert [browser.get("/nested").text for _ in range(3)] == ["1", "2", "3"]


def test_emptied_session_is_forgotten_by_the_browser(site):
    browser = site.browser()
    browser.get("/count")
    assert "wsgikit_session" in browser.cookies
    browser.get("/forget")
    assert "wsgikit_session" not in browser.cookies
    assert browser.get("/count").text == "1"


def test_session_that_is_only_read_sends_no_cookie(site):
    browser = site.browser()
    browser.get("/count")
    response = browser.get("/look")
    assert "Set-Cookie" not in response.headers
    assert "Cookie" in response.headers["Vary"]


def test_untouched_session_leaves_no_trace(site):
    response = site.browser().get("/plain")
    assert "Set-Cookie" not in response.headers
    assert "Vary" not in response.headers


def test_provider_opens_once_and_commits_after_the_response(site):
    assert site.browser().get("/provided").text == "db db little"
    assert site.provider == ["opened", "committed"]


def test_untouched_provider_never_runs(site):
    site.browser().get("/plain")
    assert site.provider == []


def test_g_crosses_to_no_other_request(site):
    browser = site.browser()
    assert browser.get("/private?visitor=ann").text == "None ann"
    assert browser.get("/private?visitor=bob").text == "None bob"


def test_flashed_message_is_shown_once(site):
    browser = site.browser()
    browser.get("/flash?sender=here")
    assert json.loads(browser.get("/flashed").text) == [["info", "from here"]]
    assert json.loads(browser.get("/flashed").text) == []


def test_every_chunk_of_a_stream_reads_the_proxies(site):
    browser = site.browser()
    browser.get("/count")
    response = browser.get("/live?word=tea")
    assert response.text.splitlines() == [f"{number} /live 1 db little" for number in range(3)]
    assert site.provider == ["opened", "committed"]


def test_contexts_end_when_the_stream_is_closed(site):
    open_at_chunk = []
    answer = site.fetch("/live", on_chunk=lambda chunk: open_at_chunk.append(not site.outcomes))
    assert answer.error is None
    assert open_at_chunk == [True, True, True]
    assert site.outcomes == [None]


def test_stream_goes_out_as_it_is_made(site, views):
    produced, seen = [], []
    environ = {views.PRODUCED: produced}
    answer = site.fetch("/stream", on_chunk=lambda _: seen.append(len(produced)), **environ)
    assert answer.chunks == list(views.CHUNKS)
    assert seen == [1, 2, 3]


def test_broken_stream_is_the_outcome(site):
    answer = site.fetch("/broken")
    assert answer.chunks == [b"one\n"]
    assert isinstance(answer.error, ResponseAborted)
    assert isinstance(answer.error.__cause__, LookupError)
    assert site.outcomes == [answer.error.__cause__]


def test_client_that_leaves_is_the_outcome(site):
    def leave(chunk):
        raise BrokenPipeError("the client is gone")

    answer = site.fetch("/live", on_chunk=leave)
    assert isinstance(answer.error, BrokenPipeError)
    assert [type(outcome) for outcome in site.outcomes] == [ClientDisconnected]
    assert site.provider == ["opened", "rolled back: ClientDisconnected"]


def test_environ_keeps_no_context_after_the_request(site):
    environs = []

    @site.current_app.before_request
    def keep():
        environs.append(request.environ)

    site.browser().get("/plain")
    assert [CONTEXT in environ for environ in environs] == [False]


@pytest.mark.parametrize("path", ["/café", "/日本"])
def test_request_decodes_the_path(site, path):
    response = site.browser().get(quote(path))
    assert json.loads(response.text)["path"] == path


@pytest.mark.parametrize("path", ["/plain", "/stream"])
def test_head_has_the_headers_of_get(site, path):
    got, headed = site.fetch(path), site.fetch(path, "HEAD")
    assert (headed.status, headed.headers) == (got.status, got.headers)
    assert site.outcomes == [None, None]


def test_redirect_is_followed_with_the_session(site):
    browser = site.browser()
    browser.get("/count")
    assert browser.get("/redirect").follow().text == "plain"
    assert browser.get("/count").text == "2"


def test_own_session_counts_beside_ours(legacy):
    browser = legacy.browser()
    pages = ["/own", "/count", "/own", "/count", "/own"]
    assert [browser.get(page).text for page in pages] == ["1", "1", "2", "2", "3"]


@pytest.mark.parametrize("framework", ["flask", "django", "pyramid"], indirect=True)
def test_own_messages_work_beside_ours(legacy):
    browser = legacy.browser()
    browser.get("/notice")
    browser.get("/flash?sender=here")
    assert browser.get("/notices").text == "noted"
    assert json.loads(browser.get("/flashed").text) == [["info", "from here"]]
    assert browser.get("/notices").text == ""
