"""From an exception to the response of the app's handlers, and to the outcome of teardowns."""

import flask
import pytest
from werkzeug.exceptions import (
    Forbidden,
    HTTPException,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
)
from werkzeug.routing import BuildError, RequestRedirect

from wsgikit import App, abort, after_this_request, make_response, request, signals, url_for
from wsgikit.errors import ResponseAborted


@pytest.fixture
def app():
    return App("tests", config={"SECRET_KEY": "test"})


@pytest.fixture
def outcomes(app):
    outcomes = []
    app.teardown_request(outcomes.append)
    return outcomes


@pytest.fixture
def fail(app, client):
    """Serve a view that raises ``error``."""

    def serve(error, **options):
        def view():
            raise error

        app.add_url_rule("/", "view", view)
        return client.get("/", **{"status": "*", **options})

    return serve


class Missing(LookupError):
    pass


class PageMissing(NotFound):
    pass


def named(name):
    return lambda error: f"{name} {type(error).__name__}"


@pytest.mark.parametrize(
    ("handlers", "error", "answer"),
    [
        ([Missing, LookupError], Missing(), Missing),
        ([LookupError, Missing], Missing(), Missing),
        ([LookupError, Exception], Missing(), LookupError),
        ([Exception, 500], Missing(), Exception),
        ([404, HTTPException], NotFound(), 404),
        ([404, PageMissing], PageMissing(), PageMissing),
        ([404, HTTPException], PageMissing(), 404),
        ([HTTPException, Exception], Forbidden(), HTTPException),
        ([Exception], Forbidden(), Exception),
        ([403, Exception], Forbidden(), 403),
        ([NotFound, 403], NotFound(), NotFound),
        ([LookupError], BuildError("x", {}, None), LookupError),
        ([BuildError], BuildError("x", {}, None), BuildError),
        ([Exception], BuildError("x", {}, None), Exception),
    ],
    ids=str,
)
def test_handler_is_found_by_code_then_by_class_as_in_flask(app, fail, handlers, error, answer):
    legacy = flask.Flask("legacy")

    @legacy.get("/")
    def view():
        raise error

    for handler in handlers:
        app.register_error_handler(handler, named(handler))
        legacy.register_error_handler(handler, named(handler))
    assert fail(error).text == f"{answer} {type(error).__name__}"
    assert legacy.test_client().get("/").text == f"{answer} {type(error).__name__}"


def test_handler_may_answer_with_whatever_a_view_may(app, fail):
    app.register_error_handler(LookupError, lambda error: ({"error": str(error)}, 410))
    response = fail(LookupError("gone"))
    assert (response.status_int, response.json) == (410, {"error": "gone"})


def test_response_of_a_handler_is_200_unless_it_says_otherwise(app, fail):
    app.register_error_handler(404, lambda error: "page")
    assert fail(NotFound()).status_int == 200


def test_handler_may_return_the_error_itself(app, fail):
    app.register_error_handler(404, lambda error: error)
    assert fail(NotFound("nothing here")).status_int == 404


def test_handler_runs_in_the_context(app, fail):
    app.register_error_handler(LookupError, lambda error: request.path)
    assert fail(LookupError()).text == "/"


def test_http_exception_without_a_handler_is_its_own_response(fail):
    response = fail(MethodNotAllowed(["PUT"], "not so"))
    assert (response.status_int, response.headers["Allow"]) == (405, "PUT")
    assert "not so" in response.text


def test_aborted_response_is_sent_as_it_is(app, client):
    app.register_error_handler(HTTPException, lambda error: "swallowed")
    app.register_error_handler(Exception, lambda error: "swallowed")
    app.add_url_rule("/", "view", lambda: abort(make_response("own", 403)))
    response = client.get("/", status=403)
    assert response.text == "own"


@pytest.mark.parametrize("wanted", [HTTPException, Exception, RequestRedirect])
def test_handlers_do_not_swallow_redirects_of_the_router(app, client, wanted):
    app.register_error_handler(wanted, lambda error: "swallowed")
    app.add_url_rule("/folder/", "view", lambda: "x")
    assert client.get("/folder").status_int == 308


def test_router_errors_go_to_handlers(app, client):
    app.register_error_handler(404, lambda error: ("my 404", 404))
    app.register_error_handler(405, lambda error: ("my 405", 405, error.get_headers()))
    app.add_url_rule("/", "view", lambda: "x")
    assert client.get("/missing", status=404).text == "my 404"
    assert "GET" in client.post("/", status=405).headers["Allow"]


