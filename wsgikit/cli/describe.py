"""A session as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from ..sessions import Owner, Record, tagged_json
from .printable import printable

HEADINGS = ("key", "user", "created", "last seen", "address", "user agent")


def describe(record: Record) -> dict[str, str]:
    """What is known of a session besides its values, each empty where it is bound to no user."""
    owner = record.owner or Owner("")
    return {
        "key": record.key,
        "user": owner.user_id,
        "created": _date(record.created),
        "last_seen": _date(record.last_seen),
        "address": owner.address,
        "user_agent": owner.user_agent,
    }


def _date(posix: float) -> str:
    return f"{datetime.fromtimestamp(posix, UTC):%Y-%m-%dT%H:%M:%SZ}"


def show_values(texts: Mapping[str, str]) -> Iterator[str]:
    """A line for each value of a session, safe to be printed."""
    for name, text in texts.items():
        yield printable(f"{name} = {_show(text)}")


def _show(text: str) -> str:
    try:
        value = tagged_json.loads(text)
    except ValueError:  # a type that only the app knows
        return text
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(value)
