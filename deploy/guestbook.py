"""The guestbook: its table, its queries, and the provider of ``g.db``."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from wsgikit import current_app

MAX_NAME = 40
MAX_MESSAGE = 500
PAGE = 100

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    message TEXT NOT NULL,
    written_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M', 'now'))
)
"""


class Entry(NamedTuple):
    """What one visitor wrote."""

    id: int
    name: str
    message: str
    written_at: str
    """Date and time in UTC."""


def connect() -> Iterator[sqlite3.Connection]:
    """Open the database for one request, and commit or roll back by how the request ended."""
    # The timeout, in seconds, lets two writers wait for each other instead of failing.
    database = sqlite3.connect(current_app.config["GUESTBOOK_DB"], timeout=5)
    # "with db" does the work: it rolls back when the request's exception is raised at the yield.
    with closing(database) as db, db:
        yield db


def create_table() -> None:
    """Make the file, its folder and the table, unless they are there."""
    path = Path(current_app.config["GUESTBOOK_DB"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=5)) as db:
        db.execute(_SCHEMA)


def find_faults(name: str, message: str) -> list[str]:
    """Say what keeps this entry out of the book."""
    faults = []
    if not name:
        faults.append("Please give a name.")
    if not message:
        faults.append("Please write a message.")
    if len(name) > MAX_NAME:
        faults.append(f"A name has at most {MAX_NAME} characters; this one has {len(name)}.")
    if len(message) > MAX_MESSAGE:
        faults.append(
            f"A message has at most {MAX_MESSAGE} characters; this one has {len(message)}."
        )
    return faults


def add(db: sqlite3.Connection, name: str, message: str) -> None:
    """Write an entry. The caller, or the end of the request, commits it."""
    db.execute("INSERT INTO entry (name, message) VALUES (?, ?)", (name, message))


def count(db: sqlite3.Connection) -> int:
    """The number of entries."""
    number: int = db.execute("SELECT count(*) FROM entry").fetchone()[0]
    return number


def newest(db: sqlite3.Connection, limit: int) -> list[Entry]:
    """The last entries, newest first."""
    rows = db.execute("SELECT * FROM entry ORDER BY id DESC LIMIT ?", (limit,))
    return [Entry(*row) for row in rows]


def pages(db: sqlite3.Connection) -> Iterator[list[Entry]]:
    """All entries, oldest first, some at a time."""
    # A query a page: one open cursor would keep writers out for as long as a slow client reads.
    after, query = 0, "SELECT * FROM entry WHERE id > ? ORDER BY id LIMIT ?"
    while page := [Entry(*row) for row in db.execute(query, (after, PAGE))]:
        yield page
        after = page[-1].id


def to_csv(rows: list[tuple[object, ...]]) -> str:
    """Rows as CSV (RFC 4180)."""
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: object) -> object:
    # Spreadsheets run a cell that starts like this as a formula, and visitors wrote these cells.
    return f"'{cell}" if str(cell)[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
