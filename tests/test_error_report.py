"""Each unhandled exception is reported exactly once, wherever in a request it comes up."""

import errno
import io
import logging
import re

import pytest
from werkzeug.test import create_environ

from wsgikit import App, Pipeline, abort, g, request, signals
from wsgikit.environ import REQUEST_ID
from wsgikit.error_report import request_id
from wsgikit.errors import ClientDisconnected, ResponseAborted
from wsgikit.middleware import ContextMiddleware, ErrorMiddleware, standard
from wsgikit.stacks import app_contexts, request_contexts

PLAIN = [("Content-Type", "text/plain")]


@pytest.fixture
def app():
    return App("reports", config={"SECRET_KEY": "k"})


@pytest.fixture
def sent(app):
    """What got_request_exception was sent with, and the path of the request it was sent in."""
    received = []

    def receiver(sender, exception):
        received.append((exception, request.path if request else None))

    with signals.got_request_exception.connected_to(receiver, app):
        yield received


def get(application, **environ):
    """Serve a request to its end as a server does; return what it raised."""

    def start_response(status, headers, exc_info=None):
        return chunks.append

    chunks = []
    try:
        body = application({**create_environ("/here"), **environ}, start_response)
        try:
            chunks.extend(body)
        finally:
            body.close()
    except Exception as error:
        return error
    return None


class Body(list):
    def __init__(self, error):
        super().__init__([b"x"])
        self.error = error

    def close(self):
        raise self.error


def in_stream(app, error):
    def view():
        yield "started"
        raise error

    app.add_url_rule("/here", "view", view)
    return standard(app)


def in_view(app, error):
    def view():
        raise error

    app.add_url_rule("/here", "view", view)
    return standard(app)


def in_close(app, error):
    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))
        return Body(error)

    return standard(inner, current_app=app)


def after_write(app, error):
    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))(b"half")
        raise error

    return standard(inner, current_app=app)


def in_handler(app, error):
    def handle(original):
        raise error

    app.register_error_handler(500, handle)
    return in_view(app, LookupError("the first"))


def in_teardown(app, error):
    @app.teardown_request
    def end(outcome):
        raise error

    app.add_url_rule("/here", "view", lambda: "x")
    return standard(app)


def in_provider_end(app, error):
    def connect():
        yield "x"
        raise error

    app.add_url_rule("/here", "view", lambda: __import__("wsgikit").g.db)
    return standard(app, g={"db": connect})


def in_on_finish(app, error):
    @app.on_finish
    def end(environ, outcome):
        raise error

    app.add_url_rule("/here", "view", lambda: "x")
    return standard(app)


PLACES = [
    in_view,
    in_stream,
    in_close,
    after_write,
    in_teardown,
    in_provider_end,
    in_on_finish,
]


@pytest.mark.parametrize("place", PLACES)
def test_error_is_reported_once_with_method_path_and_id(app, sent, caplog, place):
    error = ValueError("broken")
    raised = get(place(app, error), QUERY_STRING="token=private", HTTP_COOKIE="private")
    assert [each for each, _ in sent] == [error]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("reports", logging.ERROR)
    assert re.fullmatch(r"Exception on '/here' \[GET\], request \w{16}", record.getMessage())
    assert record.exc_info[1] is error
    if place is in_view:
        assert raised is None
    else:
        assert isinstance(raised, ResponseAborted)
        assert raised.__cause__ is error
        assert "ValueError" in str(raised)
        assert "broken" not in str(raised)


@pytest.mark.parametrize("place", [in_view, in_stream, in_close])
def test_receiver_finds_the_request(app, sent, place):
    get(place(app, ValueError()))
    assert [path for _, path in sent] == ["/here"]


@pytest.fixture
def contexts(app):
    """The contexts of the app's requests."""
    seen = []
    with signals.request_tearing_down.connected_to(
        lambda sender, exc: seen.append(request_contexts.top), app
    ):
        yield seen


@pytest.mark.parametrize("place", PLACES)
def test_ended_request_keeps_no_error_that_was_reported(app, sent, contexts, place):
    get(place(app, ValueError("broken")))
    assert len(sent) == 1
    assert contexts[0].reported == ()


