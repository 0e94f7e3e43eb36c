"""Workers are killed in the middle of writes: what is in the store is what one request wrote.

``KILLS`` is how many; ``make soak`` kills 200.
"""

import json
import os
import random
import secrets
from collections.abc import Callable
from functools import partial
from http.client import HTTPException
from threading import Lock
from typing import Any

from gunicorn_server import Answer, Server
from parallel import Browser, kept_up
from real_servers import wait_until

KILLS = int(os.environ.get("KILLS", "10"))
WRITERS = 8
WORKERS = 4

Browse = Callable[..., Browser]


class Writers:
    """Each request writes one new token to several keys of the session that all share."""

    def __init__(self) -> None:
        self.sent: set[str] = set()
        self.answered = 0
        self.cut = 0
        """Requests whose worker was killed."""
        self.other: list[tuple[int, bytes]] = []
        self._lock = Lock()

    def write(self, browser: Browser) -> None:
        token = secrets.token_hex(8)
        self.sent.add(token)
        answer = ask(browser, "POST", f"/tokens/{token}")
        with self._lock:
            if answer is None:
                self.cut += 1
            elif answer.status == 200:
                self.answered += 1
            else:
                self.other.append((answer.status, answer.body))


def ask(browser: Browser, method: str, path: str) -> Answer | None:
    """None when the worker that had the connection was killed."""
    try:
        return browser.ask(method, path)
    except ConnectionRefusedError:
        raise  # gunicorn itself is gone
    except (ConnectionError, HTTPException):
        return None


def read_tokens(browser: Browser) -> set[str]:
    """The tokens in the session, of which there may be one."""
    while (answer := ask(browser, "GET", "/")) is None:
        pass  # the next request goes to another worker
    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers
    session: dict[str, Any] = json.loads(answer.body)
    assert session.keys() == {"begun", "small", "large", "nested"}
    return {session["small"], *session["large"], session["nested"]["token"]}


def test_session_is_whole_whenever_a_worker_is_killed(
    browse: Browse, site: Server, store: tuple[str, str], record_property: Callable[..., None]
) -> None:
    first, writers = browse(site), Writers()
    first.ask("POST", "/begin")
    writers.write(first)
    browsers = [browse(site, first.cookies) for _ in range(WRITERS)]
    with kept_up([partial(writers.write, each) for each in browsers]):
        for _ in range(KILLS):
            goal = writers.answered + random.randint(1, 2 * WRITERS)
            wait_until(lambda goal=goal: writers.answered >= goal, "more writes")
            site.kill_worker(random.choice(site.worker_pids))
            tokens = read_tokens(first)
            assert len(tokens) == 1
            assert tokens <= writers.sent
            wait_until(lambda: len(site.worker_pids) == WORKERS, "a new worker")
    assert len(read_tokens(first)) == 1
    record_property(
        "figures",
        f"{store[0]}: {KILLS} workers killed, {writers.answered} writes answered, "
        f"{writers.cut} cut",
    )
    assert writers.other == []
    assert writers.cut > 0
