"""nginx before two gunicorns that share a Valkey, under steady load while they are replaced."""

import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

import pytest
from deployed import Instance
from nginx_server import Nginx
from real_servers import Valkey, wait_until

VISITORS = 6
PAUSE = 0.05
"""Seconds from one answer to the same visitor's next request."""
WORK = 0.2
"""Seconds that a POST takes, so that some are under way at any time."""
LONG, SHORT = 30, 5
"""Seconds that a stream takes: one that outlives all, and one that outlives a SIGTERM."""
LINES_A_SECOND = 4
SILENCE = 60
"""Seconds without any byte after which a request counts as lost."""
APPS = Path(__file__).parent / "apps"


class Failure(NamedTuple):
    name: str
    method: str
    begun: float
    failed: float
    reason: str


@dataclass
class Site:
    """nginx, what stands behind it, and what they have noted."""

    nginx: Nginx
    instances: list[Instance]
    notes_file: Path
    began: float = field(default_factory=time.monotonic)
    phases: list[tuple[float, str]] = field(default_factory=list)
    _notes: list[dict[str, Any]] = field(default_factory=list)
    _read_to: int = 0

    @property
    def notes(self) -> list[dict[str, Any]]:
        """All so far; only what is new is read."""
        with self.notes_file.open("a+") as file:
            file.seek(self._read_to)
            for line in iter(file.readline, ""):
                self._notes.append(json.loads(line))
            self._read_to = file.tell()
        return self._notes

    def wait_for_note(self, what: str, **fields: Any) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            found[:] = [each for each in self.notes if fields.items() <= each.items()]
            return bool(found)

        wait_until(is_there, what)
        return found[-1]

    def wait_until_served_by(self, pids: set[int], since: int) -> None:
        """Until one of these has begun a request that came after the first ``since`` notes."""
        wait_until(
            lambda: any(each["pid"] in pids for each in self.notes[since:]), f"a request at {pids}"
        )

    def enter(self, phase: str) -> None:
        self.phases.append((self.now(), phase))

    def now(self) -> float:
        return time.monotonic() - self.began

    def phase_at(self, moment: float) -> str:
        return [name for begun, name in self.phases if begun <= moment][-1]

    def explain(self, failures: list[Failure]) -> str:
        """What failed, when and why, and what the servers said of it."""
        lines = [
            f"{each.begun:.3f}-{each.failed:.3f} s ({self.phase_at(each.failed)}): "
            f"{each.method} {each.name}: {each.reason}"
            for each in failures
        ]
        logs = [f"--- {each.address}\n{each.messages[-3000:]}" for each in self.instances]
        errors = [line for line in self.nginx.error_log.splitlines() if "[error]" in line]
        return "\n".join([*lines, "--- nginx", *errors[-20:], *logs])


class Visitor:
    """Asks and posts in turn, one request at a time, on a connection of its own for each.

    On one that is kept, a request could cross nginx's closing it at a reload.
    """

    def __init__(self, number: int, site: Site) -> None:
        self.number = number
        self.site = site
        self.cookie = ""
        self.added = 0
        self.answers = 0
        self.failures: list[Failure] = []

    def run(self, over: Event) -> None:
        for number in count():
            method = "POST" if number % 2 else "GET"
            self.ask(method, f"{self.number}.{number}")
            if over.wait(PAUSE):
                return

    def ask(self, method: str, name: str) -> dict[str, Any] | None:
        begun = self.site.now()
        try:
            answer = self._send(method, f"/?name={name}&seconds={WORK}")
        except (OSError, http.client.HTTPException) as error:
            reason = repr(error)
        else:
            status, body = answer
            if status == 200:
                self.answers += 1
                self.added += method == "POST"
                return json.loads(body)
            reason = f"{status} {body[:200]!r}"
        self.failures.append(Failure(name, method, begun, self.site.now(), reason))
        return None

    def _send(self, method: str, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.site.nginx.port, timeout=SILENCE)
        try:
            headers = {"Connection": "close", **({"Cookie": self.cookie} if self.cookie else {})}
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            body = response.read()
            if set_cookie := response.headers["Set-Cookie"]:
                self.cookie = set_cookie.partition(";")[0]
            return response.status, body
        finally:
            connection.close()


class Load:
    """The visitors at work, from ``with`` to its end."""

    def __init__(self, site: Site) -> None:
        self.visitors = [Visitor(number, site) for number in range(VISITORS)]
        self._over = Event()
        self._threads = [Thread(target=each.run, args=[self._over]) for each in self.visitors]

    def __enter__(self) -> "Load":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join()

    @property
    def answers(self) -> int:
        return sum(each.answers for each in self.visitors)

    @property
    def failures(self) -> list[Failure]:
        return [failure for each in self.visitors for failure in each.failures]

    def wait_for_more(self, answers: int) -> None:
        goal = self.answers + answers
        wait_until(lambda: self.answers + len(self.failures) >= goal, f"{answers} more answers")


class Stream:
    """A stream that is read to its end in another thread, once its first line has come."""

    def __init__(self, site: Site, pool: ThreadPoolExecutor, seconds: int) -> None:
        self.seconds = seconds
        self._begun = time.monotonic()
        self._connection = http.client.HTTPConnection("127.0.0.1", site.nginx.port, timeout=SILENCE)
        self._connection.request("GET", f"/stream?name=stream&seconds={seconds}")
        self._response = self._connection.getresponse()
        self._first = self._response.readline().decode()
        self.pid = int(self._first.split()[1])
        """The worker that it comes from."""
        self._rest = pool.submit(self._read)

    def _read(self) -> tuple[list[str], float]:
        lines = [line.decode() for line in self._response]
        self._connection.close()
        return lines, time.monotonic() - self._begun

    def assert_is_whole(self) -> None:
        rest, seconds = self._rest.result(SILENCE)
        numbers = range(self.seconds * LINES_A_SECOND)
        expected = [f"{number} {self.pid} /stream 0\n" for number in numbers]
        assert [self._first, *rest] == [*expected, "end\n"]
        assert seconds >= self.seconds


