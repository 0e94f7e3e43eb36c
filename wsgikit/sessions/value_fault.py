"""What a session cannot keep, told with the steps that lead to it."""

from __future__ import annotations

from typing import NoReturn, Self

from ..errors import SessionValueError

MAX_DEPTH = 64
"""Levels of nesting, so few that any thread's stack can read what another has written."""


class ValueFault(Exception):
    """A value that cannot be written, and the steps that lead to it, the last one first."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        self.steps: list[object] = []

    @classmethod
    def of_type(cls, name: str) -> Self:
        """That of a value whose type is not registered."""
        call = f"wsgikit.sessions.tagged_json.register({name.lower()!r}, {name}, dump, load)"
        return cls(
            f"is a {name}, which a session cannot keep.\n\nStore values of JSON's types, or "
            f"register the type: {call}"
        )

    def describe(self, start: str) -> str:
        path = "".join(f"[{step!r}]" for step in self.steps[:-9:-1])
        return f"{start}{path}{'…' if self.steps[8:] else ''} {self.problem}"


FAULTS = (ValueFault, ValueError, RecursionError)
"""Besides ours: an int of too many digits, a full stack."""


def refuse(name: str, fault: Exception) -> NoReturn:
    """Raise what tells the app's author of one of the ``FAULTS``."""
    if isinstance(fault, ValueFault):
        raise SessionValueError(fault.describe(name)) from None
    raise SessionValueError(f"{name} cannot be written: {fault}") from fault


def check_depth(depth: int) -> None:
    """Refuse to go on where no level is left."""
    if not depth:
        raise ValueFault(f"is nested more than {MAX_DEPTH} levels deep, or holds itself.")
