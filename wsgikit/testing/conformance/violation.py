"""How the battery says what a middleware did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """What a middleware must do."""

    text: str
    reference: str
    """The section of the standard that says so."""


class Violation(AssertionError):
    """What the middleware did, as a phrase that starts with a verb."""

    def __init__(self, did: str, rule: Rule | None) -> None:
        super().__init__(did)
        self.rule = rule
        """Which rule is broken, if it is not the case's own."""


def expect(condition: object, did: str, rule: Rule | None = None) -> None:
    """Raise a :class:`Violation` unless ``condition`` holds.

    :param did: what the middleware did otherwise.
    :param rule: the rule, if it is not the one of the case but one that holds in all.
    """
    if not condition:
        raise Violation(did, rule)
