"""Many requests change one session at the same time, each another key: no change is lost.

``SESSION_INCREMENTS`` is how many; ``make soak`` sends 20,000. The same requests to the session
libraries that users have today are the second half of the table.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pytest
from gunicorn_server import Server
from parallel import Browser, kept_up, run_together
from real_servers import Valkey

INCREMENTS = int(os.environ.get("SESSION_INCREMENTS", "1600"))
CLIENTS = 32
READERS = 8

Browse = Callable[..., Browser]


class Report(NamedTuple):
    """What the clients have been answered, and what is in the session at the end."""

    statuses: Counter[int]
    made: dict[str, int]
    """The increments of each client that were answered with 200, by its key."""
    kept: dict[str, int]
    reads: int
    seconds: float

    @property
    def lost(self) -> int:
        return sum(number - self.kept.get(key, 0) for key, number in self.made.items())

    def row(self, name: str) -> str:
        done = sum(self.made.values())
        per_cent = 100 * self.lost / done
        return (
            f"{name:24} {done:6} increments, {self.lost:6} lost ({per_cent:.1f} %), "
            f"beside {self.reads} slow reads, in {self.seconds:.1f} s; answers "
            f"{dict(self.statuses)}"
        )


def increment_together(browse: Browse, server: Server, mount: str = "") -> Report:
    """Have each client increment a key of its own in the session that all of them share."""
    first = browse(server)
    first.ask("POST", f"{mount}/begin")
    reads: list[int] = []

    def reader() -> Callable[[], None]:
        browser = browse(server, first.cookies)
        return lambda: reads.append(browser.ask("GET", f"{mount}/linger").status)

    def increment(number: int) -> Counter[int]:
        browser = browse(server, first.cookies)
        path = f"{mount}/increment/client-{number}"
        share = INCREMENTS // CLIENTS + (number < INCREMENTS % CLIENTS)
        return Counter(browser.ask("POST", path).status for _ in range(share))

    start = time.monotonic()
    with kept_up([reader() for _ in range(READERS)]):
        answers = run_together(increment, CLIENTS)
    seconds = time.monotonic() - start
    made = {f"client-{number}": each[200] for number, each in enumerate(answers)}
    kept = json.loads(first.ask("GET", f"{mount}/").body)
    return Report(sum(answers, Counter(reads)), made, kept, len(reads), seconds)


def test_no_change_is_lost(
    browse: Browse, site: Server, store: tuple[str, str], record_property: Callable[..., None]
) -> None:
    report = increment_together(browse, site)
    record_property("figures", report.row(f"wsgikit, {store[0]}"))
    assert set(report.statuses) == {200}
    assert sum(report.made.values()) == INCREMENTS
    assert report.kept == {"begun": True, **report.made}
    assert report.reads >= READERS


@pytest.fixture(scope="module")
def peers(serve: Callable[..., Server], valkey: Valkey) -> Server:
    return serve("peers:application", valkey.url)


@pytest.mark.parametrize(
    ("mount", "name"),
    [
        ("/flask-redis", "Flask-Session, Valkey"),
        ("/flask-files", "Flask-Session, files"),
        ("/beaker", "Beaker, files"),
    ],
)
def test_check_notices_the_losses_of_others(
    browse: Browse, peers: Server, mount: str, name: str, record_property: Callable[..., None]
) -> None:
    """E2, E3. When one of them loses nothing any more, it has been put right."""
    report = increment_together(browse, peers, mount)
    record_property("figures", report.row(name))
    assert report.lost > 0
