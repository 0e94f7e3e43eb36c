"""DjangoCookie: what real Django apps have written."""

import builtins
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core.signing import TimestampSigner
from foreign_cookies import django_cookie

from wsgikit.errors import MissingExtraError
from wsgikit.sessions.readers import DjangoCookie

KEY = "a key for tests"
DATA = {"_auth_user_id": "1", "cart": [1, {"b": None}], "text": "Grüße \U0001f36a"}
READ = {"_permanent": True, **DATA}
DAY = 24 * 3600
SALT = "django.contrib.sessions.backends.signed_cookies"


def sign(data):
    return TimestampSigner(key=KEY, salt=SALT, fallback_keys=[]).sign_object(data)


@pytest.fixture(scope="module")
def value():
    return django_cookie(DATA, SECRET_KEY=KEY)


def test_values_are_read(value):
    assert DjangoCookie(KEY).read(value).data == READ
    assert DjangoCookie(KEY.encode()).read(value).data == READ


def test_long_values_are_read():
    value = django_cookie({"a": "x" * 3000}, SECRET_KEY=KEY)
    assert value.startswith(".")  # compressed
    assert DjangoCookie(KEY).read(value).data["a"] == "x" * 3000


def test_no_settings_are_needed(value):
    script = (
        "import sys\n"
        "from wsgikit.sessions.readers import DjangoCookie\n"
        "assert DjangoCookie(sys.argv[1]).read(sys.argv[2]).data['_auth_user_id'] == '1'\n"
        "from django.conf import settings\n"
        "assert not settings.configured\n"
    )
    subprocess.run([sys.executable, "-c", script, KEY, value], check=True)


def test_keys_of_before_a_rotation_are_taken(value):
    assert DjangoCookie("new", fallbacks=["older", KEY]).read(value).data == READ


def test_key_that_django_signed_with_after_a_rotation_is_its_secret_key():
    value = django_cookie(DATA, SECRET_KEY=KEY, SECRET_KEY_FALLBACKS=["old"])
    assert DjangoCookie(KEY).read(value).data == READ


@pytest.mark.parametrize("reader", [DjangoCookie("other"), DjangoCookie("new", fallbacks=["old"])])
def test_other_keys_are_refused(value, reader):
    assert reader.read(value) is None


def test_expired_cookie_is_refused(value, monkeypatch):
    signed = time.time()
    monkeypatch.setattr(time, "time", lambda: signed + 14 * DAY - 60)
    assert DjangoCookie(KEY).read(value).data == READ
    monkeypatch.setattr(time, "time", lambda: signed + 14 * DAY + 60)
    assert DjangoCookie(KEY).read(value) is None
    assert DjangoCookie(KEY, max_age=timedelta(days=15)).read(value).data == READ


def test_salt_of_an_engine_of_one_s_own(value):
    own = TimestampSigner(key=KEY, salt="own", fallback_keys=[]).sign_object(DATA)
    assert DjangoCookie(KEY, salt="own").read(own).data == READ
    assert DjangoCookie(KEY).read(own) is None
    assert DjangoCookie(KEY, salt="own").read(value) is None


def test_session_that_ended_with_the_browser_goes_on_to(value):
    assert DjangoCookie(KEY, expire_at_browser_close=True).read(value).data == DATA
    assert DjangoCookie(KEY).read(django_cookie(DATA, expiry=0, SECRET_KEY=KEY)).data == DATA


@pytest.mark.parametrize("at_close", [False, True])
def test_session_that_was_promised_the_usual_time_or_more_is_permanent(at_close):
    value = django_cookie(DATA, expiry=14 * DAY, SECRET_KEY=KEY)
    assert DjangoCookie(KEY, expire_at_browser_close=at_close).read(value).data == READ


@pytest.mark.parametrize("at_close", [False, True])
def test_session_that_was_promised_less_ends_with_the_browser(at_close):
    value = django_cookie(DATA, expiry=300, SECRET_KEY=KEY)
    assert DjangoCookie(KEY, expire_at_browser_close=at_close).read(value).data == DATA


def test_session_is_not_taken_once_its_own_expiry_has_passed(monkeypatch):
    value = django_cookie(DATA, expiry=300, SECRET_KEY=KEY)
    signed = DjangoCookie(KEY).read(value).signed_at
    monkeypatch.setattr(time, "time", lambda: signed + 299)
    assert DjangoCookie(KEY).read(value).data == DATA
    monkeypatch.setattr(time, "time", lambda: signed + 300)
    assert DjangoCookie(KEY).read(value) is None


def test_expiry_at_a_given_time_is_kept(monkeypatch):
    now = int(time.time())
    ends = datetime.fromtimestamp(now + 300, UTC).isoformat()  # what set_expiry(datetime) leaves
    value = sign({"_session_expiry": ends, **DATA})
    assert DjangoCookie(KEY).read(value).data == DATA
    monkeypatch.setattr(time, "time", lambda: now + 300)
    assert DjangoCookie(KEY).read(value) is None


def test_it_is_as_old_as_its_signature(value):
    read = DjangoCookie(KEY).read(value)
    assert read.created == read.signed_at
    assert 0 <= time.time() - read.signed_at < DAY


@pytest.mark.parametrize("value", ["", ":", "a:b:c", "\ud800:a", "€:€", "x" * 10_000])
def test_what_django_never_signed_is_refused(value):
    assert DjangoCookie(KEY).read(value) is None


@pytest.mark.parametrize("payload", ["!", "e", "W10", "bnVsbA", "eyI", ".eyI", "gASVBwAAAAB9lHMu"])
def test_signed_value_that_is_no_session_is_refused(payload):
    signer = TimestampSigner(key=KEY, salt=SALT, fallback_keys=[])
    assert DjangoCookie(KEY).read(signer.sign(payload)) is None


def test_cookie_is_named_and_placed_as_django_does():
    reader = DjangoCookie(KEY)
    assert (reader.name, reader.attributes.path, reader.attributes.domain) == (
        "sessionid",
        "/",
        None,
    )
    reader = DjangoCookie(KEY, cookie_name="s", path="/app", domain="example.com")
    assert (reader.name, reader.attributes.path, reader.attributes.domain) == (
        "s",
        "/app",
        "example.com",
    )


def test_missing_package_is_named_with_its_extra(monkeypatch):
    real = builtins.__import__

    def fail(name, *args, **options):
        if name.startswith("django"):
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(MissingExtraError, match=r"wsgikit\[django\]"):
        DjangoCookie(KEY)
