"""Hooks, error handlers and teardown of the current app, around every app."""

from __future__ import annotations

import pytest

from wsgikit import abort, after_this_request, g, request, session, signals


def test_before_request_answers_in_place_of_the_app(site):
    @site.current_app.before_request
    def stop():
        return "stopped", 403, {"X-Stopped": "yes"}

    browser = site.browser()
    response = browser.get("/count", status=403)
    assert response.text == "stopped"
    assert response.headers["X-Stopped"] == "yes"
    assert "Set-Cookie" not in response.headers
    assert site.outcomes == [None]


def test_before_request_shares_session_and_g_with_the_view(site):
    @site.current_app.before_request
    def prepare():
        session["count"] = 10
        g.visitor = request.args.get("visitor")

    browser = site.browser()
    assert browser.get("/count").text == "11"
    assert browser.get("/private?visitor=ann").text == "ann ann"


def test_form_read_by_a_hook_is_read_again_by_our_request(site):
    @site.current_app.before_request
    def look():
        g.word = request.form["word"]

    assert '"word": ["tea"]' in site.browser().post("/seen", {"word": "tea"}).text


def test_abort_in_a_hook_is_the_answer(site):
    @site.current_app.before_request
    def refuse():
        abort(401)

    site.browser().get("/plain", status=401)


def test_after_request_sees_a_stream_before_its_body(site, views):
    produced, produced_at_hook = [], []

    @site.current_app.after_request
    def mark(response):
        produced_at_hook.append(len(produced))
        response.headers["X-Marked"] = "yes"

    answer = site.fetch("/stream", **{views.PRODUCED: produced})
    assert answer.values("X-Marked") == ["yes"]
    assert answer.chunks == list(views.CHUNKS)
    # Bottle and a generator app make their first chunk before they start the response.
    assert produced_at_hook in ([0], [1])


def test_after_request_replaces_the_answer(site, views):
    @site.current_app.after_request
    def replace(response):
        return "instead", 418

    answer = site.fetch("/stream")
    assert answer.status.startswith("418")
    assert answer.body == b"instead"
    assert site.outcomes == [None]


def test_after_request_runs_last_registered_first(site):
    order = []
    site.current_app.after_request(lambda response: order.append("first"))
    site.current_app.after_request(lambda response: order.append("second"))
    site.browser().get("/plain")
    assert order == ["second", "first"]


def test_after_this_request_runs_ahead_of_the_others(site):
    order = []

    @site.current_app.before_request
    def once():
        after_this_request(lambda response: order.append("this"))

    site.current_app.after_request(lambda response: order.append("every"))
    site.browser().get("/plain")
    assert order == ["this", "every"]


def test_before_first_request_runs_once(site):
    ran = []
    site.current_app.before_first_request(lambda: ran.append(1))
    browser = site.browser()
    browser.get("/plain")
    browser.get("/plain")
    assert ran == [1]


@pytest.mark.parametrize("path", ["/plain", "/stream", "/file", "/missing", "/redirect"])
def test_teardown_is_told_once_that_all_went_well(site, path):
    site.browser().get(path, status="*")
    assert site.outcomes == [None]


def test_every_teardown_runs_last_registered_first(site):
    order = []
    site.current_app.teardown_request(lambda outcome: order.append("first"))
    site.current_app.teardown_request(lambda outcome: order.append("second"))
    site.browser().get("/plain")
    assert order == ["second", "first"]


def test_error_of_a_view_is_a_500_and_the_outcome(raising_site, caplog):
    site = raising_site
    response = site.browser().get("/fail", status=500)
    assert "Internal Server Error" in response.text
    assert [(type(error), str(error)) for error in site.outcomes] == [
        (LookupError, "the view failed")
    ]
    assert [record.exc_info[1] for record in logged(caplog)] == site.outcomes


def logged(caplog):
    return [record for record in caplog.records if record.name == "little"]


def test_provider_rolls_back_when_a_view_fails(raising_site):
    site = raising_site

    @site.current_app.before_request
    def touch():
        return None if g.db == "db" else "no db"

    site.browser().get("/fail", status=500)
    assert site.provider == ["opened", "rolled back: LookupError"]


def test_error_handler_answers_for_the_view(raising_site):
    site = raising_site

    @site.current_app.errorhandler(LookupError)
    def explain(error):
        return f"sorry: {error} at {request.path}", 503

    site.current_app.after_request(lambda response: response.headers.add("X-After", "yes"))
    response = site.browser().get("/fail", status=503)
    assert response.text == "sorry: the view failed at /fail"
    assert response.headers["X-After"] == "yes"
    assert [type(outcome) for outcome in site.outcomes] == [LookupError]


def test_handler_of_500_gets_the_original_exception(raising_site):
    site = raising_site
    originals = []

    @site.current_app.errorhandler(500)
    def explain(error):
        originals.append(error.original_exception)
        return "broken", 500

    assert site.browser().get("/fail", status=500).text == "broken"
    assert originals == site.outcomes
    assert type(originals[0]) is LookupError


def test_error_page_of_the_framework_is_no_failure_of_ours(legacy):
    legacy.browser().get("/fail", status=500, expect_errors=True)
    assert legacy.outcomes == [None]


def test_session_of_a_failed_request_is_not_saved(raising_site):
    site = raising_site

    @site.current_app.before_request
    def change():
        session["count"] = 99

    response = site.browser().get("/fail", status=500)
    assert "Set-Cookie" not in response.headers


def test_signals_are_sent_around_every_app(site):
    sent = []

    def listen(name):
        return lambda sender, **data: sent.append((name, sender.name))

    receivers = {
        signal: listen(signal.name)
        for signal in (
            signals.request_started,
            signals.request_finished,
            signals.request_tearing_down,
        )
    }
    for signal, receiver in receivers.items():
        signal.connect(receiver)
    try:
        site.browser().get("/plain")
    finally:
        for signal, receiver in receivers.items():
            signal.disconnect(receiver)
    assert sent == [
        ("request-started", "little"),
        ("request-finished", "little"),
        ("request-tearing-down", "little"),
    ]


def test_form_read_by_a_hook_is_read_again_by_the_framework(legacy):
    @legacy.current_app.before_request
    def look():
        assert request.form["word"] == "tea"

    assert legacy.browser().post("/form", {"word": "tea"}).text == "tea"
