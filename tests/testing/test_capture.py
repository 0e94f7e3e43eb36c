"""client.captured: signals, flashes, logs and wsgi.errors of the last request."""

import logging
from io import BytesIO, StringIO
from wsgiref.util import FileWrapper, setup_testing_defaults

import flask
import pytest

from wsgikit import App, flash, render_template_string, request, signals
from wsgikit.middleware import standard
from wsgikit.testing import TestApp
from wsgikit.testing.capture import Captured, _ListHandler, capturing

ALL_SIGNALS = {
    name: signal for name, signal in vars(signals).items() if hasattr(signal, "receivers")
}


@pytest.fixture
def client(app):
    @app.get("/")
    def index():
        return "index"

    @app.get("/flash")
    def flashing():
        flash("saved", "info")
        flash("twice")
        return render_template_string("page", n=1)

    @app.get("/log")
    def logs():
        app.logger.debug("debug")
        app.logger.warning("warned %s", "once")
        logging.getLogger("tests of captures").error("other")
        return ""

    @app.get("/errors")
    def errors():
        request.environ["wsgi.errors"].write("first\n")
        request.environ["wsgi.errors"].writelines(["second\n"])
        return ""

    @app.get("/boom")
    def boom():
        app.logger.warning("before")
        flash("before")
        request.environ["wsgi.errors"].write("before\n")
        raise ZeroDivisionError

    return TestApp(standard(app))


def names(client):
    return [name for name, _ in client.captured.signals]


def messages(client):
    return [record.getMessage() for record in client.captured.logs]


@pytest.fixture(autouse=True)
def nothing_stays_connected():
    root = logging.getLogger()
    handlers = list(root.handlers)
    yield
    assert {
        name: signal.receivers for name, signal in ALL_SIGNALS.items() if signal.receivers
    } == {}
    assert root.handlers == handlers
    assert not [
        each for each in logging.getLogger("tests").handlers if isinstance(each, _ListHandler)
    ]


def test_nothing_is_captured_before_the_first_request(client):
    assert client.captured == Captured(stream=client.captured.stream)
    assert client.captured.errors == ""


def test_signals_come_in_order_with_their_data(client):
    response = client.get("/flash")
    assert names(client) == [
        "appcontext_pushed",
        "request_started",
        "message_flashed",
        "message_flashed",
        "before_render_template",
        "template_rendered",
        "request_finished",
        "request_tearing_down",
        "appcontext_tearing_down",
        "appcontext_popped",
    ]
    data = dict(client.captured.signals)
    assert data["request_finished"]["response"].status == response.status
    assert data["template_rendered"]["context"]["n"] == 1
    assert data["request_tearing_down"] == {"exc": None}


def test_flashes_are_pairs_in_order(client):
    client.get("/flash")
    assert client.captured.flashes == [("info", "saved"), ("message", "twice")]


def test_logs_are_what_the_levels_let_through(app, client):
    client.get("/log")
    assert messages(client) == ["warned once", "other"]
    app.logger.setLevel(logging.DEBUG)
    try:
        client.get("/log")
    finally:
        app.logger.setLevel(logging.NOTSET)
    assert messages(client) == ["debug", "warned once", "other"]


@pytest.mark.parametrize("name", ["tests", "tests.web"])
def test_logs_of_an_app_that_does_not_propagate(monkeypatch, name):
    monkeypatch.setattr(logging.getLogger("tests"), "propagate", False)
    app = App(name, config={"SECRET_KEY": "test", "TESTING": True})

    @app.get("/")
    def index():
        app.logger.warning("of the app")
        logging.warning("of the root")
        return ""

    client = TestApp(standard(app))
    client.get("/")
    assert messages(client) == ["of the app", "of the root"]


def test_errors_are_text_and_fail_no_request(client):
    response = client.get("/errors")
    assert client.captured.errors == "first\nsecond\n"
    assert response.errors == "first\nsecond\n"


