"""How much time requests get, by when they came to the first proxy."""

import time

import pytest

from wsgikit import App, deadline
from wsgikit.environ import DEADLINE, PEER, TRUSTED_PEER
from wsgikit.errors import ConfigurationError
from wsgikit.middleware import DeadlineMiddleware, standard


@pytest.fixture
def now(monkeypatch):
    """Both clocks stand still."""
    monkeypatch.setattr(time, "time", lambda: 1700000010.5)
    monkeypatch.setattr(time, "monotonic", lambda: 4000.0)


@pytest.fixture
def ask(serve, now):
    """Return the answer to a request, and the seconds that the app had."""

    def ask(request_start=None, *, is_trusted=True, trusted=None, **environ):
        seen = []

        def app(environ, start_response):
            seen.append(environ[DEADLINE].remaining())
            start_response("200 OK", [])
            return []

        if request_start is not None:
            environ["HTTP_X_REQUEST_START"] = request_start
        if is_trusted is not None:
            environ[TRUSTED_PEER] = is_trusted
        layer = DeadlineMiddleware(app, seconds=30, trusted=trusted)
        answer = serve(layer, **environ)
        assert answer.error is None
        return answer, *seen

    return ask


def test_time_counts_from_here_without_a_proxy_s_word(ask):
    assert ask()[1:] == (30,)


@pytest.mark.parametrize(
    "text",
    [
        "t=1700000000.500",  # nginx
        "1700000000500",  # Heroku
        "t=1700000000500000",  # Apache
        "1700000000.5",
        "t=1700000000500.0",
    ],
)
def test_time_counts_from_when_the_proxy_had_the_request(ask, text):
    (seconds,) = ask(text)[1:]
    assert seconds == pytest.approx(20, abs=1e-4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "t=",
        "-1",
        "t=170000",
        "1e9",
        "inf",
        "nan",
        "17000000005001",
        "1700000000 500",
        "1700000000.",
        "t=1700000000.5, t=1600000000.5",
        "\u0661" * 10,  # digits, though not ours
        "9" * 5000,
    ],
)
def test_text_that_is_no_time_is_ignored(ask, text):
    assert ask(text)[1:] == (30,)


def test_clock_of_a_proxy_that_is_ahead_gives_no_more_time(ask):
    assert ask("t=1700009999.000")[1:] == (30,)


@pytest.mark.parametrize("text", ["0000000001", "t=0000000000.000", "1600000000", "t=1699996410.5"])
def test_time_that_no_proxy_would_have_waited_for_is_ignored(ask, text):
    assert ask(text)[1:] == (30,)


def test_time_that_a_proxy_may_have_waited_for_is_believed(ask):
    (answer,) = ask("t=1699996411.5")
    assert answer.status == "503 SERVICE UNAVAILABLE"


@pytest.mark.parametrize("is_trusted", [False, None])
def test_word_of_a_peer_that_is_not_trusted_is_ignored(ask, is_trusted):
    assert ask("t=1700000000.5", is_trusted=is_trusted)[1:] == (30,)


def test_layer_can_trust_peers_of_its_own(ask):
    networks = ["10.0.0.0/8", "unix"]
    ours = ({"REMOTE_ADDR": "10.1.2.3"}, {"REMOTE_ADDR": "8.8.8.8", PEER: "10.1.2.3"}, {})
    for peer in ours:  # the last has no address: unix
        assert ask("t=1700000000.5", is_trusted=False, trusted=networks, **peer)[1:] == (20,)
    others = ({"REMOTE_ADDR": "8.8.8.8"}, {"REMOTE_ADDR": "10.1.2.3", PEER: "8.8.8.8"})
    for peer in others:
        assert ask("t=1700000000.5", trusted=networks, **peer)[1:] == (30,)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_request_that_has_waited_too_long_is_refused_before_the_app(ask, method):
    (answer,) = ask("t=1699999980.5", REQUEST_METHOD=method)
    assert answer.status == "503 SERVICE UNAVAILABLE"
    assert dict(answer.headers)["Retry-After"] == "30"
    assert (b"too busy" in answer.body) == (method != "HEAD")


def test_deadline_is_there_to_the_last_chunk_and_gone_after_the_request(serve):
    app = App("app", config={"SECRET_KEY": "key"})

    @app.get("/")
    def stream():
        for _ in range(2):
            yield str(0 < deadline.remaining() <= 30).encode()

    answer = serve(DeadlineMiddleware(standard(app), seconds=30))
    assert answer.body == b"TrueTrue"
    assert deadline.remaining() == float("inf")


def test_view_that_is_out_of_time_is_answered_with_503(serve, monkeypatch):
    app = App("app", config={"SECRET_KEY": "key"})
    app.before_request(deadline.check)

    @app.get("/")
    def view():
        monkeypatch.setattr(time, "monotonic", lambda: float("inf"))
        deadline.check()

    answer = serve(DeadlineMiddleware(standard(app), seconds=2.5))
    assert answer.status == "503 SERVICE UNAVAILABLE"
    assert dict(answer.headers)["Retry-After"] == "3"


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), "30", None])
def test_time_that_is_none_is_refused(seconds):
    with pytest.raises(ConfigurationError, match="is no time to answer in"):
        DeadlineMiddleware(lambda environ, start_response: [], seconds=seconds)


@pytest.mark.parametrize(("outer", "inner"), [(5, 60), (60, 5)])
def test_of_two_deadlines_the_earlier_one_counts(serve, outer, inner):
    left = []

    def app(environ, start_response):
        left.append(environ[DEADLINE].remaining())
        start_response("200 OK", [])
        return []

    serve(DeadlineMiddleware(DeadlineMiddleware(app, seconds=inner), seconds=outer))
    assert 0 < left[0] <= 5
