"""SessionCookie: what is signed, what is refused, and the header it makes."""

import hashlib
import json
import logging
import random
import string
import time
from datetime import timedelta

import pytest
from itsdangerous import URLSafeTimedSerializer
from werkzeug.sansio.http import parse_cookie

from wsgikit.errors import ConfigurationError, SessionTooLarge, SessionValueError
from wsgikit.middleware import SessionMiddleware
from wsgikit.sessions import Session
from wsgikit.sessions.cookie import CookieAttributes
from wsgikit.sessions.visitor import Visitor

KEY = "a key for tests"
OLD, OLDER = "the former key", "the key before"
NAME = "wsgikit_session"
DATA = {"a": 1, "text": 'Grüße \U0001f36a; "quoted", ok', "items": [1, {"b": None}]}


class CookieSessions:
    """The keeper of a layer without a store, in terms of headers."""

    def __init__(self, **options):
        self.keeper = SessionMiddleware(None, **{"secret_key": KEY, **options}).keeper
        self.cookie, self.lifetimes = self.keeper._cookie, self.keeper._lifetimes
        self.name = self.cookie.name

    @property
    def path(self):
        return self.cookie._attributes.path

    @path.setter
    def path(self, path):
        self.cookie._attributes = CookieAttributes(path)

    def load(self, header):
        return self.keeper.load(visitor(cookies=header or ""))

    def dump(self, session, *, https=False):
        headers = self.keeper.commit(session, visitor(https))
        return headers[0] if headers else None

    def delete(self, *, https):
        (header,) = self.keeper.expire(visitor(https))
        return header

    def is_due(self, stored):
        return self.dump(Session(lambda: stored)) is not None

    def seal(self, text):
        return self.cookie._codec.seal(text)


def visitor(https=False, cookies=""):
    return Visitor(cookies, https, "", "")


def make_cookie(**options):
    return CookieSessions(**options)


def session_of(data=DATA):
    session = Session(lambda: None)
    session.update(data)
    return session


def header_of(cookie, data=DATA, https=False):
    """The Set-Cookie value of a session with ``data``."""
    return cookie.dump(session_of(data), https=https)


def sent_back(set_cookie):
    """The Cookie header of a browser that was sent ``set_cookie``."""
    return set_cookie.partition(";")[0]


def attributes(set_cookie):
    """The attributes of a Set-Cookie value, by lower-case name."""
    pairs = (part.partition("=") for part in set_cookie.split("; ")[1:])
    return {name.lower(): value for name, _, value in pairs}


class Clock:
    """A time.time() that tests can set."""

    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


# Round trip


@pytest.mark.parametrize("data", [DATA, {"_permanent": True}, {"": ""}, {"a": "x" * 2000}])
def test_what_was_sent_comes_back(data):
    cookie = make_cookie()
    stored = cookie.load(sent_back(header_of(cookie, data)))
    assert stored.data == data
    assert stored.text == session_of(data).text
    assert not stored.outdated


def test_time_of_signing_comes_back(clock):
    cookie = make_cookie()
    assert cookie.load(sent_back(header_of(cookie))).issued_at == clock.now


def test_reading_what_came_back_is_no_change():
    cookie = make_cookie()
    header = sent_back(header_of(cookie))
    session = Session(lambda: cookie.load(header))
    assert session["items"] == DATA["items"]
    assert not session.modified


@pytest.mark.parametrize("header", [f"x{NAME}=1", f"other={NAME}", f"{NAME}x=1"])
def test_name_inside_of_another_is_no_session(header):
    assert make_cookie().load(header) is None


def test_cookie_is_found_among_others():
    cookie = make_cookie()
    header = f"session=x; {sent_back(header_of(cookie))}; sessionid=y"
    assert cookie.load(header).data == DATA


def test_quoted_cookie_is_read():
    cookie = make_cookie()
    name, _, value = sent_back(header_of(cookie)).partition("=")
    assert cookie.load(f'{name}="{value}"').data == DATA


