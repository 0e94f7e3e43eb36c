from __future__ import annotations

from typing import Any, Protocol


class CookieReader(Protocol):
    name: str
    path: str
    domain: str | None

    def read(self, value: str) -> dict[str, Any] | None: ...
