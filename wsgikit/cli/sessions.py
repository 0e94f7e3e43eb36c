"""``wsgikit sessions``: look at the sessions in a store, and end them."""

from __future__ import annotations

import json
import re

import click

from ..sessions import Record, SessionStore
from .describe import HEADINGS, describe, show_values
from .printable import printable
from .store import with_store
from .table import print_table

_SHORT = 16
"""Characters of a key in a table: no two keys of any site begin with the same 64 bits."""


@click.group()
def sessions() -> None:
    """Look at the sessions in a store, and end them.

    The store is that of --store, a URL as in app.config["SESSION_STORE"], or of --app, an app or
    the chain around one; else that of WSGIKIT_SESSION_STORE in the environment, where a password
    in the URL is seen by nobody else on this host. A KEY is what "list" prints; it is no secret,
    and its first characters, at least 8, are enough.
    """


@sessions.command("list")
@click.option("--user", metavar="ID", help="Only those that are bound to this user.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with whole keys.")
@with_store
def list_sessions(store: SessionStore, user: str | None, as_json: bool) -> None:
    """List sessions, the last used first.

    Times are in UTC. With --json the sessions come in no order, as they are read.
    """
    if as_json:
        for record in store.iterate(user):
            click.echo(json.dumps(describe(record)))
        return
    records = [record._replace(values={}) for record in store.iterate(user)]
    records.sort(key=lambda record: record.last_seen, reverse=True)
    if not records:
        click.echo("There are no sessions.", err=True)
        return
    print_table([HEADINGS, *(_row(record) for record in records)])


def _row(record: Record) -> list[str]:
    key, *others = describe(record).values()
    return [key[:_SHORT], *map(printable, others)]


@sessions.command()
@click.argument("key")
@with_store
def show(store: SessionStore, key: str) -> None:
    """Show one session: whose it is, and what it holds.

    Values are shown as JSON, or as Python has them where JSON lacks the type. One whose type is
    registered nowhere here is shown as it is stored; --app knows the types of the app.
    """
    record = _find(store, key)
    for heading, text in zip(HEADINGS, describe(record).values(), strict=True):
        click.echo(f"{heading:16}{printable(text)}".rstrip())
    if record.successor is not None:
        click.echo(f"{'goes on as':16}{record.successor}")
    for line in show_values(record.values):
        click.echo(line)


@sessions.command()
@click.argument("key", required=False)
@click.option("--user", metavar="ID", help="All that are bound to this user.")
@click.option("--all", "everyone", is_flag=True, help="All of them. Asks before.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_store
def revoke(
    store: SessionStore, key: str | None, user: str | None, everyone: bool, yes: bool
) -> None:
    """End one session, all of a user, or all."""
    if [key is None, user is None, not everyone].count(False) != 1:
        raise click.UsageError("Give one of KEY, --user and --all.")
    if everyone and not yes:
        click.confirm("Everyone will be logged out. End all sessions?", abort=True)
    count = _revoke(store, key, user)
    click.echo(f"{count} session{'s' * (count != 1)} ended.")


def _revoke(store: SessionStore, key: str | None, user: str | None) -> int:
    if user is not None:
        return store.revoke_all(user)
    keys = (
        {_find(store, key).key} if key is not None else {record.key for record in store.iterate()}
    )
    for each in keys:
        store.delete(each)
    return len(keys)


@sessions.command()
@with_store
def purge(store: SessionStore) -> None:
    """Remove sessions that have expired.

    For SQL databases, each night or so. Redis and Valkey do it by themselves.
    """
    count = store.purge()
    click.echo(f"{count} expired session{'s' * (count != 1)} removed.")


def _find(store: SessionStore, key: str) -> Record:
    """The session of ``key``, or whose key begins with it."""
    if not re.fullmatch("[0-9a-f]{8,64}", key):
        raise click.UsageError("A KEY is what list prints: 8 to 64 of the characters 0-9 and a-f.")
    if len(key) == 64:
        record = store.load(key)
        found = [record] if record is not None else []
    else:
        by_key = {each.key: each for each in store.iterate() if each.key.startswith(key)}
        found = list(by_key.values())
    if len(found) != 1:
        problem = "Several sessions have a key that begins" if found else "No session's key begins"
        raise click.ClickException(f"{problem} with {key}.")
    return found[0]
