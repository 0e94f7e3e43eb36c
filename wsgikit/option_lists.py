"""Options that are lists of texts, in whose place one text alone is easily written."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import ConfigurationError


def list_of(kind: str, values: Iterable[str], example: str) -> frozenset[str]:
    """The texts in ``values``.

    :param kind: what they are, in the plural, and
    :param example: one of them, for the message.
    :raises ConfigurationError: it is one text, or no list, or not all in it are texts.
    """
    given: object = values
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        texts = frozenset(given)
        if all(isinstance(text, str) for text in texts):
            return texts
    example = given if isinstance(given, str) else example
    raise ConfigurationError(f"{given!r} is no list of {kind}.\n\nWrite [{example!r}].")
