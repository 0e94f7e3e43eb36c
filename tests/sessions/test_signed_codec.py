"""SignedCodec: what it opens, what it refuses."""

import hashlib
import time

import pytest
from itsdangerous import URLSafeTimedSerializer

from wsgikit.sessions import SignedCodec

NAME, KEY, OLD, OLDER = "wsgikit_session", b"a key", b"the former key", b"the key before"
TEXT = '[1700000000,{"a":"Gr\\u00fc\\u00dfe"}]'


@pytest.fixture
def codec():
    return SignedCodec(NAME, KEY, [OLDER, OLD])


@pytest.mark.parametrize("text", [TEXT, "", '"id"', "x" * 4000, "\u20ac"])
def test_sealed_text_comes_back(codec, text):
    unsealed = codec.unseal(codec.seal(text))
    assert (unsealed.text, unsealed.outdated) == (text, False)


def test_time_of_sealing_comes_back(codec, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.9)
    assert codec.unseal(codec.seal(TEXT)).issued_at == 1_700_000_000


def test_value_of_a_host_whose_clock_is_ahead_is_opened(codec, monkeypatch):
    value = codec.seal(TEXT)
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    assert codec.unseal(value).text == TEXT


@pytest.mark.parametrize("key", [OLD, OLDER])
def test_fallback_keys_open_and_mark_the_value_as_outdated(codec, key):
    unsealed = codec.unseal(SignedCodec(NAME, key).seal(TEXT))
    assert (unsealed.text, unsealed.outdated) == (TEXT, True)


def test_the_key_alone_seals(codec):
    assert SignedCodec(NAME, KEY).unseal(codec.seal(TEXT)).text == TEXT
    assert SignedCodec(NAME, OLD, [OLDER]).unseal(codec.seal(TEXT)) is None


@pytest.mark.parametrize(
    "other", [SignedCodec(NAME, b"another key"), SignedCodec("another_name", KEY)]
)
def test_other_keys_and_other_names_are_refused(codec, other):
    assert codec.unseal(other.seal(TEXT)) is None


@pytest.mark.parametrize(
    "value", ["", ".", "..", "a.b.c", "\x00", "€.€.€", "\ud800", "x" * 100_000]
)
def test_what_was_never_sealed_is_refused(codec, value):
    assert codec.unseal(value) is None


def test_signature_is_hmac_sha_256_with_a_salt_of_the_cookies_name(codec):
    signer = URLSafeTimedSerializer(
        KEY,
        salt=f"wsgikit.session:{NAME}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
    assert signer.loads(codec.seal(TEXT)) == [1700000000, {"a": "Grüße"}]


def test_long_texts_are_compressed(codec):
    assert len(codec.seal("x" * 4000)) < 200
