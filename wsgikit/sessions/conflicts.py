"""What becomes of a value that two requests have changed at the same time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from ..errors import ConfigurationError, SessionConflict
from .session import Session
from .store import Change, Changes, Record
from .values import dump_values, tagged_json

_FLASHES = ("_flashes", "_f_")
"""The keys of Flask's flash messages, and of Pyramid's queues of them."""

Merge = Callable[[Any, Any, Any], Any]
"""Called as ``merge(base, mine, theirs)``, each None where there is no such value."""
Policy = Literal["mine", "theirs", "raise"] | Merge
Policies = Policy | Mapping[str, Policy]


def merge_lists(base: Any, mine: Any, theirs: Any) -> Any:
    """Keep what both requests have appended to a list, and leave out what one has taken away."""
    old, ours, others = base or [], mine or [], theirs or []
    taken_away, added = _without(old, ours), _without(ours, old)
    merged = [*_without(others, taken_away), *added]
    return None if not merged and None in (mine, theirs) else merged


def _without(items: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """``items`` without each of ``others`` once: equal ones are several."""
    left = list(items)
    for each in others:
        if each in left:
            left.remove(each)
    return left


class Conflicts:
    """The three-way merge of what a request read, what it made of it, and what others did.

    :param policies: one for all values, or by name; the others are ``"mine"``. See
        ``SessionMiddleware``.
    """

    def __init__(self, policies: Policies = "mine") -> None:
        by_name = dict(policies) if isinstance(policies, Mapping) else {}
        self._default = "mine" if isinstance(policies, Mapping) else _checked(policies)
        self._policies = {name: _checked(policy) for name, policy in by_name.items()}

    def _policy(self, name: str) -> Policy:
        # What two requests have flashed is shown, and what one has shown is not shown again.
        default = merge_lists if name.startswith(_FLASHES) else self._default
        return self._policies.get(name, default)

    def changes(self, session: Session, base: Mapping[str, str]) -> dict[str, Change]:
        """What a session differs in from ``base``, and what a store does if it meets a change.

        A session that has the lock gives way to nobody: a change that it meets says that the lock
        had ended.
        """
        texts = session.texts
        changes = {}
        for name in [*texts, *(name for name in base if name not in texts)]:
            if texts.get(name) != base.get(name):
                policy = "raise" if session.locked else self._policy(name)
                on_conflict = "raise" if callable(policy) else policy
                changes[name] = Change(base.get(name), texts.get(name), on_conflict)
        return changes

    def settle(self, changes: Changes, theirs: Record, *, locked: bool) -> dict[str, Change]:
        """The changes to try next, after the store has returned ``theirs``.

        :raises SessionConflict: the policy of a value that both have changed is ``"raise"``.
        """
        settled = {}
        for name, change in changes.items():
            text = theirs.values.get(name)
            if text == change.base or change.on_conflict == "mine":
                settled[name] = change
            elif change.on_conflict == "raise":
                settled[name] = self._merge(name, change, text, locked)
        return settled

    def _merge(self, name: str, change: Change, theirs: str | None, locked: bool) -> Change:
        policy = self._policy(name)
        if locked or not callable(policy):
            raise SessionConflict
        merged = policy(*(_load(text) for text in (change.base, change.value, theirs)))
        value = None if merged is None else dump_values({name: merged})[name]
        return change._replace(base=theirs, value=value)


def _load(text: str | None) -> Any:
    return None if text is None else tagged_json.loads(text)


def _checked(policy: Policy) -> Policy:
    if policy in ("mine", "theirs", "raise") or callable(policy):
        return policy
    raise ConfigurationError(
        f"conflict={policy!r} is no policy.\n\nUse 'mine', 'theirs', 'raise' or a function of "
        "(base, mine, theirs), or a dict of them by session key."
    )
