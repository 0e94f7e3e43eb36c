"""How the battery says what a middleware did."""

from __future__ import annotations


class Violation(AssertionError):
    """What the middleware did, as a phrase that starts with a verb."""


def expect(condition: object, did: str) -> None:
    """Raise a :class:`Violation` unless ``condition`` holds.

    :param did: what the middleware did otherwise.
    """
    if not condition:
        raise Violation(did)
