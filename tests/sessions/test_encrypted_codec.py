"""EncryptedCodec: what it opens, what it refuses, and what its values do not tell."""

import builtins
import struct
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wsgikit.errors import MissingExtraError
from wsgikit.sessions import EncryptedCodec, SignedCodec

NAME, KEY, OLD, OLDER = "wsgikit_session", b"a key", b"the former key", b"the key before"
TEXT = '[1700000000,{"user":"ada"}]'


@pytest.fixture
def codec():
    return EncryptedCodec(NAME, KEY, [OLDER, OLD])


def decode(value):
    return urlsafe_b64decode(value + "==")


def encode(sealed):
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


@pytest.mark.parametrize("length", range(70))
def test_sealed_text_of_any_length_comes_back(codec, length):
    unsealed = codec.unseal(codec.seal("x" * length))
    assert (unsealed.text, unsealed.outdated) == ("x" * length, False)


@pytest.mark.parametrize("text", [TEXT, "€\x00\x01", "\x01" * 40, "x" * 4000])
def test_sealed_text_of_any_characters_comes_back(codec, text):
    assert codec.unseal(codec.seal(text)).text == text


def test_time_of_sealing_comes_back(codec, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.25)
    assert codec.unseal(codec.seal(TEXT)).issued_at == 1_700_000_000.25


@pytest.mark.parametrize("key", [OLD, OLDER])
def test_fallback_keys_open_and_mark_the_value_as_outdated(codec, key):
    unsealed = codec.unseal(EncryptedCodec(NAME, key).seal(TEXT))
    assert (unsealed.text, unsealed.outdated) == (TEXT, True)


def test_the_key_alone_seals(codec):
    assert EncryptedCodec(NAME, KEY).unseal(codec.seal(TEXT)).text == TEXT
    assert EncryptedCodec(NAME, OLD, [OLDER]).unseal(codec.seal(TEXT)) is None


@pytest.mark.parametrize(
    "other", [EncryptedCodec(NAME, b"another key"), EncryptedCodec("another_name", KEY)]
)
def test_other_keys_and_other_names_are_refused(codec, other):
    assert codec.unseal(other.seal(TEXT)) is None


def test_signed_value_of_the_same_key_and_name_is_refused(codec):
    signed = SignedCodec(NAME, KEY)
    assert codec.unseal(signed.seal(TEXT)) is None
    assert signed.unseal(codec.seal(TEXT)) is None


def test_every_changed_bit_is_noticed(codec):
    sealed = decode(codec.seal(TEXT))
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        assert codec.unseal(encode(bytes(changed))) is None


def test_every_truncation_is_refused(codec):
    value = codec.seal(TEXT)
    assert not any(codec.unseal(value[:end]) for end in range(len(value)))


def test_value_has_one_spelling(codec):
    value = codec.seal("x" * 30)  # 93 bytes and a multiple of 3: with no bits to spare
    spare = codec.seal("x" * 10)
    assert len(decode(spare)) % 3
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [spare[:-1] + char for char in last if char != spare[-1]]
    others += [f"{spare}=", f"{spare}==", f"{spare} ", f"!{spare}", f"{value}A", f"{value}===="]
    assert codec.unseal(spare) is not None
    assert not any(codec.unseal(other) for other in others)


@pytest.mark.parametrize(
    "value", ["", ".", "A", "AQ", "AQ" * 9, "\x00", "€" * 40, "\ud800", "AQID" * 30_000]
)
def test_what_was_never_sealed_is_refused(codec, value):
    assert codec.unseal(value) is None


def test_format_is_as_documented(codec):
    sealed = decode(codec.seal(TEXT))
    info = f"wsgikit.session.encrypted:{NAME}".encode()
    cipher = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(KEY))
    plain = cipher.decrypt(sealed[1:13], sealed[13:], b"\x01" + NAME.encode())
    assert sealed[:1] == b"\x01"
    assert plain[8:] == TEXT.encode() + b"\x1d" * 29
    assert struct.unpack(">d", plain[:8])[0] == pytest.approx(time.time(), abs=60)


def test_unknown_version_is_refused(codec, monkeypatch):
    monkeypatch.setattr("wsgikit.sessions.encrypted_codec._VERSION", b"\x02")
    later = EncryptedCodec(NAME, KEY)
    value = later.seal(TEXT)
    assert later.unseal(value).text == TEXT
    monkeypatch.undo()
    assert codec.unseal(value) is None
    assert codec.unseal(encode(b"\x01" + decode(value)[1:])) is None


def test_value_tells_neither_text_nor_exact_length(codec):
    sealed = decode(codec.seal(TEXT))
    assert b"ada" not in sealed
    lengths = {len(codec.seal("x" * length)) for length in range(24, 56)}
    assert len(lengths) == 1


def test_compressible_text_is_not_compressed(codec):
    assert len(decode(codec.seal("x" * 1000))) > 1000


def test_value_goes_into_a_header_without_quotes(codec):
    assert codec.seal(TEXT).replace("-", "").replace("_", "").isalnum()


def test_same_text_has_another_value_each_time(codec):
    assert len({codec.seal(TEXT)[:17] for _ in range(100)}) == 100


def test_missing_package_is_named_with_its_extra(monkeypatch):
    real = builtins.__import__

    def fail(name, *args, **options):
        if name.startswith("cryptography"):
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(MissingExtraError, match=r"wsgikit\[encryption\]"):
        EncryptedCodec(NAME, KEY)