def test_ended_request_keeps_no_error_when_its_report_fails(app, contexts):
    def receiver(sender, exception):
        raise LookupError("of the receiver")

    with signals.got_request_exception.connected_to(receiver, app):
        assert isinstance(get(in_on_finish(app, ValueError("broken"))), ResponseAborted)
    assert contexts[0].reported == ()


def test_request_whose_client_left_the_error_page_keeps_no_error(app, sent, contexts):
    body = in_view(app, ValueError("broken"))(create_environ("/here"), lambda *args: None)
    next(iter(body))
    try:
        raise BrokenPipeError
    except BrokenPipeError:
        body.close()
    assert len(sent) == 1
    assert contexts[0].reported == ()


@pytest.mark.parametrize("place", PLACES)
def test_error_that_is_propagated_is_sent_once_raised_as_it_is_and_not_logged(
    app, sent, caplog, place
):
    app.config["PROPAGATE_EXCEPTIONS"] = True
    error = ValueError("broken")
    assert get(place(app, error)) is error
    assert [each for each, _ in sent] == [error]
    assert caplog.records == []


def test_failing_handler_of_500_is_an_error_of_its_own(app, sent):
    error = ValueError("of the handler")
    assert get(in_handler(app, error)) is None
    assert [str(each) for each, _ in sent] == ["the first", "of the handler"]


def test_several_errors_at_the_end_are_one_report(app, sent, caplog):
    errors = [LookupError("one"), LookupError("two")]
    for error in errors:

        @app.teardown_request
        def fail(outcome, error=error):
            raise error

    app.add_url_rule("/here", "view", lambda: "x")
    raised = get(standard(app))
    ((group, _),) = sent
    assert isinstance(group, ExceptionGroup)
    assert set(group.exceptions) == set(errors)
    assert raised.__cause__ is group
    assert len(caplog.records) == 1


def test_teardown_that_fails_after_a_reported_error_is_reported_by_itself(app, sent, caplog):
    first, second = ValueError("of the view"), LookupError("of the teardown")

    @app.teardown_request
    def fail(outcome):
        raise second

    assert get(in_view(app, first)).__cause__ is second
    assert [error for error, _ in sent] == [first, second]
    assert [record.exc_info[1] for record in caplog.records] == [first, second]


def test_error_of_close_and_of_a_teardown_are_told_apart(app, sent):
    first, second = ValueError("of close"), LookupError("of the teardown")

    @app.teardown_request
    def fail(outcome):
        raise second

    assert isinstance(get(in_close(app, first)), ResponseAborted)
    assert [error for error, _ in sent] == [first, second]


def test_handled_errors_and_404_are_not_reported(app, sent, caplog):
    app.register_error_handler(ValueError, lambda error: "handled")
    app.add_url_rule("/gone", "gone", lambda: abort(410))
    application = in_view(app, ValueError())
    for path in ("/here", "/gone", "/unknown"):
        assert get(application, PATH_INFO=path) is None
    assert (sent, caplog.records) == ([], [])


def test_abort_in_a_stream_cannot_be_answered_so_it_is_reported(app, sent):
    def view():
        yield "started"
        abort(410)

    app.add_url_rule("/here", "view", view)
    assert isinstance(get(standard(app)), ResponseAborted)
    assert [error.code for error, _ in sent] == [410]


@pytest.mark.parametrize("with_handler", [False, True])
def test_client_that_leaves_while_the_app_writes_is_no_error(app, sent, caplog, with_handler):
    outcomes, gone = [], BrokenPipeError("gone")
    app.teardown_request(outcomes.append)
    if with_handler:
        app.register_error_handler(OSError, lambda error: "never sent")

    def write(data):
        raise gone

    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))(b"half")

    with pytest.raises(BrokenPipeError) as raised:
        standard(inner, current_app=app)(create_environ("/"), lambda *args: write)
    assert raised.value is gone
    assert (sent, caplog.records) == ([], [])
    (outcome,) = outcomes
    assert isinstance(outcome, ClientDisconnected)
    assert outcome.__cause__ is gone