@pytest.mark.parametrize("lint", [True, False])
def test_errors_without_lint(app, client, lint):
    client = TestApp(app, lint=lint)
    assert client.get("/errors").errors == client.captured.errors == "first\nsecond\n"


def test_everything_is_there_after_a_request_that_raised(client):
    with pytest.raises(ZeroDivisionError) as caught:
        client.get("/boom")
    assert client.captured.flashes == [("message", "before")]
    assert messages(client) == ["before"]
    assert client.captured.errors == "before\n"
    assert dict(client.captured.signals)["got_request_exception"] == {"exception": caught.value}
    assert names(client)[-1] == "appcontext_popped"


def test_each_request_has_captures_of_its_own(client):
    client.get("/flash")
    former = client.captured
    client.get("/errors")
    assert len(former.flashes) == 2
    assert client.captured.flashes == []
    client.get("/")
    assert client.captured.errors == ""


def test_signals_of_another_app_are_not_captured(client):
    other = App("other", config={"SECRET_KEY": "test"})
    inside = TestApp(standard(other))

    def ask_another(sender):
        inside.get("/nowhere", status=404)

    with signals.request_started.connected_to(ask_another, client.current_app):
        client.get("/")
    assert names(client).count("request_started") == 1
    assert names(inside).count("request_started") == 1


def test_signals_sent_between_requests_are_not_captured(app, client):
    client.get("/")
    before = list(client.captured.signals)
    with app.app_context():
        logging.warning("between")
    with client.session() as visitor:
        visitor["x"] = 1
    assert client.captured.signals == before
    assert client.captured.logs == []


def test_teardown_of_a_kept_context_is_captured_with_its_request(app, client):
    @app.teardown_request
    def note(outcome):
        app.logger.warning("ended %s", request.path)
        request.environ["wsgi.errors"].write(request.path)

    with client.context():
        client.get("/flash")
        assert "request_tearing_down" not in names(client)
        captured = client.captured
        client.get("/")
        assert [record.getMessage() for record in captured.logs] == ["ended /flash"]
        assert captured.errors == "/flash"
        assert messages(client) == []
    assert messages(client) == ["ended /"]
    assert names(client)[-3:] == [
        "request_tearing_down",
        "appcontext_tearing_down",
        "appcontext_popped",
    ]


def test_other_receivers_of_the_test_stay_connected(app, client):
    seen = []

    def receiver(sender, **data):
        seen.append(sender)

    with signals.request_finished.connected_to(receiver, app):
        client.get("/")
        client.get("/")
    assert seen == [app, app]


def test_around_each_kind_of_app(chain):
    client = TestApp(chain)
    client.get("/")
    assert names(client)[:2] == ["appcontext_pushed", "request_started"]
    assert names(client)[-4] == "request_finished"


# A response is the same with and without someone who listens.


class Chunks:
    def __init__(self, *chunks):
        self.chunks = chunks
        self.closed = 0

    def __iter__(self):
        yield from self.chunks

    def close(self):
        self.closed += 1


PLAIN = [("Content-Type", "text/plain")]


def answer(status, headers, make_body, *written):
    def app(environ, start_response):
        write = start_response(status, list(headers))
        for data in written:
            write(data)
        return make_body()

    return app


def restarting(environ, start_response):
    start_response("200 OK", [*PLAIN, ("X-Was", "there")])
    try:
        raise KeyError
    except KeyError as error:
        start_response("500 Failed", PLAIN, (KeyError, error, error.__traceback__))
    return [b"restarted"]


def lazy(environ, start_response):
    start_response("200 OK", PLAIN)
    yield b"a"
    yield b""
    yield b"b"


def file(environ, start_response):
    start_response("200 OK", [*PLAIN, ("Content-Length", "4")])
    return environ["wsgi.file_wrapper"](BytesIO(b"file"))


def raising(environ, start_response):
    raise LookupError("of the app")


