"""Whether anyone could guess a secret key, or read it in the source."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..target import Target
from .finding import Finding
from .sources import sources

_FIX = "Make one with: wsgikit secret"
_LEAST = 32
"""Characters: as many as 128 random bits have in hex."""
_LEAST_BITS = 90
"""Of what 32 random digits in hex are estimated at, hardly one in a million has less."""
_PLACEHOLDER = re.compile(
    r"secret|passw|change|insecure|example|placeholder|replace|default|\byour|make one|random text"
    r"|\b(dev|test|todo|key)\b|xxxxx",
    re.IGNORECASE,
)
"""What hardly one of a million random keys has in it."""


def find(target: Target) -> Iterator[Finding]:
    """Look at the keys of each session layer, former ones too."""
    for node in target.nodes:
        if node.is_a("SessionMiddleware"):
            yield from _find_weak(node.layer, target)


def _find_weak(layer: Any, target: Target) -> Iterator[Finding]:
    named = [("SECRET_KEY", layer.seal.key)]
    named += [("SECRET_KEY_FALLBACKS", key) for key in layer.seal.fallbacks]
    code = [*sources(target.module)]
    for name, key in named:
        weakness = _weakness(key)
        if weakness is not None:
            kind, problem = weakness
            yield Finding(f"secret-{kind}", f"{name} {problem}.", _FIX)
            continue  # and nobody needs to read it
        for module, source in code:
            if key in source:
                fix = "Take it from the environment: app.config.from_prefixed_env()"
                yield Finding("secret-in-source", f"{name} is written in {module}.", fix)
    if layer.seal.key in layer.seal.fallbacks:
        problem = "SECRET_KEY_FALLBACKS has SECRET_KEY itself, so the key was not changed."
        yield Finding("secret-unchanged", problem, _FIX)


def _weakness(key: bytes) -> tuple[str, str] | None:
    if _PLACEHOLDER.search(key.decode("latin1")):
        return "placeholder", "is a placeholder"
    if len(key) < _LEAST:
        return "short", f"has {len(key)} characters, not {_LEAST} or more"
    bits = _bits(key)
    if bits < _LEAST_BITS:
        return "guessable", f"has a pattern, with about {bits:.0f} bits that are random"
    return None


def _bits(key: bytes) -> float:
    """An upper bound of what is random in it: of its characters one by one, and of its repeats."""
    counts = Counter(key).values()
    by_character = -sum(count * math.log2(count / len(key)) for count in counts)
    deflated = zlib.compress(key, 9, -zlib.MAX_WBITS)
    return min(by_character, 8 * len(deflated))
