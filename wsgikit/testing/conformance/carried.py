"""What an exception tells of others."""

from __future__ import annotations


def carried(error: BaseException | None) -> list[BaseException]:
    """An error, what it was raised from or in the course of, and the members of groups."""
    if error is None:
        return []
    found = [error, *carried(error.__cause__), *carried(error.__context__)]
    for each in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        found += carried(each)
    return found
