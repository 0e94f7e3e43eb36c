"""A session as a row of its table: see ``sql_tables``."""

from __future__ import annotations

import json
import time
from typing import Any

from sqlalchemy import Row

from .ascii_text import from_ascii, to_ascii
from .store import Owner, Record


def columns_of(record: Record, ttl: float) -> dict[str, Any]:
    """``record`` as a row. PostgreSQL takes no NUL and no lone surrogate, so all is in ASCII."""
    columns = record._asdict()
    columns["data"] = json.dumps(columns.pop("values"))
    columns["expires"] = time.time() + ttl
    owner = columns.pop("owner")
    if owner is not None:
        columns.update(zip(Owner._fields, map(to_ascii, owner), strict=True))
    return columns


def record_of(row: Row[Any]) -> Record:
    owner = None
    if row.user_id is not None:
        owner = Owner(*(from_ascii(getattr(row, field)) for field in Owner._fields))
    return Record(
        row.key,
        json.loads(row.data),
        row.version,
        row.created,
        row.last_seen,
        owner,
        row.successor,
    )
