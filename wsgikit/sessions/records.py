"""What a commit or a rotation makes of a record, for stores that merge in Python."""

from __future__ import annotations

import time
from collections.abc import Mapping

from .store import Changes, Owner, Record, apply_changes, user_of


def new_record(
    key: str, values: Mapping[str, str], owner: Owner | None, created: float | None
) -> Record:
    """The record that ``create`` keeps."""
    now = time.time()
    return Record(key, dict(values), 1, now if created is None else created, now, owner)


def changed_record(
    record: Record, changes: Changes, expected_version: int, owner: Owner | None
) -> Record | None:
    """``record`` after a commit, or None when nothing of it may be written."""
    if record.successor is not None:
        return None
    as_expected = record.version == expected_version
    values = apply_changes(record.values, changes, as_expected=as_expected)
    if values is None:
        return None
    return record._replace(
        values=values,
        version=record.version + 1,
        last_seen=time.time(),
        owner=record.owner if owner is None else owner,
    )


def successor_record(
    record: Record, new_key: str, changes: Changes, expected_version: int, owner: Owner | None
) -> Record | None:
    """The record of ``new_key`` that goes on for ``record``, or None as for a commit."""
    changed = changed_record(record, changes, expected_version, owner)
    if changed is None:
        return None
    new_user = owner is not None and user_of(record) != owner.user_id
    return changed._replace(key=new_key, created=time.time() if new_user else record.created)
