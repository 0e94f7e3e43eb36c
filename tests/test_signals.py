"""Flask's ten signals."""

import contextlib

import blinker
import flask
import pytest
from webtest import TestApp

from wsgikit import App, flash, render_template_string, signals
from wsgikit.middleware import standard

TEN = [
    "template_rendered",
    "before_render_template",
    "request_started",
    "request_finished",
    "got_request_exception",
    "request_tearing_down",
    "appcontext_tearing_down",
    "appcontext_pushed",
    "appcontext_popped",
    "message_flashed",
]


@pytest.fixture
def app():
    return App("tests", config={"SECRET_KEY": "test"})


@pytest.fixture
def record(app):
    """Write down the signals of the app: name and data."""
    log = []
    with contextlib.ExitStack() as stack:
        for name in TEN:

            def receiver(sender, _name=name, **data):
                log.append((_name, sender, data))

            stack.enter_context(getattr(signals, name).connected_to(receiver, app))
        yield log


@pytest.mark.parametrize("name", TEN)
def test_signal_has_the_name_of_flasks(name):
    assert getattr(signals, name).name == getattr(flask, name).name


@pytest.mark.parametrize("name", TEN)
def test_signal_is_not_flasks_own(name):
    assert getattr(signals, name) is not getattr(flask, name)


def test_signals_of_a_request_come_in_order(app, client, record):
    app.add_url_rule("/", "view", lambda: flash("hi", "info") or render_template_string("x"))
    client.get("/")
    assert [name for name, _, _ in record] == [
        "appcontext_pushed",
        "request_started",
        "message_flashed",
        "before_render_template",
        "template_rendered",
        "request_finished",
        "request_tearing_down",
        "appcontext_tearing_down",
        "appcontext_popped",
    ]
    assert all(sender is app for _, sender, _ in record)


def test_signals_carry_what_they_promise(app, client, record):
    app.add_url_rule("/", "view", lambda: flash("hi", "info") or ("x", 201))
    client.get("/")
    data = {name: data for name, _, data in record}
    assert data["message_flashed"] == {"message": "hi", "category": "info"}
    assert data["request_finished"]["response"].status_code == 201
    assert data["request_tearing_down"] == data["appcontext_tearing_down"] == {"exc": None}
    assert data["request_started"] == data["appcontext_pushed"] == data["appcontext_popped"] == {}


def test_exception_is_sent_once_and_is_the_outcome(app, client, record):
    error = LookupError("x")

    @app.get("/")
    def view():
        raise error

    client.get("/", status=500)
    exceptions = [data for name, _, data in record if name == "got_request_exception"]
    assert exceptions == [{"exception": error}]
    outcomes = [data["exc"] for name, _, data in record if name.endswith("tearing_down")]
    assert outcomes == [error, error]


def test_handled_exception_is_not_sent(app, client, record):
    @app.get("/")
    def view():
        raise LookupError("x")

    app.register_error_handler(LookupError, lambda error: "handled")
    client.get("/")
    assert "got_request_exception" not in [name for name, _, _ in record]


def test_request_finished_sees_the_response_after_the_last_hook(app, client, record):
    app.add_url_rule("/", "view", lambda: "x")
    app.after_request(lambda response: ("replaced", 202))
    client.get("/")
    (data,) = [data for name, _, data in record if name == "request_finished"]
    assert (data["response"].status_code, data["response"].get_data()) == (202, b"replaced")


def test_request_finished_sees_the_answer_of_a_before_hook(app, client, record):
    app.before_request(lambda: ("early", 203))
    client.get("/")
    (data,) = [data for name, _, data in record if name == "request_finished"]
    assert data["response"].status_code == 203


def test_receiver_of_one_app_does_not_hear_another(app, record):
    other = App("other", config={"SECRET_KEY": "test"})
    other.add_url_rule("/", "view", lambda: "x")
    TestApp(standard(other)).get("/")
    assert record == []


def test_receiver_may_change_the_response_of_request_finished(app, client):
    def mark(sender, response):
        response.headers["X-Seen"] = "yes"

    app.add_url_rule("/", "view", lambda: "x")
    with signals.request_finished.connected_to(mark, app):
        assert client.get("/").headers["X-Seen"] == "yes"
    assert "X-Seen" not in client.get("/").headers


class CountingSignal(blinker.NamedSignal):
    sent = 0

    def send(self, *args, **kwargs):
        self.sent += 1
        return super().send(*args, **kwargs)


def test_signal_is_sent_only_when_someone_listens():
    signal = CountingSignal("counting")
    signals.send(signal, "sender", value=1)
    assert signal.sent == 0
    heard = []

    def receiver(sender, **data):
        heard.append((sender, data))

    signal.connect(receiver)
    signals.send(signal, "sender", value=1)
    assert (signal.sent, heard) == (1, [("sender", {"value": 1})])


def test_data_may_have_the_name_of_a_parameter():
    signal = CountingSignal("counting")
    heard = []

    def receiver(_, **data):
        heard.append(data)

    signal.connect(receiver)
    signals.send(signal, "sender", signal="x")
    assert heard == [{"signal": "x"}]