def breaking(environ, start_response):
    start_response("200 OK", PLAIN)
    yield b"a"
    raise LookupError("of the stream")


ODD = [
    ("x-lower", "1"),
    ("X-Lower", "2"),
    ("Set-Cookie", "a=1"),
    ("Set-Cookie", "b=2"),
    ("ETag", ""),
]

APPS = {
    "list": answer("200 OK", PLAIN, lambda: [b"one"]),
    "long list": answer("200 OK", PLAIN, lambda: [b"a", b"", b"b"]),
    "tuple": answer("200 OK", PLAIN, lambda: (b"one",)),
    "empty": answer("200 OK", PLAIN, list),
    "stream": answer("200 OK", PLAIN, lambda: Chunks(b"a", b"b")),
    "length": answer("200 OK", [*PLAIN, ("Content-Length", "3")], lambda: [b"one"]),
    "odd headers": answer("200 OK", [*ODD, *PLAIN], lambda: [b"one"]),
    "no type": answer("200 OK", [("X-A", "b")], lambda: [b"one"]),
    "odd type": answer("200 OK", [("content-type", "TEXT/html;Charset=x")], lambda: [b"one"]),
    "odd status": answer("299 odd  Status", PLAIN, lambda: [b"one"]),
    "no reason": answer("299 ", PLAIN, lambda: [b"one"]),
    "no content": answer("204 No Content", [], list),
    "no content with type": answer("204 No Content", PLAIN, list),
    "not modified": answer("304 Not Modified", [("ETag", '"x"'), *PLAIN], list),
    "location": answer("302 Found", [("Location", "/x?ü".encode().decode("latin1"))], list),
    "write": answer("200 OK", PLAIN, lambda: [b"c"], b"a", b"b"),
    "restart": restarting,
    "generator": lazy,
    "file": file,
    "raises": raising,
    "breaks": breaking,
}


def make_flask():
    app = flask.Flask("legacy")

    @app.get("/")
    def index():
        response = flask.make_response("flask")
        response.set_cookie("a", "1")
        return response

    return app


APPS["flask"] = make_flask()


def serve(application, method):
    """What a server sees: with the lengths, chunks, and types of streams."""
    environ = {"REQUEST_METHOD": method}
    setup_testing_defaults(environ)
    environ.update({"wsgi.errors": StringIO(), "wsgi.file_wrapper": FileWrapper})
    environ["wsgikit.request_id"] = "the same"
    seen = []

    def start_response(status, headers, exc_info=None):
        seen.append((status, headers, exc_info is None))
        return lambda data: seen.append(("written", data))

    try:
        body = application(environ, start_response)
        seen.append(len(body) if hasattr(body, "__len__") else type(body))
        try:
            seen.extend(body)
        finally:
            if hasattr(body, "close"):
                body.close()
    except LookupError as error:
        seen.append(repr(error))
    return seen


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", APPS)
def test_response_is_the_same_with_and_without_capture(app, name, method):
    application = standard(APPS[name], current_app=app)
    alone = serve(application, method)
    captured = Captured()
    with capturing(app, captured):
        listened = serve(application, method)
    assert listened == alone
    assert captured.signals


VIEWS = {
    "text": lambda: "text",
    "no content": lambda: ("x", 204),
    "json": lambda: {"a": 1},
    "nothing": lambda: None,
    "stream": lambda: iter(["a", "b"]),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", VIEWS)
def test_view_is_answered_the_same_with_and_without_capture(name, method):
    app = App("tests", config={"SECRET_KEY": "test"})
    app.get("/")(VIEWS[name])
    application = standard(app)
    alone = serve(application, method)
    with capturing(app, Captured()):
        assert serve(application, method) == alone


def test_nothing_stays_connected_when_the_block_raises(app):
    def block():
        with capturing(app, Captured()):
            assert signals.request_finished.receivers
            raise KeyError

    with pytest.raises(KeyError):
        block()