def test_oserror_of_the_app_is_an_error(app, sent):
    assert get(in_view(app, BrokenPipeError("of the app's own socket"))) is None
    assert len(sent) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
@pytest.mark.parametrize("place", [in_view, in_stream, in_close])
def test_what_is_no_exception_passes_through(app, sent, caplog, place, error):
    with pytest.raises(type(error)) as raised:
        get(place(app, error))
    assert raised.value is error
    assert (sent, caplog.records) == ([], [])


def test_without_an_error_layer_the_server_gets_the_error_and_reports_it(app, sent, caplog):
    error = ValueError("broken")

    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))
        yield b"started"
        raise error

    assert get(ContextMiddleware(inner, current_app=app)) is error
    assert (sent, caplog.records) == ([], [])


def test_receiver_finds_the_request_also_of_an_error_outside_the_error_layer(app, sent):
    error = LookupError("of a layer")

    def layer(inner):
        def call(environ, start_response):
            inner(environ, start_response)
            raise error

        return call

    app.add_url_rule("/here", "view", lambda: "x")
    pipeline = Pipeline().use(ContextMiddleware, current_app=app).use(layer).use(ErrorMiddleware)
    assert get(pipeline.run(app)) is error  # nothing has left, so the server can still answer
    assert sent == [(error, "/here")]


def test_nested_chain_reports_its_error_alone(app, sent, caplog):
    outer, outcomes = App("outer", config={"SECRET_KEY": "k"}), []
    outer.teardown_request(outcomes.append)
    error = ValueError("broken")
    raised = get(standard(in_stream(app, error), current_app=outer))
    assert isinstance(raised, ResponseAborted)
    assert raised.__cause__ is error
    assert [record.name for record in caplog.records] == ["reports"]
    assert outcomes == [error]
    assert len(sent) == 1


def test_same_error_object_in_two_requests_is_reported_twice(app, sent):
    application = in_view(app, ValueError("kept in a module"))
    get(application)
    get(application)
    assert len(sent) == 2


def test_id_of_a_layer_outside_is_in_the_log(app, caplog):
    get(in_view(app, ValueError()), **{REQUEST_ID: "from-outside"})
    assert caplog.records[0].getMessage().endswith("request from-outside")


def test_id_is_made_once_and_never_of_a_header():
    environ = create_environ("/", headers={"X-Request-Id": "forged"})
    first = request_id(environ)
    assert re.fullmatch(r"\w{16}", first)
    assert request_id(environ) == first == environ[REQUEST_ID]
    assert request_id(create_environ("/")) != first


def test_after_request_hooks_run_for_the_500_page(app):
    @app.after_request
    def mark(response):
        response.headers["X-Marked"] = response.status

    headers = []
    body = in_view(app, ValueError())(
        create_environ("/here"), lambda status, given, exc_info=None: headers.extend(given)
    )
    body.close()
    assert ("X-Marked", "500 INTERNAL SERVER ERROR") in headers


def test_failing_after_request_hook_is_reported_once_then_logged_and_the_page_is_sent(
    app, sent, caplog
):
    @app.after_request
    def fail(response):
        raise LookupError("of the hook")

    @app.after_request
    def mark(response):
        response.headers["X-Marked"] = "yes"

    app.add_url_rule("/here", "view", lambda: "x")
    started = []
    body = standard(app)(create_environ("/here"), lambda *args: started.append(args))
    assert b"Internal Server Error" in b"".join(body)
    body.close()
    assert ("X-Marked", "yes") in started[-1][1]
    assert len(sent) == 1
    assert [record.getMessage()[:20] for record in caplog.records] == [
        "Exception on '/here'",
        "An after_request hoo",
    ]


def test_no_hooks_are_owed_where_none_began(app):
    @app.after_request
    def fail(response):
        raise AssertionError("there is no HooksMiddleware in this chain")

    def inner(environ, start_response):
        raise ValueError

    pipeline = Pipeline().use(ContextMiddleware, current_app=app).use(ErrorMiddleware)
    assert get(pipeline.run(inner)) is None