@pytest.mark.parametrize("wanted", [500, InternalServerError, HTTPException])
def test_handler_of_500_gets_the_original_exception(app, fail, wanted):
    seen = []
    app.register_error_handler(wanted, lambda error: seen.append(error) or ("sorry", 500))
    error = LookupError("x")
    assert fail(error).text == "sorry"
    assert type(seen[0]) is InternalServerError
    assert seen[0].original_exception is error


def test_handler_of_500_gets_an_aborted_500_as_it_is(app, fail):
    seen = []
    app.register_error_handler(500, lambda error: seen.append(error) or ("sorry", 500))
    error = InternalServerError("mine")
    fail(error)
    assert seen == [error]
    assert error.original_exception is None


def test_after_hooks_run_for_the_answers_of_handlers(app, fail):
    app.register_error_handler(LookupError, lambda error: "handled")
    app.register_error_handler(500, lambda error: ("sorry", 500))
    app.after_request(lambda response: response.headers.add("X-After", "yes"))
    assert fail(LookupError()).headers["X-After"] == "yes"


@pytest.mark.parametrize("error", [ValueError("x"), NotFound()])
def test_after_hooks_run_for_errors_as_in_flask(app, fail, error):
    app.register_error_handler(500, lambda error: ("sorry", 500))
    app.after_request(lambda response: response.headers.add("X-After", "yes"))
    assert fail(error).headers["X-After"] == "yes"


@pytest.mark.parametrize("propagate", [{"TESTING": True}, {"PROPAGATE_EXCEPTIONS": True}])
def test_errors_without_a_handler_of_their_own_are_raised_in_tests(app, fail, propagate):
    app.config.update(propagate)
    app.register_error_handler(500, lambda error: "never")
    with pytest.raises(LookupError, match="mine"):
        fail(LookupError("mine"))


def test_propagate_exceptions_wins_over_testing(app, fail):
    app.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=False)
    assert fail(LookupError()).status_int == 500


def test_handlers_of_the_class_count_in_tests_too(app, fail):
    app.config["TESTING"] = True
    app.register_error_handler(LookupError, named("mine"))
    assert fail(LookupError()).text == "mine LookupError"


def test_handler_that_raises_makes_a_500_and_is_logged(app, fail, caplog):
    def handler(error):
        raise ZeroDivisionError("in the handler")

    app.register_error_handler(LookupError, handler)
    assert fail(LookupError("in the view")).status_int == 500
    (record,) = caplog.records
    assert isinstance(record.exc_info[1], ZeroDivisionError)
    assert str(record.exc_info[1].__context__) == "in the view"


def test_handler_of_500_that_raises_is_not_called_for_its_own_error(app, fail, caplog):
    calls = []

    def handler(error):
        calls.append(error.original_exception)
        raise ZeroDivisionError("in the handler")

    app.register_error_handler(500, handler)
    error = LookupError("in the view")
    assert fail(error).status_int == 500
    assert calls == [error]
    assert [type(record.exc_info[1]) for record in caplog.records] == [
        LookupError,
        ZeroDivisionError,
    ]


def test_handler_may_abort(app, fail):
    app.register_error_handler(LookupError, lambda error: abort(410))
    assert fail(LookupError()).status_int == 410


def test_unhandled_error_is_logged_and_sent_once(app, fail, caplog):
    sent = []

    def receiver(sender, exception):
        sent.append((sender, exception))

    error = LookupError("x")
    with signals.got_request_exception.connected_to(receiver):
        assert fail(error).status_int == 500
    assert sent == [(app, error)]
    (record,) = caplog.records
    assert (record.name, record.levelname, record.exc_info[1]) == ("tests", "ERROR", error)
    assert record.getMessage().startswith("Exception on '/' [GET], request ")


def test_error_for_the_500_handler_is_logged_and_sent_once(app, fail, caplog):
    sent = []

    def receiver(sender, exception):
        sent.append(exception)

    app.register_error_handler(500, lambda error: ("sorry", 500))
    error = LookupError("x")
    with signals.got_request_exception.connected_to(receiver, app):
        fail(error)
    assert sent == [error]
    assert [record.exc_info[1] for record in caplog.records] == [error]


