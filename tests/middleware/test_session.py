"""SessionMiddleware."""

import logging
import time

import pytest
from werkzeug.http import parse_cookie

from wsgikit.environ import SESSION
from wsgikit.errors import ConfigurationError, SessionTooLarge, SessionValueError
from wsgikit.middleware import SessionMiddleware

KEY = "a key for tests"


def chain(use, status="200 OK", headers=(), **options):
    """A session layer, without a context, around an app that calls ``use(session)``."""

    def app(environ, start_response):
        use(environ[SESSION])
        start_response(status, [("Content-Type", "text/plain"), *headers])
        return [b"ok"]

    return SessionMiddleware(app, **{"secret_key": KEY, **options})


def nothing(session):
    pass


def all_of(answer, name):
    return [value for key, value in answer.headers if key == name]


def cookie_of(answer):
    (header,) = all_of(answer, "Set-Cookie")
    return header.partition(";")[0]


def login(session):
    session["user"] = "ada"


def test_value_is_there_in_the_next_request(serve):
    seen = []
    cookie = cookie_of(serve(chain(login)))
    serve(chain(lambda session: seen.append(dict(session))), HTTP_COOKIE=cookie)
    assert seen == [{"user": "ada"}]


def test_untouched_session_adds_no_header_and_decodes_nothing(serve):
    class Loud(SessionMiddleware):
        pass

    layer = chain(nothing)
    layer.keeper.load = lambda environ: pytest.fail("the cookie was decoded")
    answer = serve(layer, HTTP_COOKIE="wsgikit_session=x")
    assert answer.headers == [("Content-Type", "text/plain")]


@pytest.mark.parametrize(
    "use",
    [len, list, bool, dict, lambda session: "x" in session, lambda session: session.get("x")],
)
def test_reading_adds_vary_alone(use, serve):
    answer = serve(chain(use))
    assert all_of(answer, "Vary") == ["Cookie"]
    assert all_of(answer, "Set-Cookie") == []


def test_vary_is_merged_with_the_apps_own(serve):
    answer = serve(chain(len, headers=[("Vary", "Accept")]))
    assert all_of(answer, "Vary") == ["Accept, Cookie"]


def test_nested_change_is_written_and_nested_reading_is_not(serve):
    cookie = cookie_of(serve(chain(lambda session: session.update(cart=[1]))))
    read = serve(chain(lambda session: session["cart"][0]), HTTP_COOKIE=cookie)
    assert all_of(read, "Set-Cookie") == []
    changed = serve(chain(lambda session: session["cart"].append(2)), HTTP_COOKIE=cookie)
    assert cookie_of(changed) != cookie


def test_emptied_session_deletes_the_cookie_with_the_same_attributes(serve):
    options = {"domain": "example.org", "path": "/app", "partitioned": True, "same_site": "None"}
    first = serve(chain(login, **options))
    gone = serve(chain(lambda session: session.clear(), **options), HTTP_COOKIE=cookie_of(first))
    set_attributes = all_of(first, "Set-Cookie")[0].split("; ")[1:]
    (deletion,) = all_of(gone, "Set-Cookie")
    assert deletion.startswith("wsgikit_session=; ")
    assert set(set_attributes) <= set(deletion.split("; "))
    assert "Expires=Thu, 01 Jan 1970 00:00:00 GMT" in deletion
    assert "Max-Age=0" in deletion


def test_emptying_a_session_that_no_cookie_brought_sends_nothing(serve):
    answer = serve(chain(lambda session: (login(session), session.clear())))
    assert all_of(answer, "Set-Cookie") == []


@pytest.mark.parametrize("status", ["500 Internal Server Error", "503 Service Unavailable"])
def test_5xx_is_not_saved(status, serve):
    answer = serve(chain(login, status=status))
    assert all_of(answer, "Set-Cookie") == []
    assert all_of(answer, "Vary") == ["Cookie"]


@pytest.mark.parametrize(
    ("scheme", "secure", "expected"),
    [
        ("http", None, False),
        ("https", None, True),
        ("http", True, True),
        ("https", False, False),
    ],
)
def test_secure_goes_with_https_or_is_forced(scheme, secure, expected, serve):
    answer = serve(chain(login, secure=secure), **{"wsgi.url_scheme": scheme})
    assert ("Secure" in all_of(answer, "Set-Cookie")[0].split("; ")) is expected


def test_permanent_session_outlives_the_browser(serve):
    def stay(session):
        login(session)
        session.permanent = True

    (header,) = all_of(serve(chain(stay, max_age=60)), "Set-Cookie")
    assert "Max-Age=60" in header.split("; ")
    assert "Max-Age" not in all_of(serve(chain(login)), "Set-Cookie")[0]


def test_cookie_of_a_host_whose_clock_is_ahead_is_taken(serve, monkeypatch):
    cookie = cookie_of(serve(chain(login)))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 60)
    seen = []
    serve(chain(lambda session: seen.append(dict(session))), HTTP_COOKIE=cookie)
    assert seen == [{"user": "ada"}]