def stream_from(instance: Instance, site: Site, pool: ThreadPoolExecutor) -> Stream:
    """A short stream that happens to come from there."""
    for _ in range(10):
        stream = Stream(site, pool, SHORT)
        if stream.pid in instance.worker_pids:
            return stream
    raise AssertionError(f"{instance.address} was never asked for a stream")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        store = stack.enter_context(Valkey())
        environ = {
            "WSGIKIT_SECRET_KEY": "of both instances",
            "WSGIKIT_SESSION_STORE": store.url,
            "WSGIKIT_TRUSTED_PROXIES": '["127.0.0.1"]',
            "WSGIKIT_TRUSTED_HOSTS": '["127.0.0.1"]',
            "WSGIKIT_HTTPS": "false",
            "WEB_CONCURRENCY": "2",
            "THREADS": "4",
            "DRAIN_SECONDS": "1",
            "GRACEFUL_TIMEOUT": "45",
            "NOTES": str(folder / "notes"),
        }
        instances = [Instance("busy:application", folder, apps=APPS, environ=environ) for _ in "12"]
        nginx = Nginx(folder / "nginx", [each.address for each in instances])
        for each in [*instances, nginx]:
            stack.enter_context(each)
        yield Site(nginx, instances, folder / "notes")
        for each in instances:
            each.begin_to_stop()


def reload_all(site: Site) -> None:
    site.enter("SIGHUP to both gunicorns")
    old = [each.worker_pids for each in site.instances]
    since = len(site.notes)
    for each in site.instances:
        each.reload()
    for each, pids in zip(site.instances, old, strict=True):
        wait_until(lambda each=each, pids=pids: len(each.worker_pids - pids) == 2, "new workers")
        site.wait_until_served_by(each.worker_pids - pids, since)


def replace(site: Site, load: Load, instance: Instance) -> None:
    site.enter(f"SIGTERM to {instance.address}")
    instance.stop()
    site.enter(f"{instance.address} is gone")
    load.wait_for_more(30)
    site.enter(f"a new {instance.address}")
    instance.start()
    site.wait_until_served_by(instance.worker_pids, len(site.notes))


def reload_nginx(site: Site, load: Load) -> None:
    site.enter("SIGHUP to nginx")
    site.nginx.reload()
    load.wait_for_more(30)


def kill_a_busy_worker(site: Site, load: Load, instance: Instance) -> tuple[int, float]:
    """Send SIGKILL to one that has just begun a POST. Return its process and the moment."""
    site.enter(f"SIGKILL to a worker of {instance.address}")
    pids, since = instance.worker_pids, len(site.notes)

    def newest_post() -> dict[str, Any] | None:
        last = site.notes[since:][-1:]
        return next((e for e in last if e.get("method") == "POST" and e["pid"] in pids), None)

    busy: list[dict[str, Any]] = []
    wait_until(lambda: bool(busy.append(newest_post()) or busy[-1]), "a worker with a POST")
    pid, moment = busy[-1]["pid"], site.now()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(instance.worker_pids - {pid}) == 2, "a worker in its place")
    load.wait_for_more(30)
    return pid, moment


def test_no_request_and_no_session_is_lost(
    site: Site, record_property: Callable[..., None]
) -> None:
    site.enter("nothing")
    with ThreadPoolExecutor() as pool, Load(site) as load:
        long = Stream(site, pool, LONG)
        other, streaming = sorted(site.instances, key=lambda each: long.pid in each.worker_pids)
        reload_all(site)
        short = stream_from(other, site, pool)
        replace(site, load, other)
        short.assert_is_whole()
        reload_nginx(site, load)
        assert load.failures == [], site.explain(load.failures)
        killed, moment = kill_a_busy_worker(site, load, other)
        failures = load.failures
        site.enter("the long stream runs out")
        long.assert_is_whole()
        replace(site, load, streaming)

    assert load.failures == failures, site.explain(load.failures)
    assert_only_those_on_the_killed_worker(site, failures, killed, moment)
    assert_sessions_are_whole(load)
    record_property(
        "figures",
        f"{load.answers} answers in {site.now():.0f} s; {len(failures)} requests were under way "
        "on the killed worker and failed",
    )


def assert_only_those_on_the_killed_worker(
    site: Site, failures: list[Failure], killed: int, moment: float
) -> None:
    notes = site.notes
    begun = {each["name"]: each["pid"] for each in notes if each["kind"] == "begin"}
    ended = {each["name"] for each in notes if each["kind"] == "end"}
    assert failures, "the worker that was killed had a POST under way"
    elsewhere = [
        each
        for each in failures
        if begun.get(each.name, killed) != killed
        or each.name in ended
        or not each.begun <= moment <= each.failed
    ]
    assert elsewhere == [], site.explain(elsewhere)


def assert_sessions_are_whole(load: Load) -> None:
    for each in load.visitors:
        lost = sum(failure.method == "POST" for failure in each.failures)
        counted = each.ask("GET", f"{each.number}.last")["count"]
        assert each.added <= counted <= each.added + lost
        assert each.added > 0


def test_a_client_that_leaves_is_noticed_behind_nginx(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.nginx.port, timeout=SILENCE)
    connection.request("GET", f"/stream?name=leaver&seconds={LONG}")
    response = connection.getresponse()
    response.readline()
    response.close()
    connection.close()
    end = site.wait_for_note("the end of the request", kind="end", name="leaver")
    assert end["outcome"] == "ClientDisconnected"
