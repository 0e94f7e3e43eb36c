"""The cases, by topic."""

from __future__ import annotations

from ..bench import Middleware
from ..case import Case, ConformanceError
from . import bodies, bodyless, clients, environs, errors, inputs, memory, nesting, starts, writes

_TOPICS = (starts, writes, bodies, bodyless, errors, clients, inputs, environs, nesting, memory)

CASES: tuple[Case, ...] = tuple(
    each for topic in _TOPICS for each in vars(topic).values() if isinstance(each, Case)
)


def check(
    middleware: Middleware, /, *, answers_errors: bool = False, rewrites_body: bool = False
) -> None:
    """Check all cases, whose options these are too.

    :raises ExceptionGroup: of one :class:`ConformanceError` for each rule that is broken.
    """
    failures: list[ConformanceError] = []
    for each in CASES:
        try:
            each.check(middleware, answers_errors=answers_errors, rewrites_body=rewrites_body)
        except ConformanceError as failure:
            failures.append(failure)
    if failures:
        names = ", ".join(str(failure).partition(":")[0] for failure in failures)
        raise ExceptionGroup(f"the middleware fails {names}", failures)
