"""Values of a session as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import SessionValueError


class TaggedJSON:
    def dumps(self, value: Any) -> str:
        try:
            return json.dumps(value, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError) as error:
            raise SessionValueError(str(error)) from error

    def loads(self, text: str) -> Any:
        try:
            return json.loads(text)
        except RecursionError as error:
            raise ValueError from error


tagged_json = TaggedJSON()


def dump_values(data: Mapping[str, Any]) -> dict[str, str]:
    texts = {}
    for key, value in data.items():
        try:
            texts[key] = tagged_json.dumps(value)
        except SessionValueError as error:
            raise SessionValueError(f"session[{key!r}]: {error}") from error
    return texts


def join_values(texts: Mapping[str, str]) -> str:
    pairs = (f"{json.dumps(name)}:{text}" for name, text in texts.items())
    return "{" + ",".join(pairs) + "}"