def test_close_while_the_request_is_under_way_is_its_callers_fault(app, sent):
    bodies = []

    def view():
        yield "first"
        with pytest.raises(RuntimeError, match="cannot enter context"):
            bodies[0].close()
        yield "last"

    app.add_url_rule("/here", "view", view)
    body = standard(app)(create_environ("/here"), lambda *args: print)
    bodies.append(body)
    assert list(body) == [b"first", b"last"]
    body.close()
    assert sent == []


# Who is told of an error must not keep the request from its end


class Unprintable(ValueError):
    def __str__(self):
        raise TypeError("a fault in __str__")


def fail(*args, **kwargs):
    raise RuntimeError("of whoever was told")


@pytest.fixture
def ends(app):
    """What ran at the end of the requests, a provider's end among it."""
    entries = []
    app.before_request(lambda: g.setdefault("name", "x") and None)
    app.teardown_request(lambda outcome: entries.append("teardown_request"))
    app.teardown_appcontext(lambda outcome: entries.append("teardown_appcontext"))
    app.on_finish(lambda environ, outcome: entries.append("on_finish"))
    return entries


ALL = ["teardown_request", "teardown_appcontext", "on_finish"]


@pytest.mark.parametrize("place", [in_view, in_stream, in_close, after_write])
def test_receiver_that_raises_skips_no_teardown_and_loses_no_log(app, ends, caplog, place):
    errors = io.StringIO()
    with signals.got_request_exception.connected_to(fail, app):
        get(place(app, ValueError("broken")), **{"wsgi.errors": errors})
    assert ends == ALL
    assert [str(record.exc_info[1]) for record in caplog.records] == ["broken"]
    assert "of whoever was told" in errors.getvalue()


@pytest.mark.parametrize("place", [in_view, in_stream, in_close, after_write])
def test_log_filter_that_raises_skips_no_teardown_and_no_signal(app, ends, sent, place):
    errors = io.StringIO()
    app.logger.addFilter(fail)
    try:
        get(place(app, ValueError("broken")), **{"wsgi.errors": errors})
    finally:
        app.logger.removeFilter(fail)
    assert ends == ALL
    assert len(sent) == 1
    assert "of whoever was told" in errors.getvalue()


def test_receiver_that_raises_loses_no_page(app):
    with signals.got_request_exception.connected_to(fail, app):
        assert get(in_view(app, ValueError("broken"))) is None


@pytest.mark.parametrize("place", [in_view, in_stream, in_close, after_write])
def test_error_that_cannot_be_printed_skips_no_teardown(app, ends, sent, place):
    error = Unprintable()
    get(place(app, error))
    assert ends == ALL
    assert [each for each, _ in sent] == [error]


def test_receiver_of_a_push_that_raises_leaves_nothing_pushed(app, ends):
    with signals.appcontext_pushed.connected_to(fail, app):
        assert isinstance(get(in_view(app, ValueError())), RuntimeError)
        assert ends == ALL
        with pytest.raises(RuntimeError, match="of whoever was told"):
            app.app_context().push()
    assert app_contexts.top is None


def test_exit_of_a_receiver_of_a_push_is_the_outcome_of_the_teardown(app):
    end, outcomes = SystemExit(3), []
    app.teardown_appcontext(outcomes.append)

    def leave(sender):
        raise end

    with signals.appcontext_pushed.connected_to(leave, app), pytest.raises(SystemExit):
        app.app_context().push()
    assert app_contexts.top is None
    assert outcomes == [end]


@pytest.mark.parametrize("place", [in_view, in_stream, in_close])
def test_exit_passes_through_also_when_a_teardown_fails_which_is_reported(app, sent, caplog, place):
    end, error = SystemExit(3), LookupError("of the teardown")

    @app.teardown_request
    def fail(outcome):
        raise error

    with pytest.raises(SystemExit) as raised:
        get(place(app, end))
    assert raised.value is end
    assert [each for each, _ in sent] == [error]
    assert [record.exc_info[1] for record in caplog.records] == [error]


# A client that leaves while it sends


class Reset(io.RawIOBase):
    def readable(self):
        return True

    def readinto(self, buffer):
        raise ConnectionResetError(104, "reset by peer")


