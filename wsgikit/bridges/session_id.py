"""The id by which Django's and Beaker's users tell one session from another."""

from __future__ import annotations

import secrets
from collections.abc import MutableMapping
from typing import Any

KEY = "_session_id"


def id_of(session: MutableMapping[str, Any]) -> str:
    """The id, made when it is first asked for.

    It is a value of the session, because their users file things under it before the session has
    been stored, which is when ``Session.key`` comes to be. No cookie can be made of it.
    """
    if KEY not in session:
        session[KEY] = secrets.token_hex(16)
    found: str = session[KEY]
    return found


def renew_id(session: MutableMapping[str, Any]) -> None:
    """Have another one made, when the session goes on under a new cookie."""
    session.pop(KEY, None)
