"""Checks of the cookie's options, made when a pipeline is built.

Each raises ``ConfigurationError`` with what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from ..errors import ConfigurationError

Key = str | bytes


def checked_key(option: str, key: Key) -> bytes:
    if not isinstance(key, (str, bytes)) or not key:
        raise ConfigurationError(
            f"{option} is {'empty' if key in ('', b'') else type(key).__name__}, so no session "
            "cookie can be signed.\n\n"
            "Make a key with: python -c 'import secrets; print(secrets.token_hex())'\n"
            "and set it as app.config['SECRET_KEY'], or pass secret_key=…"
        )
    return key.encode() if isinstance(key, str) else key


def checked_fallbacks(keys: Sequence[Key]) -> list[bytes]:
    if isinstance(keys, (str, bytes)):
        raise ConfigurationError(
            "secret_key_fallbacks is one key, not a list.\n\nWrite secret_key_fallbacks=[old_key]."
        )
    return [checked_key("secret_key_fallbacks", key) for key in keys]


def checked_name(name: str) -> str:
    if not re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name, re.ASCII):
        raise ConfigurationError(
            f"cookie_name={name!r} is no cookie name (RFC 6265, section 4.1.1).\n\n"
            "Use letters, digits, '-' and '_'."
        )
    return name


def checked_path(path: str) -> str:
    if not isinstance(path, str) or not path.startswith("/"):
        raise ConfigurationError(f"path={path!r} is no path.\n\nStart it with a slash: path='/'.")
    return path


def checked_domain(domain: str | None) -> str | None:
    try:
        if domain is not None:
            domain.encode("idna")
    except (AttributeError, UnicodeError) as error:
        raise ConfigurationError(
            f"domain={domain!r} is no domain.\n\nGive a host name, or None for the host that "
            "the visitor asked."
        ) from error
    return domain


def checked_seconds(option: str, value: int | timedelta, least: int = 0) -> int:
    seconds = int(value.total_seconds()) if isinstance(value, timedelta) else value
    if not isinstance(seconds, int) or seconds < least:
        raise ConfigurationError(
            f"{option}={value!r} is no duration of at least {least} seconds.\n\n"
            "Give seconds as an int, or a timedelta."
        )
    return seconds


def checked_choice(option: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise ConfigurationError(
            f"{option}={value!r} is not known.\n\nUse one of {', '.join(map(repr, allowed))}."
        )
    return value
