"""The store dies under load, or falls silent, and comes back: visitors get what the policy says."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from gunicorn_server import Answer, Server
from parallel import Browser, kept_up
from real_servers import PostgreSQL, Valkey, wait_until

POLICIES = ("unavailable", "empty", "cookie", "flask")
READERS = WRITERS = 2
STEPS = {"valkey": 2, "postgresql": 5}
"""How often a call of a store may wait for its timeout: for a connection, and each statement."""
TIMEOUT = {"valkey": 1.0, "postgresql": 2.0}
"""Seconds: the stores' own, by default."""
SLACK = 10
"""Seconds that this machine may be late."""

Browse = Callable[..., Browser]


class Seen(NamedTuple):
    """One answer."""

    status: int
    retry_after: str | None
    has_session: bool
    calls: list[tuple[float, bool]]
    """Of the store: seconds, and whether it failed."""


def seen_in(answer: Answer) -> Seen:
    values: dict[str, Any] = json.loads(answer.body) if answer.status == 200 else {}
    calls = json.loads(answer.headers.get("X-Store-Calls", "[]"))
    return Seen(answer.status, answer.headers["Retry-After"], "begun" in values, calls)


class Client:
    """Reads or writes the session of one policy's chain, again and again."""

    def __init__(self, browser: Browser, policy: str, key: str | None) -> None:
        self.browser = browser
        self.policy = policy
        self.key = key
        """What it writes; None: it reads."""
        self.time = "before"
        """Part of the key, so that no later write hides that one was lost."""
        self.answers: list[Seen] = []
        self.sent = 0
        self.acknowledged: dict[str, int] = {}
        """The last value of each key that was answered with 200."""

    def ask(self) -> None:
        answer = self._read() if self.key is None else self._write(f"{self.key}-{self.time}")
        self.answers.append(seen_in(answer))

    def _read(self) -> Answer:
        return self.browser.ask("GET", f"/{self.policy}/")

    def _write(self, key: str) -> Answer:
        self.sent += 1
        answer = self.browser.ask("POST", f"/{self.policy}/{key}/{self.sent}")
        if answer.status == 200:
            self.acknowledged[key] = self.sent
        return answer

    @property
    def is_served(self) -> bool:
        """Whether the last answer came with the session."""
        return bool(self.answers) and self.answers[-1].has_session

    @property
    def notices(self) -> bool:
        """Whether the last answer came without the session."""
        return not self.is_served

    @property
    def allowed(self) -> set[int]:
        """The statuses that its policy has for it."""
        spared = self.policy == "cookie" or (self.policy == "empty" and self.key is None)
        return {200} if spared else {200, 503}

    def check(self, kind: str) -> None:
        assert {seen.status for seen in self.answers} == self.allowed
        for seen in self.answers:
            assert (seen.retry_after is not None) == (seen.status == 503)
            failures = [failed for _, failed in seen.calls]
            assert True not in failures[:-1], "a call after one that had failed, and waited for it"
            for seconds, _ in seen.calls:
                assert seconds < TIMEOUT[kind] * STEPS[kind] + SLACK
        kept = json.loads(self._read().body)
        for key, value in self.acknowledged.items():
            assert value <= kept[key] <= self.sent


class Site:
    """A server of the app ``outage``, and its clients."""

    def __init__(self, browse: Browse, server: Server, kind: str) -> None:
        self.server = server
        self.kind = kind
        self.workers = set(server.worker_pids)
        self.clients = [client for policy in POLICIES for client in self._clients(browse, policy)]

    def _clients(self, browse: Browse, policy: str) -> Iterator[Client]:
        first = browse(self.server)
        assert first.ask("POST", f"/{policy}/begun/1").status == 200
        keys = [*(f"key-{number}" for number in range(WRITERS)), *[None] * READERS]
        for key in keys:
            yield Client(browse(self.server, first.cookies), policy, key)

    def lose_store(self, down: Callable[[], None], up: Callable[[], None]) -> None:
        """Take the store away from the clients that are at work, and give it back."""
        with kept_up([client.ask for client in self.clients]):
            self.wait_until_served()
            self._enter("away")
            down()
            try:
                self.wait_until_noticed()
                self._enter("after")
            finally:
                up()
            self.wait_until_served()

    def _enter(self, time: str) -> None:
        for client in self.clients:
            client.time = time

    def wait_until_served(self) -> None:
        wait_until(lambda: all(each.is_served for each in self.clients), "all have the session")

    def wait_until_noticed(self) -> None:
        for each in self.clients:
            wait_until(lambda each=each: each.notices, f"{each.policy}: the store is away")

    def check(self) -> str:
        """Check every answer; return the figures."""
        assert "Traceback" not in self.server.log
        assert set(self.server.worker_pids) == self.workers
        for client in self.clients:
            client.check(self.kind)
        return self._figures()

    def _figures(self) -> str:
        rows = []
        for policy in POLICIES:
            seen = [s for c in self.clients if c.policy == policy for s in c.answers]
            slowest = max(sum(seconds for seconds, _ in each.calls) for each in seen)
            statuses = dict(Counter(each.status for each in seen))
            rows.append(f"{policy} {statuses}, {slowest:.2f} s in the store at most")
        return f"{self.kind}: {'; '.join(rows)}"


@pytest.fixture
def site(request: pytest.FixtureRequest, browse: Browse, serve: Callable[..., Server]) -> Site:
    kind = request.param
    return Site(browse, serve("outage:application", request.getfixturevalue(kind).url), kind)


@pytest.mark.parametrize("site", ["valkey", "postgresql"], indirect=True)
def test_killed_store(
    site: Site, request: pytest.FixtureRequest, record_property: Callable[..., None]
) -> None:
    store: Valkey | PostgreSQL = request.getfixturevalue(site.kind)
    site.lose_store(store.kill, store.start)
    record_property("figures", site.check())


@pytest.mark.parametrize("site", ["valkey", "postgresql"], indirect=True)
def test_silent_store(
    site: Site, request: pytest.FixtureRequest, record_property: Callable[..., None]
) -> None:
    """It accepts, and never answers."""
    store: Valkey | PostgreSQL = request.getfixturevalue(site.kind)
    site.lose_store(store.freeze, store.thaw)
    record_property("figures", site.check())