def test_propagated_error_is_sent_but_not_logged(app, fail, caplog):
    sent = []

    def receiver(sender, exception):
        sent.append(exception)

    app.config["TESTING"] = True
    error = LookupError("x")
    with (
        signals.got_request_exception.connected_to(receiver, app),
        pytest.raises(LookupError),
    ):
        fail(error)
    assert sent == [error]
    assert caplog.records == []


@pytest.mark.parametrize("error", [NotFound(), Forbidden(), RequestRedirect("/there")])
def test_http_exceptions_are_not_logged(fail, caplog, error):
    fail(error)
    assert caplog.records == []


def test_log_line_holds_no_secret_and_no_second_line(app, client, caplog):
    @app.before_request
    def check():
        raise LookupError("x")

    client.post(
        "/a%0AFORGED?token=in-query",
        {"password": "in-form"},
        headers={"Cookie": "c=in-cookie", "Authorization": "in-header"},
        status=500,
    )
    message = caplog.records[0].getMessage()
    assert message.startswith(r"Exception on '/a\nFORGED' [POST], request ")


def test_outcome_is_the_handled_error(app, fail, outcomes):
    app.register_error_handler(ValueError, named("handled"))
    error = ValueError("x")
    fail(error)
    assert outcomes == [error]


def test_outcome_is_the_unhandled_error(fail, outcomes):
    error = ValueError("x")
    fail(error)
    assert outcomes == [error]


def test_outcome_is_the_propagated_error(app, fail, outcomes):
    app.config["TESTING"] = True
    error = ValueError("x")
    with pytest.raises(ValueError, match="x"):
        fail(error)
    assert outcomes == [error]


def test_outcome_is_what_a_view_aborted_with(app, client, outcomes):
    app.add_url_rule("/", "view", lambda: abort(404))
    client.get("/", status=404)
    assert [type(outcome) for outcome in outcomes] == [NotFound]


@pytest.mark.parametrize("handled", [False, True])
def test_outcome_of_an_unknown_path_is_none(app, client, outcomes, handled):
    if handled:
        app.register_error_handler(404, lambda error: ("mine", 404))
    client.get("/missing", status=404)
    assert outcomes == [None]


def test_outcome_of_an_unknown_method_is_none(app, client, outcomes):
    app.add_url_rule("/", "view", lambda: "x")
    client.post("/", status=405)
    assert outcomes == [None]


@pytest.mark.parametrize(
    "error",
    [RequestRedirect("/there"), HTTPException(response=make_response)],
    ids=["redirect", "response"],
)
def test_outcome_of_a_raised_redirect_or_response_is_none(app, client, outcomes, error):
    @app.get("/")
    def view():
        if error.response is not None:
            error.response = make_response("early", 302)
        raise error

    client.get("/", status="*")
    assert outcomes == [None]


def test_outcome_of_a_slash_redirect_is_none(app, client, outcomes):
    app.add_url_rule("/folder/", "view", lambda: "x")
    client.get("/folder", status=308)
    assert outcomes == [None]


def test_outcome_stays_the_views_error_when_its_handler_raises(app, fail, outcomes):
    def handler(error):
        raise ZeroDivisionError

    app.register_error_handler(ValueError, handler)
    error = ValueError("x")
    fail(error)
    assert outcomes == [error]


def test_outcome_is_the_error_of_a_before_hook(app, client, outcomes):
    error = ValueError("x")

    @app.before_request
    def check():
        raise error

    client.get("/", status=500)
    assert outcomes == [error]


def test_outcome_is_the_error_of_the_stream(app, client, outcomes):
    error = ValueError("x")

    @app.get("/")
    def view():
        yield "started"
        raise error

    with pytest.raises(ResponseAborted) as cut:
        client.get("/")
    assert cut.value.__cause__ is error
    assert outcomes == [error]


def test_error_in_the_first_chunk_can_still_be_handled(app, client):
    @app.get("/")
    def view():
        yield url_for("nowhere")

    app.register_error_handler(BuildError, named("handled"))
    assert client.get("/").text == "handled BuildError"


def test_after_this_request_of_the_view_runs_for_its_error(app, client):
    @app.get("/")
    def view():
        after_this_request(lambda response: response.headers.add("X-This", "yes"))
        abort(403)

    assert client.get("/", status=403).headers["X-This"] == "yes"
