"""Where a command finds the site's sessions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import click

from ..errors import ConfigurationError, MissingExtraError, SessionRefused, SessionUnavailable
from ..sessions import MemoryStore, SessionStore, make_store
from .printable import printable
from .target import load_beside_server

P = ParamSpec("P")

_VARIABLE = "WSGIKIT_SESSION_STORE"


def with_store(command: Callable[Concatenate[SessionStore, P], None]) -> Callable[..., None]:
    """Give ``command`` the options that name the store, and call it with the store itself."""

    @click.option("--store", "url", metavar="URL", help="Where the sessions are.")
    @click.option("--app", "path", metavar="MODULE:NAME", help="An app that keeps them there.")
    @wraps(command)
    def open_and_call(url: str | None, path: str | None, *args: Any, **kwargs: Any) -> None:
        with _told_in_a_line(), closing(_find_store(url, path)) as store:
            command(store, *args, **kwargs)

    return open_and_call


@contextmanager
def _told_in_a_line() -> Iterator[None]:
    try:
        yield
    except SessionUnavailable as error:
        reason = printable(str(error.__cause__).partition("\n")[0])
        what = "refuses this" if isinstance(error, SessionRefused) else "does not answer"
        raise click.ClickException(f"The session store {what}: {reason}") from error
    except MissingExtraError as error:
        raise click.ClickException(str(error)) from error
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from error


def _find_store(url: str | None, path: str | None) -> SessionStore:
    if url is not None and path is not None:
        raise click.UsageError("Give --store or --app, not both.")
    store = _store_of(path) if path is not None else make_store(url or _url_of_environment())
    if isinstance(store, MemoryStore):
        raise click.UsageError(
            "These sessions are in the memory of the process that serves them, where no other one "
            "finds them.\n\nKeep them in a file or a server: sqlite:///… or redis://…"
        )
    _check_file(store)
    return store


def _check_file(store: SessionStore) -> None:
    """SQLite makes a file that is missing, and then "0 sessions ended" hides a mistyped path."""
    url = getattr(getattr(store, "engine", None), "url", None)
    if url is None or url.get_backend_name() != "sqlite" or not url.database:
        return
    if not url.database.startswith("file:") and not os.path.exists(url.database):
        path = printable(os.path.abspath(url.database))
        raise click.ClickException(f"There is no file {path}, so there are no sessions in it.")


def _url_of_environment() -> str:
    url = os.environ.get(_VARIABLE)
    if not url:
        raise click.UsageError(
            f"Where are the sessions?\n\nGive --store or --app, or set {_VARIABLE}, such as "
            "sqlite:///sessions.sqlite3 or redis://host:6379/0."
        )
    return url


def _store_of(path: str) -> SessionStore:
    """The store of the session layer that ``path`` names, or that stands in its app's config."""
    target = load_beside_server(path)
    app = target.app
    layers = [node.layer for node in target.nodes]
    for layer in (*layers, *(app.chain if app is not None else ())):
        store = getattr(layer, "store", None)
        if isinstance(store, SessionStore):
            return store
    value = app.config["SESSION_STORE"] if app is not None else None
    if value is None:
        raise click.UsageError(
            f"{path} names no store.\n\nSet app.config['SESSION_STORE'], or give --store. Sessions "
            "that are kept in their cookies can be neither listed nor revoked."
        )
    return make_store(value)