@pytest.mark.parametrize("header", [None, "", "other=1", "session=1; sessionid=2"])
def test_no_cookie_is_no_session_and_no_line_in_the_log(header, caplog):
    caplog.set_level(logging.DEBUG)
    assert make_cookie().load(header) is None
    assert caplog.records == []


@pytest.mark.parametrize("key", ["text", b"bytes", "Grüße", "x" * 1000])
def test_key_is_str_or_bytes_of_any_length(key):
    cookie = make_cookie(secret_key=key)
    assert cookie.load(sent_back(header_of(cookie))).data == DATA


def test_str_and_bytes_of_one_key_are_the_same_key():
    header = sent_back(header_of(make_cookie(secret_key="Grüße")))
    assert make_cookie(secret_key="Grüße".encode()).load(header).data == DATA


def test_signature_is_hmac_sha_256_with_a_salt_of_the_cookies_name():
    signer = URLSafeTimedSerializer(
        KEY,
        salt=f"wsgikit.session:{NAME}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
    value = parse_cookie(sent_back(header_of(make_cookie())))[NAME]
    assert signer.loads(value) is not None
    assert len(value.rpartition(".")[2]) == 43


# Keys


def test_cookie_of_another_key_is_refused():
    header = sent_back(header_of(make_cookie(secret_key="another key")))
    assert make_cookie().load(header) is None


@pytest.mark.parametrize("key", [OLD, OLDER])
def test_cookie_of_a_former_key_is_taken_and_outdated(key):
    cookie = make_cookie(secret_key_fallbacks=[OLDER, OLD])
    stored = cookie.load(sent_back(header_of(make_cookie(secret_key=key))))
    assert stored.data == DATA
    assert stored.outdated
    assert cookie.is_due(stored)


def test_new_cookies_are_signed_with_the_current_key_alone():
    header = sent_back(header_of(make_cookie(secret_key_fallbacks=[OLDER, OLD])))
    assert not make_cookie().load(header).outdated
    assert make_cookie(secret_key=OLD).load(header) is None
    assert make_cookie(secret_key=OLDER).load(header) is None


def test_cookie_of_the_current_key_is_not_outdated_by_fallbacks():
    cookie = make_cookie(secret_key_fallbacks=[OLDER, OLD])
    assert not cookie.load(sent_back(header_of(make_cookie()))).outdated


def test_retired_key_is_refused():
    header = sent_back(header_of(make_cookie(secret_key=OLDER)))
    assert make_cookie(secret_key_fallbacks=[OLD]).load(header) is None


def test_value_of_another_cookie_with_the_same_key_is_refused():
    value = sent_back(header_of(make_cookie(cookie_name="other"))).partition("=")[2]
    assert make_cookie().load(f"{NAME}={value}") is None


@pytest.mark.parametrize("data", [[1], "text", 1, None])
def test_signed_value_that_is_no_object_is_refused(data):
    cookie = make_cookie()
    value = cookie.seal(json.dumps(data))
    assert cookie.load(f"{NAME}={value}") is None


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\u20ac", '{"a":1}}'])
def test_signed_value_that_is_no_json_is_refused(text):
    cookie = make_cookie()
    assert cookie.load(f"{NAME}={cookie.seal(text)}") is None


# Age


def test_expired_cookie_is_refused(clock):
    cookie = make_cookie(max_age=100)
    header = sent_back(header_of(cookie))
    clock.now += 100
    assert cookie.load(header).data == DATA
    clock.now += 1
    assert cookie.load(header) is None


def test_max_age_is_31_days_by_default():
    assert make_cookie().lifetimes.max_age == 31 * 24 * 3600


def test_durations_are_seconds_or_timedeltas():
    cookie = make_cookie(max_age=timedelta(hours=1), refresh_interval=timedelta(minutes=1))
    assert (cookie.lifetimes.max_age, cookie.lifetimes.refresh_interval) == (3600, 60)
    assert make_cookie(max_age=3600).lifetimes.refresh_interval == 360


@pytest.mark.parametrize(
    ("interval", "age", "due"), [(60, 59, False), (60, 60, True), (0, 0, True)]
)
def test_cookie_is_signed_again_after_the_refresh_interval(clock, interval, age, due):
    cookie = make_cookie(refresh_interval=interval)
    header = sent_back(header_of(cookie))
    clock.now += age
    assert cookie.is_due(cookie.load(header)) is due


# Several cookies of the name


def test_first_valid_cookie_counts():
    cookie = make_cookie()
    first, second = (sent_back(header_of(cookie, {"n": n})) for n in (1, 2))
    assert cookie.load(f"{NAME}=forged; {first}; {second}").data == {"n": 1}


def test_no_valid_cookie_among_several_is_no_session():
    assert make_cookie().load(f"{NAME}=forged; {NAME}=; {NAME}") is None


# Bad input


def test_invalid_cookie_gives_one_debug_line_without_its_value(caplog):
    caplog.set_level(logging.DEBUG)
    assert make_cookie().load(f"{NAME}=forged; {NAME}=forged-too") is None
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("wsgikit.session", logging.DEBUG)
    assert NAME in record.getMessage()
    assert "forged" not in record.getMessage()


def test_valid_cookie_gives_no_line(caplog):
    caplog.set_level(logging.DEBUG)
    cookie = make_cookie()
    assert cookie.load(sent_back(header_of(cookie))) is not None
    assert caplog.records == []


VALUE = sent_back(header_of(make_cookie())).partition("=")[2]


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        "...",
        "." + VALUE,
        VALUE + ".",
        VALUE[:-1],
        VALUE[1:],
        VALUE.rpartition(".")[0],
        VALUE.upper(),
        "\xff\xfe",
        "\u20ac",
        "\ud800",
        "Gr\xc3\xbc\xc3\x9fe",
        '"',
        '"\\377"',
        '"\\777"',
        "x" * 1_000_000,
        "." * 1_000_000,
        "." + "A" * 1_000_000,
        '"' * 1_000_000,
        ";" * 1_000_000,
        "=" * 1_000_000,
    ],
    ids=lambda value: f"{value[:12]!a}-{len(value)}",
)
def test_bad_value_is_no_session_and_no_error(value):
    assert make_cookie(secret_key_fallbacks=[OLD]).load(f"{NAME}={value}") is None