def test_old_key_still_verifies_and_is_replaced_by_the_new_one(serve):
    old = cookie_of(serve(chain(login, secret_key="old")))
    rotated = {"secret_key": "new", "secret_key_fallbacks": ["older", "old"]}
    answer = serve(chain(len, **rotated), HTTP_COOKIE=old)
    seen = []
    serve(chain(lambda s: seen.append(dict(s)), secret_key="new"), HTTP_COOKIE=cookie_of(answer))
    assert seen == [{"user": "ada"}]
    untouched = serve(chain(nothing, **rotated), HTTP_COOKIE=old)
    assert all_of(untouched, "Set-Cookie") == []


def test_read_session_is_signed_again_after_the_refresh_interval(serve, monkeypatch):
    cookie = cookie_of(serve(chain(login, max_age=100)))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 9)
    assert all_of(serve(chain(len, max_age=100), HTTP_COOKIE=cookie), "Set-Cookie") == []
    monkeypatch.setattr(time, "time", lambda: now + 12)
    answer = serve(chain(len, max_age=100), HTTP_COOKIE=cookie)
    assert cookie_of(answer) != cookie
    monkeypatch.setattr(time, "time", lambda: now + 105)
    seen = []
    serve(chain(lambda s: seen.append(s.new), max_age=100), HTTP_COOKIE=cookie_of(answer))
    serve(chain(lambda s: seen.append(s.new), max_age=100), HTTP_COOKIE=cookie)
    assert seen == [False, True]


@pytest.mark.parametrize(
    "cookie",
    [
        "wsgikit_session=tampered.aaaa.bbbb",
        "wsgikit_session=",
        "wsgikit_session=" + "é" * 100,
        "wsgikit_session=" + "x" * 1_000_000,
        'wsgikit_session="\\377',
    ],
)
def test_bad_cookie_is_an_empty_session_and_a_debug_line(cookie, serve, caplog):
    caplog.set_level(logging.DEBUG, "wsgikit.session")
    seen = []
    answer = serve(chain(lambda session: seen.append(dict(session))), HTTP_COOKIE=cookie)
    assert answer.status == "200 OK"
    assert seen == [{}]
    assert [record.levelno for record in caplog.records] == [logging.DEBUG]


def test_first_valid_cookie_of_several_counts(serve):
    good = cookie_of(serve(chain(login)))
    other = cookie_of(serve(chain(lambda session: session.update(user="eve"))))
    seen = []
    header = f"wsgikit_session=forged; {good}; {other}"
    serve(chain(lambda session: seen.append(session["user"])), HTTP_COOKIE=header)
    assert seen == ["ada"]


def test_cookie_signed_for_another_name_is_refused(serve):
    value = parse_cookie(cookie_of(serve(chain(login, cookie_name="other"))))["other"]
    seen = []
    serve(chain(lambda s: seen.append(dict(s))), HTTP_COOKIE=f"wsgikit_session={value}")
    assert seen == [{}]


def test_too_large_session_raises_and_names_the_largest_key(serve):
    import secrets

    answer = serve(chain(lambda session: session.update(big=secrets.token_hex(4000), small=1)))
    assert isinstance(answer.error, SessionTooLarge)
    assert "'big'" in str(answer.error)


def test_too_large_session_can_be_kept_as_it_was_with_an_error_line(serve, caplog):
    import secrets

    big = secrets.token_hex(4000)
    answer = serve(chain(lambda session: session.update(big=big), oversize="keep"))
    assert answer.status == "200 OK"
    assert all_of(answer, "Set-Cookie") == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_value_that_cannot_be_stored_is_named_in_the_request(serve):
    answer = serve(chain(lambda session: session.update(user=object())))
    assert isinstance(answer.error, SessionValueError)
    assert "session['user']" in str(answer.error)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"secret_key": ""}, "token_hex"),
        ({"secret_key": None}, "SECRET_KEY"),
        ({"secret_key_fallbacks": "old"}, r"\[old_key\]"),
        ({"secret_key_fallbacks": [""]}, "secret_key_fallbacks"),
        ({"cookie_name": "a b"}, "letters"),
        ({"max_age": -1}, "timedelta"),
        ({"refresh_interval": "1h"}, "seconds"),
        ({"same_site": "lax"}, "'Lax'"),
        ({"oversize": "drop"}, "'raise'"),
        ({"same_site": "None", "secure": False}, "Leave secure out"),
    ],
)
def test_wrong_option_fails_when_the_pipeline_is_built(options, hint):
    with pytest.raises(ConfigurationError, match=hint):
        chain(nothing, **options)


def test_second_start_with_exc_info_gets_one_cookie(serve):
    import sys

    def app(environ, start_response):
        login(environ[SESSION])
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise LookupError
        except LookupError:
            start_response("404 Not Found", [("Content-Type", "text/plain")], sys.exc_info())
        return [b""]

    answer = serve(SessionMiddleware(app, secret_key=KEY))
    assert len(all_of(answer, "Set-Cookie")) == 1
