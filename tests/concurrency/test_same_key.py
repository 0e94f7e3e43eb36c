"""Many requests change the same value at the same time, where no merge can tell what is meant.

``SESSION_INCREMENTS`` is eight times as many as there are of each kind: here one waits for another.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from itertools import chain
from typing import Any

from gunicorn_server import Answer, Server
from parallel import Browser, run_together

INCREMENTS = int(os.environ.get("SESSION_INCREMENTS", "1600")) // 8
CLIENTS = 32

Browse = Callable[..., Browser]


def increment_together(browse: Browse, server: Server, path: str) -> tuple[list[Answer], Any]:
    """Have all clients increment one key; return all answers, and the session at the end."""
    first = browse(server)
    first.ask("POST", "/begin")

    def increment(number: int) -> list[Answer]:
        browser = browse(server, first.cookies)
        share = INCREMENTS // CLIENTS + (number < INCREMENTS % CLIENTS)
        return [browser.ask("POST", path) for _ in range(share)]

    answers = list(chain.from_iterable(run_together(increment, CLIENTS)))
    return answers, json.loads(first.ask("GET", "/").body)


def test_no_increment_under_the_lock_is_lost(
    browse: Browse, site: Server, store: tuple[str, str], record_property: Callable[..., None]
) -> None:
    start = time.monotonic()
    answers, session = increment_together(browse, site, "/locked-increment/locked")
    seconds = time.monotonic() - start
    record_property(
        "figures", f"{store[0]}: {INCREMENTS} increments under the lock in {seconds:.1f} s"
    )
    assert {answer.status for answer in answers} == {200}
    assert sorted(int(answer.body) for answer in answers) == list(range(1, INCREMENTS + 1))
    assert session == {"begun": True, "locked": INCREMENTS}


def test_every_loser_gets_the_error(
    browse: Browse, site: Server, store: tuple[str, str], record_property: Callable[..., None]
) -> None:
    answers, session = increment_together(browse, site, "/increment/raised")
    statuses = Counter(answer.status for answer in answers)
    record_property("figures", f"{store[0]}: {dict(statuses)}, kept {session['raised']}")
    assert set(statuses) == {200, 409}
    made = sorted(int(answer.body) for answer in answers if answer.status == 200)
    assert made == list(range(1, statuses[200] + 1))
    assert session == {"begun": True, "raised": statuses[200]}