def test_bytes_that_are_no_utf_8_in_another_cookie_do_not_spoil_ours():
    cookie = make_cookie()
    assert cookie.load(f"other=\xff\xe9; {sent_back(header_of(cookie))}").data == DATA


ALPHABET = string.ascii_letters + string.digits + '-_.="\\ \x00\xe9\xff'


def mutated(value, rng):
    """``value`` with one to three small damages."""
    characters = list(value)
    for _ in range(rng.randint(1, 3)):
        place, other = (rng.randrange(len(characters)) for _ in range(2))
        damage = rng.choice(("replace", "insert", "delete", "swap", "cut", "repeat"))
        if damage == "replace":
            characters[place] = rng.choice(ALPHABET)
        elif damage == "insert":
            characters.insert(place, rng.choice(ALPHABET))
        elif damage == "delete":
            characters[place] = ""
        elif damage == "swap":
            characters[place], characters[other] = characters[other], characters[place]
        elif damage == "cut":
            characters = characters[: place + 1]
        else:
            characters += characters[place:]
    return "".join(characters)


def test_mutated_cookies_never_bring_anything_that_was_not_signed():
    cookie = make_cookie(secret_key_fallbacks=[OLD])
    rng = random.Random(2024)
    refused = 0
    for _ in range(20_000):
        header = f"{NAME}={mutated(VALUE, rng)}"
        if cookie.load(header) is None:
            refused += 1
            continue
        # Base64 can be written in several ways, so the signature's text may differ. What is
        # signed may not.
        signed = parse_cookie(header)[NAME].rpartition(".")[0]
        assert signed == VALUE.rpartition(".")[0]
    assert refused > 19_000


def test_random_headers_are_never_taken_and_never_an_error():
    cookie = make_cookie()
    rng = random.Random(2024)
    for _ in range(2_000):
        noise = "".join(chr(rng.randrange(256)) for _ in range(rng.randrange(200)))
        assert cookie.load(noise + f"; {NAME}={noise}") is None


