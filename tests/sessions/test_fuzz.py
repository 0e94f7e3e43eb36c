"""Random and mutated cookies through every codec and reader: no exception, no accepted forgery.

``COOKIE_FUZZ`` is how many, ``COOKIE_FUZZ_SEED`` repeats what failed.
"""

import json
import os
import random
import string
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import islice

import pytest
from django.core.signing import TimestampSigner as DjangoSigner
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import TimestampSigner
from werkzeug.datastructures import MultiDict

from wsgikit.sessions import EncryptedCodec, SignedCodec
from wsgikit.sessions.chunks import join, split, stale
from wsgikit.sessions.readers import DjangoCookie, FlaskCookie, SignedCookie, StarletteCookie

COUNT = int(os.environ.get("COOKIE_FUZZ", "100000"))
SEED = int(os.environ.get("COOKIE_FUZZ_SEED") or random.SystemRandom().randrange(2**32))

NAME, OTHER_NAME = "wsgikit_session", "wsgikit_sessio"
KEY, OLD, OTHER = b"the key", b"the former key", b"another key"
DJANGO_SALT = "django.contrib.sessions.backends.signed_cookies"
ALPHABETS = (
    string.ascii_letters + string.digits + "-_",
    ".:*=AQ019",
    "".join(map(chr, range(256))),
    "€\ud800\udfff\U0001f36a\x00\u0660²",
)
BOMBS = ("[" * 50_000, '{"a":' * 5_000, '[1,{"$set":[[]]}]', "[1,[2]]", "null", "1e999", "")

Choose = random.Random


def new_texts(choose: Choose) -> list[str]:
    """Sessions of several sizes; none comes twice, so a text tells which value it was in."""
    sizes = (2, 40, 900)
    marks = [{"mark": choose.randbytes(8).hex(), "pad": choose.randbytes(n).hex()} for n in sizes]
    return [json.dumps([1, mark], separators=(",", ":")) for mark in marks]


# What seals. Each takes the text of one of our sessions.


def flask_sealer(key):
    app = Flask("fuzz")
    app.secret_key = key
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    return lambda text: serializer.dumps(json.loads(text)[1])


def starlette_sealer(key):
    signer = TimestampSigner(key)
    return lambda text: signer.sign(b64encode(json.dumps(json.loads(text)[1]).encode())).decode()


def django_sealer(key, salt=DJANGO_SALT):
    signer = DjangoSigner(key=key, salt=salt, fallback_keys=[])
    return lambda text: signer.sign_object(json.loads(text)[1], compress=True)


def make_values(choose: Choose) -> dict[str, list[str]]:
    """Values by who may open them."""
    sealers = {
        "signed": [SignedCodec(NAME, KEY).seal, SignedCodec(NAME, OLD).seal],
        "encrypted": [EncryptedCodec(NAME, KEY).seal, EncryptedCodec(NAME, OLD).seal],
        "flask": [flask_sealer(KEY), flask_sealer(OLD)],
        "starlette": [starlette_sealer(KEY)],
        "django": [django_sealer(KEY), django_sealer(OLD)],
        "nobody": [
            *(SignedCodec(*of).seal for of in ((NAME, OTHER), (OTHER_NAME, KEY))),
            *(EncryptedCodec(*of).seal for of in ((NAME, OTHER), (OTHER_NAME, KEY))),
            *(sealer(OTHER) for sealer in (flask_sealer, starlette_sealer, django_sealer)),
            django_sealer(KEY, "another salt"),
        ],
    }
    return {
        who: [seal(text) for seal in each for text in new_texts(choose)]
        for who, each in sealers.items()
    }


# What opens


def unseal(codec, value: str) -> str | None:
    unsealed = codec.unseal(value)
    return None if unsealed is None else unsealed.text


def read(reader, value: str) -> str | None:
    data = reader.read(value)
    return None if data is None else json.dumps(data)


OPENERS: dict[str, tuple[str, Callable[[str], str | None]]] = {
    "SignedCodec": ("signed", partial(unseal, SignedCodec(NAME, KEY, [OLD]))),
    "SignedCookie": ("signed", partial(read, SignedCookie(KEY, fallbacks=[OLD]))),
    "EncryptedCodec": ("encrypted", partial(unseal, EncryptedCodec(NAME, KEY, [OLD]))),
    "FlaskCookie": ("flask", partial(read, FlaskCookie(KEY, fallbacks=[OLD]))),
    "StarletteCookie": ("starlette", partial(read, StarletteCookie(KEY))),
    "DjangoCookie": ("django", partial(read, DjangoCookie(KEY, fallbacks=[OLD]))),
}


# What an attacker, or a broken browser, makes of values


def noise(choose: Choose, length: int) -> str:
    return "".join(choose.choices(choose.choice(ALPHABETS), k=length))


