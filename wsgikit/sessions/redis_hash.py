"""A session as the hash that Redis keeps of it: see ``redis_scripts``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .ascii_text import from_ascii, to_ascii
from .store import Owner, Record


def to_ms(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000))


def field_of(name: str) -> str:
    return "=" + to_ascii(name)


def fields_of(record: Record) -> Iterator[str]:
    yield from ("version", str(record.version))
    yield from ("created", repr(record.created), "last_seen", repr(record.last_seen))
    if record.owner is not None:
        for field, text in zip(Owner._fields, record.owner, strict=True):
            yield from (field, to_ascii(text))
    for name, value in record.values.items():
        yield from (field_of(name), value)


def record_of(key: str, fields: Any) -> Record:
    texts = {text_of(field): text_of(value) for field, value in fields}
    owner = [from_ascii(texts[field]) for field in Owner._fields if field in texts]
    return Record(
        key,
        {from_ascii(name[1:]): text for name, text in texts.items() if name[0] == "="},
        int(texts["version"]),
        float(texts["created"]),
        float(texts["last_seen"]),
        Owner(*owner) if owner else None,
        texts.get("successor"),
    )


def text_of(reply: bytes | str) -> str:
    """A reply as text: bytes, unless the client was made with ``decode_responses``."""
    return reply.decode() if isinstance(reply, bytes) else reply