# The header


def test_attributes_by_default():
    assert attributes(header_of(make_cookie())) == {"httponly": "", "path": "/", "samesite": "Lax"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"path": "/app"}, {"path": "/app"}),
        ({"domain": "example.org"}, {"domain": "example.org"}),
        ({"same_site": "Strict"}, {"samesite": "Strict"}),
        ({"same_site": "None"}, {"samesite": "None", "secure": ""}),
        ({"partitioned": True}, {"partitioned": "", "secure": ""}),
        ({"secure": True}, {"secure": ""}),
    ],
)
def test_attribute_follows_its_option(options, expected):
    sent = attributes(header_of(make_cookie(**options)))
    assert {name: sent[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("options", "left_out"), [({"http_only": False}, "httponly"), ({"same_site": None}, "samesite")]
)
def test_attribute_can_be_left_out(options, left_out):
    assert left_out not in attributes(header_of(make_cookie(**options)))


@pytest.mark.parametrize(
    ("secure", "https", "expected"),
    [
        (None, False, False),
        (None, True, True),
        (True, False, True),
        (True, True, True),
        (False, False, False),
        (False, True, False),
    ],
)
def test_secure_follows_the_request_unless_forced(secure, https, expected):
    cookie = make_cookie(secure=secure)
    assert ("secure" in attributes(header_of(cookie, https=https))) is expected
    assert ("secure" in attributes(cookie.delete(https=https))) is expected


def test_name_of_the_cookie_is_an_option():
    assert header_of(make_cookie(cookie_name="visitor")).startswith("visitor=")


@pytest.mark.parametrize("permanent", [True, False])
def test_only_a_permanent_session_outlives_the_browser(permanent):
    sent = attributes(header_of(make_cookie(max_age=100), {"_permanent": permanent}))
    assert sent.get("max-age") == ("100" if permanent else None)
    assert ("expires" in sent) is permanent


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"path": "/app", "domain": "example.org", "same_site": "None", "partitioned": True},
        {"http_only": False, "same_site": None, "secure": True},
        {"cookie_name": "visitor", "path": "/a b"},
    ],
)
@pytest.mark.parametrize("https", [True, False])
def test_deletion_has_the_attributes_of_the_cookie(options, https):
    cookie = make_cookie(**options)
    deletion = cookie.delete(https=https)
    sent = attributes(deletion)
    assert deletion.startswith(f"{cookie.name}=;")
    assert sent.pop("max-age") == "0"
    assert sent.pop("expires") == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert sent == attributes(header_of(cookie, https=https))


def test_header_is_ascii():
    assert header_of(make_cookie(path="/é", domain="müller.example")).isascii()


def test_value_that_json_cannot_hold_is_named():
    session = session_of({"bad": object()})
    with pytest.raises(SessionValueError, match=r"session\['bad'\]"):
        make_cookie().dump(session, https=False)


# Size


def noise(length):
    """Text that zlib cannot make much smaller, the same in each run."""
    rng = random.Random(length)
    return "".join(rng.choice(string.ascii_letters + string.digits) for _ in range(length))


def filled_to(cookie, size):
    """Data whose whole header has ``size`` bytes, padded by the cookie's own path."""
    data = {"text": noise(1000)}
    cookie.path = "/"
    cookie.path = "/" + "p" * (size - len(header_of(cookie, data)))
    return data


@pytest.mark.parametrize("oversize", ["raise", "keep"])
def test_header_of_4093_bytes_with_name_and_attributes_is_sent(oversize):
    cookie = make_cookie(oversize=oversize)
    assert len(header_of(cookie, filled_to(cookie, 4093))) == 4093


def test_header_of_4094_bytes_raises_and_names_size_and_largest_keys():
    cookie = make_cookie()
    data = {"tiny": 1, "small": "x", **filled_to(cookie, 4093), "medium": noise(50), "z": "zz"}
    with pytest.raises(SessionTooLarge, match=r"'text' \(1002 ch.*'medium' \(52 ch.*'z'") as raised:
        header_of(cookie, data)
    assert "tiny" not in str(raised.value)
    assert "small" not in str(raised.value)
    assert "4093" in str(raised.value)