@pytest.mark.parametrize("header", ["CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"])
@pytest.mark.parametrize("read", ["read", "readline", "readlines", "__iter__"])
def test_reset_upload_is_no_error_of_an_app_that_reads_it(app, sent, caplog, read, header):
    outcomes = []
    app.teardown_request(outcomes.append)

    def inner(environ, start_response):
        list(getattr(environ["wsgi.input"], read)())
        raise AssertionError("not reached")

    values = {header: "1000", "wsgi.input": Reset(), "wsgi.input_terminated": True}
    raised = get(standard(inner, current_app=app), **values)
    assert isinstance(raised, ConnectionResetError)
    assert not isinstance(raised, ResponseAborted)
    assert (sent, caplog.records) == ([], [])
    assert isinstance(outcomes[0], ClientDisconnected)
    assert outcomes[0].__cause__ is raised


def test_reset_upload_is_no_error_of_a_view(app, sent, caplog):
    app.add_url_rule("/here", "view", lambda: request.get_data(), methods=["POST"])
    values = {"CONTENT_LENGTH": "1000", "wsgi.input": Reset(), "wsgi.input_terminated": True}
    get(standard(app), REQUEST_METHOD="POST", **values)
    assert (sent, caplog.records) == ([], [])


@pytest.mark.parametrize("read", [lambda: request.get_data(), lambda: request.form["a"]])
@pytest.mark.parametrize("reader", ["view", "hook of another app"])
def test_upload_that_ends_early_is_read_by_nobody_and_no_error(app, sent, caplog, read, reader):
    outcomes, values = [], {"CONTENT_LENGTH": "1000", "wsgi.input_terminated": True}
    values["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
    app.teardown_request(outcomes.append)
    if reader == "view":
        app.add_url_rule("/here", "view", read, methods=["POST"])
        chain = standard(app)
    else:
        app.before_request(lambda: read() and None)
        chain = standard(lambda environ, start_response: [], current_app=app)
    raised = get(chain, REQUEST_METHOD="POST", **{"wsgi.input": io.BytesIO(b"a=1")}, **values)
    assert isinstance(raised, ClientDisconnected)
    assert raised.errno == errno.ECONNRESET  # by which gunicorn knows it
    assert (sent, caplog.records) == ([], [])
    assert isinstance(outcomes[0], ClientDisconnected)


def test_error_that_an_app_makes_of_a_reset_upload_is_its_own(app, sent):
    def inner(environ, start_response):
        try:
            environ["wsgi.input"].read()
        except OSError:
            raise LookupError("of the app") from None

    get(standard(inner, current_app=app), CONTENT_LENGTH="10", **{"wsgi.input": Reset()})
    assert [str(error) for error, _ in sent] == ["of the app"]


def test_input_is_the_server_s_in_all_else(app):
    seen, source = [], io.BytesIO(b"one\ntwo")

    def inner(environ, start_response):
        body = environ["wsgi.input"]
        seen.extend([body.closed, list(body), body.tell()])
        start_response("200 OK", list(PLAIN))
        return []

    get(standard(inner, current_app=app), CONTENT_LENGTH="7", **{"wsgi.input": source})
    assert seen == [False, [b"one\n", b"two"], 7]


def test_input_is_left_alone_where_there_is_no_body(app):
    seen, source = [], io.BytesIO()

    def inner(environ, start_response):
        seen.append(environ["wsgi.input"])
        start_response("200 OK", list(PLAIN))
        return []

    for values in ({}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}):
        get(standard(inner, current_app=app), **{"wsgi.input": source, **values})
    assert [each is source for each in seen] == [True] * 3


def test_subrequest_that_is_closed_early_is_no_outcome_of_the_outer_request(app):
    outer, outcomes = App("outer", config={"SECRET_KEY": "k"}), []
    outer.teardown_request(outcomes.append)
    chain = in_stream(app, ValueError("never reached"))

    def view():
        body = chain(dict(request.environ), lambda *args: None)
        head = next(iter(body))
        body.close()
        return head

    outer.add_url_rule("/here", "view", view)
    assert get(standard(outer)) is None
    assert outcomes == [None]
