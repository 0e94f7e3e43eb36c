"""SignedCodec: what it opens, what it refuses."""

import hashlib
import json
import random
import time
from base64 import b64encode

import pytest
from itsdangerous import Signer, URLSafeTimedSerializer

from wsgikit.sessions import SignedCodec

NAME, KEY, OLD, OLDER = "wsgikit_session", b"a key", b"the former key", b"the key before"
TEXT = '[1700000000,{"a":"Gr\\u00fc\\u00dfe"}]'

WRITTEN_BEFORE = [
    ".eJyLNjQ3gAKdaqVEJSulCrxAqTYWAK0JEvg.ZVPxAA.aOcGSV0nOiNapzwCepXZescITsD7ki-pQRAdZx3XB7o",
    "WzE3MDAwMDAwMDAseyJhIjoieHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4In1d.ZVPxAA.MgG4mBv_Enwgk2JewnnJg95vr1ctUMXIC4HFhMPQFNc",
]
"""One that is compressed and one that is not, by a release that compressed short texts too."""


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


def serializer():
    """What itsdangerous makes such values with."""
    return URLSafeTimedSerializer(
        KEY,
        salt=f"wsgikit.session:{NAME}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def test_signature_is_hmac_sha_256_with_a_salt_of_the_cookies_name(codec):
    assert serializer().loads(codec.seal(TEXT)) == [1700000000, {"a": "Grüße"}]


@pytest.mark.parametrize("key", [b"k", b"a key of 32 bytes, as they are ok", b"x" * 64, b"x" * 65])
def test_signer_signs_as_that_of_itsdangerous(key):
    ours = SignedCodec(NAME, key)._signer
    options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    theirs = Signer(key, f"wsgikit.session:{NAME}", **options)
    for length in range(200):
        signed = theirs.sign(b"." * length)
        assert ours.sign(b"." * length) == signed
        assert ours.unsign(signed) == b"." * length


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513, 3000])
def test_value_is_that_of_itsdangerous_but_for_a_short_text_that_it_compresses(
    codec, monkeypatch, length
):
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.9)
    noise = random.Random(1).randbytes(length).hex()[:length]
    text = json.dumps([1, noise], separators=(",", ":"))
    theirs = serializer().dumps([1, noise])
    assert codec.unseal(theirs) == (text, 1_700_000_000, False)
    assert codec.seal(text) == theirs or len(text) < 512


@pytest.mark.parametrize("value", WRITTEN_BEFORE)
def test_what_was_written_before_is_opened(codec, value):
    assert codec.unseal(value).text == '[1700000000,{"a":"' + "x" * 30 + '"}]'


def test_short_texts_are_not_compressed(codec):
    assert not codec.seal("x" * 500).startswith(".")


def test_long_texts_are_compressed(codec):
    assert len(codec.seal("x" * 4000)) < 200


@pytest.mark.parametrize("length", [512, 2000])
def test_text_that_zlib_makes_little_of_is_shorter_all_the_same(codec, length):
    noise = "".join(map(chr, random.Random(1).choices(range(0x20, 0x7F), k=length)))
    assert len(codec.seal(noise)) < len(codec._signer.sign(b64encode(noise.encode())))
    assert codec.unseal(codec.seal(noise)).text == noise


@pytest.mark.parametrize(
    "content",
    ["", "no-time", "YQ.a", "a.aaaaaa", "_w.aaaaaa", ".YQ.aaaaaa", ".a.aaaaaa"],
)
def test_signed_value_of_another_form_is_refused(codec, content):
    assert codec.unseal(codec._signer.sign(content).decode()) is None