def test_one_byte_too_many_is_too_many():
    cookie = make_cookie()
    data = filled_to(cookie, 4093)
    cookie.path += "p"
    with pytest.raises(SessionTooLarge, match="would have 4094 bytes"):
        header_of(cookie, data)


def test_oversize_can_be_kept_back_with_an_error_in_the_log(caplog):
    cookie = make_cookie(oversize="keep")
    assert header_of(cookie, {"text": noise(6000)}) is None
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("wsgikit.session", logging.ERROR)
    assert "'text' (6002 characters)" in record.getMessage()
    assert noise(6000)[:20] not in record.getMessage()


def test_large_but_regular_data_fit_by_compression():
    cookie = make_cookie()
    data = {"text": "x" * 10_000}
    assert cookie.load(sent_back(header_of(cookie, data))).data == data


# Options


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"secret_key": ""}, r"secret_key is empty[^$]*secrets\.token_hex\(\)"),
        ({"secret_key": b""}, r"secret_key is empty[^$]*app\.config\['SECRET_KEY'\]"),
        ({"secret_key": None}, r"secret_key is NoneType[^$]*secret_key=…"),
        ({"secret_key": 1}, r"secret_key is int[^$]*secrets\.token_hex\(\)"),
        ({"secret_key_fallbacks": "old"}, r"one key, not a list[^$]*=\[old_key\]"),
        ({"secret_key_fallbacks": b"old"}, r"one key, not a list[^$]*=\[old_key\]"),
        ({"secret_key_fallbacks": [""]}, r"secret_key_fallbacks is empty[^$]*token_hex"),
        ({"secret_key_fallbacks": [OLD, None]}, r"secret_key_fallbacks is NoneType"),
        ({"cookie_name": ""}, r"cookie_name=''[^$]*Use letters"),
        ({"cookie_name": "a b"}, r"cookie_name='a b'[^$]*Use letters"),
        ({"cookie_name": "a;b"}, r"cookie_name='a;b'[^$]*Use letters"),
        ({"cookie_name": "a=b"}, r"cookie_name='a=b'[^$]*Use letters"),
        ({"cookie_name": "é"}, r"cookie_name='é'[^$]*Use letters"),
        ({"cookie_name": "a\n"}, r"cookie_name='a\\n'[^$]*Use letters"),
        ({"max_age": -1}, r"max_age=-1[^$]*Give seconds"),
        ({"max_age": 1.5}, r"max_age=1\.5[^$]*Give seconds"),
        ({"max_age": "31"}, r"max_age='31'[^$]*timedelta"),
        ({"max_age": None}, r"max_age=None[^$]*timedelta"),
        ({"max_age": timedelta(days=-1)}, r"max_age=datetime[^$]*Give seconds"),
        ({"refresh_interval": -1}, r"refresh_interval=-1[^$]*Give seconds"),
        ({"same_site": "lax"}, r"same_site='lax'[^$]*'Lax', 'Strict', 'None', None"),
        ({"same_site": False}, r"same_site=False[^$]*'Lax', 'Strict'"),
        ({"oversize": "drop"}, r"oversize='drop'[^$]*'raise', 'keep'"),
        ({"secure": False, "same_site": "None"}, r"secure=False[^$]*Leave secure out"),
        ({"secure": False, "partitioned": True}, r"secure=False[^$]*Leave secure out"),
    ],
)
def test_wrong_option_is_named_with_what_to_write(options, hint):
    with pytest.raises(ConfigurationError, match=hint):
        make_cookie(**options)


def test_error_about_a_key_does_not_show_it():
    with pytest.raises(ConfigurationError) as raised:
        make_cookie(secret_key_fallbacks="a secret word")
    assert "a secret word" not in str(raised.value)


def test_missing_key_is_an_error():
    with pytest.raises(TypeError, match="secret_key"):
        SessionMiddleware(None)
