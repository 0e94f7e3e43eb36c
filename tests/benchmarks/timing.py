"""Times of several candidates, taken in turns, so that the machine's drift meets all of them."""

from __future__ import annotations

import gc
import random
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

from .visitor import Answer

Batch = Callable[[int], float]
"""Does something n times and gives the seconds that all of it took."""


class Spread(NamedTuple):
    """A median between its quartiles."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


@dataclass(frozen=True)
class Rounds:
    """Seconds a unit for each candidate, one in each round."""

    seconds: Mapping[str, list[float]]

    def microseconds(self, name: str) -> Spread:
        return Spread.of([1e6 * each for each in self.seconds[name]])

    def ratio(self, name: str, other: str) -> Spread:
        """``name``'s time as a multiple of ``other``'s in the same round."""
        return Spread.of(
            [a / b for a, b in zip(self.seconds[name], self.seconds[other], strict=True)]
        )

    def extra(self, name: str, base: str, *, of: str | None = None, parts: int = 1) -> Spread:
        """What ``name`` takes longer than ``base``, divided into equal parts.

        :param of: in multiples of this one's time; otherwise in microseconds.
        """
        longer = [a - b for a, b in zip(self.seconds[name], self.seconds[base], strict=True)]
        units = self.seconds[of] if of else [1e-6] * len(longer)
        return Spread.of([a / parts / b for a, b in zip(longer, units, strict=True)])


def rounds_of(rounds: int, scale: float) -> int:
    return max(3, round(rounds * scale))


def take_turns(candidates: Mapping[str, Batch], rounds: int, batch: float = 0.003) -> Rounds:
    """Time every candidate once in each round, in another order each time.

    :param batch: about how many seconds one candidate is timed in a round.
    """
    sizes = {name: size_of(each, batch) for name, each in candidates.items()}
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    order = list(candidates)
    shuffle = random.Random(0).shuffle
    gc.collect()
    gc.freeze()  # what is loaded by now is not looked through again and again
    try:
        for _ in range(rounds):
            shuffle(order)
            for name in order:
                gc.collect()
                seconds[name].append(candidates[name](sizes[name]) / sizes[name])
    finally:
        gc.unfreeze()
    return Rounds(seconds)


def size_of(candidate: Batch, batch: float) -> int:
    """How often the candidate is done in that many seconds, once it is warm."""
    candidate(1)
    n = 1
    while (taken := candidate(n)) < batch / 10:
        n *= 2
    return max(1, round(n * batch / taken))


def serving(app: WSGIApplication, environ: dict[str, Any]) -> Batch:
    """Serve that request again and again, as a server does."""

    def batch(n: int) -> float:
        start = Answer().start
        begin = perf_counter()
        for _ in range(n):
            body = app(dict(environ), start)
            for _ in body:
                pass
            if hasattr(body, "close"):
                body.close()
        return perf_counter() - begin

    return batch
