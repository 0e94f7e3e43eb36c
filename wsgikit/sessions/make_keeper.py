"""Puts the parts of a session layer together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from ..errors import ConfigurationError
from .chunks import MOST_CHUNKS
from .conflicts import Conflicts, Policies
from .cookie import CookieAttributes, SessionCookie
from .cookie_keeper import CookieKeeper
from .foreign import ForeignCookies
from .keeper import SessionKeeper
from .lifetimes import Duration, Lifetimes
from .options import checked_choice, checked_seconds
from .readers import CookieReader
from .seal import Seal
from .store import SessionStore
from .store_url import make_store

if TYPE_CHECKING:
    from .outage import OutagePolicy

Oversize = Literal["raise", "keep", "chunk", "spill"]


def make_keeper(
    seal: Seal,
    attributes: CookieAttributes,
    lifetimes: Lifetimes,
    *,
    cookie_name: str,
    oversize: Oversize,
    max_chunks: int,
    store: SessionStore | str | None,
    conflict: Policies,
    grace: Duration,
    max_per_user: int | None,
    outage: OutagePolicy,
    readers: Sequence[CookieReader],
) -> SessionKeeper:
    """The keeper that the options of ``SessionMiddleware`` ask for.

    :raises ConfigurationError: one is wrong, or two do not go together.
    """
    checked_choice("oversize", oversize, ("raise", "keep", "chunk", "spill"))
    if not 2 <= max_chunks <= MOST_CHUNKS:
        raise ConfigurationError(f"max_chunks={max_chunks!r} is no number from 2 to {MOST_CHUNKS}.")
    chunks = max_chunks if oversize == "chunk" else 1
    cookie = SessionCookie(cookie_name, seal, attributes, max_chunks=chunks)
    foreign = ForeignCookies(readers, attributes.key(cookie_name), lifetimes)
    in_cookie = CookieKeeper(cookie, lifetimes, foreign, keeps_former=oversize == "keep")
    if store is None:
        _check_without_store(oversize, max_per_user)
        return in_cookie
    if oversize == "chunk":
        raise ConfigurationError(
            "oversize='chunk' goes with sessions in cookies alone, not with a store.\n\n"
            "Leave it out, or write oversize='spill' to use the store only for large ones."
        )
    from .outage import Outage  # here, because many sites have no store
    from .store_keeper import StoreKeeper

    pending_cookie = SessionCookie(f"{cookie_name}_pending", seal, attributes)
    return StoreKeeper(
        cookie,
        lifetimes,
        foreign,
        make_store(store),
        (cookie.source, store),
        Conflicts(conflict),
        Outage(outage, cookie, pending_cookie),
        grace=checked_seconds("grace", grace),
        max_per_user=_checked_cap(max_per_user),
        small=in_cookie if oversize == "spill" else None,
    )


def _checked_cap(max_per_user: int | None) -> int | None:
    if max_per_user is not None and max_per_user < 1:
        raise ConfigurationError(
            f"max_per_user={max_per_user!r} would end each session as it begins.\n\n"
            "Give 1 or more, or None for any number."
        )
    return max_per_user


def _check_without_store(oversize: Oversize, max_per_user: int | None) -> None:
    if oversize == "spill" or max_per_user is not None:
        raise ConfigurationError(
            "oversize='spill' and max_per_user need a store.\n\n"
            "Give one: store='redis://…', or app.config['SESSION_STORE']."
        )