def flip_bits(choose: Choose, value: str, other: str) -> str:
    place = choose.randrange(len(value) or 1)
    flipped = "".join(
        chr(ord(char) ^ 1 << choose.randrange(8)) for char in value[place : place + 1]
    )
    return value[:place] + flipped + value[place + 1 :]


def truncate(choose: Choose, value: str, other: str) -> str:
    start, end = sorted(choose.choices(range(len(value) + 1), k=2))
    return choose.choice((value[:end], value[start:], value[start:end]))


def insert(choose: Choose, value: str, other: str) -> str:
    place = choose.randint(0, len(value))
    return value[:place] + noise(choose, choose.randint(1, 4)) + value[place:]


def splice(choose: Choose, value: str, other: str) -> str:
    return value[: choose.randint(0, len(value))] + other[choose.randint(0, len(other)) :]


def swap_parts(choose: Choose, value: str, other: str) -> str:
    separator = choose.choice(".:")
    parts, others = value.split(separator), other.split(separator)
    parts[choose.randrange(len(parts))] = choose.choice(others)
    if choose.random() < 0.3:
        choose.shuffle(parts)
    return separator.join(parts)


def repeat(choose: Choose, value: str, other: str) -> str:
    return choose.choice((value + value, value + other, f'"{value}"', f" {value}", value.lower()))


def replace(choose: Choose, value: str, other: str) -> str:
    return noise(choose, choose.choice((0, 1, 5, 50, 200)))


def enlarge(choose: Choose, value: str, other: str) -> str:
    return value * 50 if choose.random() < 0.05 else value[:-1]


MUTATIONS = (flip_bits, truncate, insert, splice, swap_parts, repeat, replace, enlarge)


def mutated(choose: Choose, values: list[str]) -> str:
    """One of the values; one time in twenty as it is."""
    value = choose.choice(values)
    if choose.random() < 0.05:
        return value
    for _ in range(choose.choice((1, 1, 1, 2, 3))):
        value = choose.choice(MUTATIONS)(choose, value, choose.choice(values))
    return value


# The tests


@pytest.fixture
def choose():
    return random.Random(SEED)


def test_nothing_but_what_was_sealed_is_opened(choose, record_property):
    values = make_values(choose)
    sealed = {name: {opens(v) for v in values[who]} for name, (who, opens) in OPENERS.items()}
    assert all(len(each) == len(values[OPENERS[name][0]]) for name, each in sealed.items())
    assert not any(None in each for each in sealed.values())
    everything = [value for each in values.values() for value in each]
    opened: Counter[str] = Counter()
    for _ in range(COUNT):
        value = mutated(choose, everything)
        for name, (_, opens) in OPENERS.items():
            content = opens(value)
            if content is not None:
                opened[name] += 1
                assert content in sealed[name], (name, value, f"COOKIE_FUZZ_SEED={SEED}")
    assert opened.keys() == OPENERS.keys()  # else this test could not tell an accepted forgery
    accepted = ", ".join(f"{name} {count:,}" for name, count in opened.items())
    record_property("figures", f"{COUNT:,} cookies, seed {SEED}; genuine ones opened: {accepted}")


@pytest.mark.parametrize("make", [SignedCodec, EncryptedCodec])
def test_pieces_make_nothing_but_what_was_sealed(choose, record_property, make):
    codec = make(NAME, KEY)
    texts = [text for _ in range(10) for text in new_texts(choose)]
    values = [codec.seal(text) for text in texts]
    pieces = [item for v in values for item in split(NAME, v, max_chunks=9, piece=400).items()]
    names, parts = zip(*pieces, strict=True)
    opened = 0
    for _ in range(COUNT // 2):
        genuine = list(split(NAME, choose.choice(values), max_chunks=9, piece=400).items())
        if choose.random() < 0.8:
            genuine.insert(0, (choose.choice(names), mutated(choose, parts)))
        if choose.random() < 0.5:
            del genuine[choose.randrange(len(genuine))]
        cookies = MultiDict(genuine)
        assert not set(stale(NAME, cookies, ())) - set(names)
        for value in islice(join(NAME, cookies, max_chunks=9), 8):
            text = unseal(codec, value)
            opened += text is not None
            assert text in (None, *texts), (value, f"COOKIE_FUZZ_SEED={SEED}")
    assert opened
    record_property("figures", f"{COUNT // 2:,} requests, seed {SEED}; opened: {opened:,}")


@pytest.mark.parametrize("key", [KEY, OLD])
@pytest.mark.parametrize("text", BOMBS, ids=lambda text: text[:8])
def test_sealed_text_that_is_no_session_is_none(key, text):
    assert SignedCookie(KEY, fallbacks=[OLD]).read(SignedCodec(NAME, key).seal(text)) is None
