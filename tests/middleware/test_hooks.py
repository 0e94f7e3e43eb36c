"""HooksMiddleware."""

import logging

import pytest
from werkzeug.exceptions import NotFound

from wsgikit import App, Response, after_this_request, request, signals
from wsgikit.middleware import ContextMiddleware, HooksMiddleware

PLAIN = [("Content-Type", "text/plain")]


@pytest.fixture
def app():
    return App("legacy")


def page(environ, start_response):
    start_response("200 OK", list(PLAIN))
    return [b"page"]


def chain(app, inner=page):
    return ContextMiddleware(HooksMiddleware(inner), current_app=app)


def test_first_before_request_that_returns_something_answers(app, serve):
    calls = []
    app.before_request(lambda: calls.append("first"))
    app.before_request(lambda: ("stopped", 403))
    app.before_request(lambda: calls.append("third"))
    answer = serve(chain(app))
    assert (answer.status, answer.body) == ("403 FORBIDDEN", b"stopped")
    assert calls == ["first"]


def test_after_request_runs_last_registered_first_after_this_request_before(app, serve):
    calls = []
    app.after_request(lambda response: calls.append("first"))
    app.after_request(lambda response: calls.append("second"))

    @app.before_request
    def register():
        after_this_request(lambda response: calls.append("this"))

    serve(chain(app))
    assert calls == ["this", "second", "first"]


def test_after_request_changes_a_stream_without_consuming_it(app, serve):
    pulled = []

    def stream(environ, start_response):
        start_response("200 OK", list(PLAIN))
        for chunk in (b"one", b"two"):
            pulled.append(chunk)
            yield chunk

    @app.after_request
    def change(response):
        assert pulled == [b"one"]  # the chunk that a generator app starts its response with
        response.status_code = 202
        response.headers["X-Hook"] = "1"
        return response

    answer = serve(chain(app, stream))
    assert (answer.status, answer.chunks) == ("202 ACCEPTED", [b"one", b"two"])
    assert ("X-Hook", "1") in answer.headers


def test_after_request_can_replace_the_response_and_the_old_body_is_closed(app, serve, hostile):
    app.after_request(lambda response: Response("other", 201))
    answer = serve(chain(app, hostile.stream))
    assert (answer.status, answer.body) == ("201 CREATED", b"other")
    assert hostile.bodies[0].closed == 1


def test_after_request_can_rewrite_the_body(app, serve, hostile):
    @app.after_request
    def shout(response):
        response.set_data(response.get_data().upper())
        return response

    answer = serve(chain(app, hostile.stream))
    assert answer.body == b"ONETWOTHREE"
    assert ("Content-Length", "11") in answer.headers
    assert hostile.bodies[0].closed == 1


def test_write_app_is_hooked_before_its_first_data(app, serve, hostile):
    app.after_request(lambda response: response.headers.set("X-Hook", "1"))
    answer = serve(chain(app, hostile.write))
    assert answer.body == b"written twice and returned"
    assert ("X-Hook", "1") in answer.headers


def test_error_handler_takes_an_error_of_a_wrapped_app(app, serve, hostile):
    app.register_error_handler(LookupError, lambda error: (f"sorry, {error}", 404))
    app.after_request(lambda response: response.headers.set("X-Hook", "1"))
    answer = serve(chain(app, hostile.raises))
    assert (answer.status, answer.body) == ("404 NOT FOUND", b"sorry, no response at all")
    assert ("X-Hook", "1") in answer.headers


def test_handled_error_is_still_the_outcome(app, serve, hostile):
    outcomes = []
    app.teardown_request(outcomes.append)
    app.register_error_handler(LookupError, lambda error: "handled")
    serve(chain(app, hostile.raises))
    assert [type(outcome) for outcome in outcomes] == [LookupError]


def test_failing_after_request_becomes_an_error(app, serve, hostile):
    app.after_request(lambda response: 1 / 0)
    app.register_error_handler(ZeroDivisionError, lambda error: "handled")
    answer = serve(chain(app, hostile.stream))
    assert hostile.bodies[0].closed == 1
    assert answer.body == b"handled"


def test_failing_after_request_does_not_lose_an_errors_response(app, serve, caplog):
    app.after_request(lambda response: 1 / 0)

    def missing(environ, start_response):
        raise NotFound

    answer = serve(chain(app, missing))
    assert answer.status == "404 NOT FOUND"
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_app_that_never_starts_a_response_is_an_error(app, serve):
    answer = serve(chain(app, lambda environ, start_response: []))
    assert isinstance(answer.error, RuntimeError)
    assert "start_response" in str(answer.error)


def test_second_start_without_exc_info_is_an_error(app, serve):
    def twice(environ, start_response):
        start_response("200 OK", list(PLAIN))
        start_response("200 OK", list(PLAIN))
        return [b""]

    assert isinstance(serve(chain(app, twice)).error, AssertionError)


def test_before_first_request_runs_once_and_again_after_it_raised(app, serve):
    calls = []

    @app.before_first_request
    def prepare():
        calls.append(request.path)
        if len(calls) == 1:
            raise LookupError("not ready")

    layer = chain(app)
    assert isinstance(serve(layer).error, LookupError)
    assert serve(layer).body == b"page"
    assert serve(layer).body == b"page"
    assert len(calls) == 2


def test_signals_frame_the_request(app, serve):
    sent = []

    def started(sender):
        sent.append("started")

    def finished(sender, response):
        sent.append(response.status)

    app.before_request(lambda: sent.append("before"))
    with (
        signals.request_started.connected_to(started, app),
        signals.request_finished.connected_to(finished, app),
    ):
        serve(chain(app))
    assert sent == ["started", "before", "200 OK"]
