"""What several workers have counted and logged is what was sent, whatever becomes of them."""

import json
import os
import re
import signal
import socket
import struct
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

CLIENTS = 16
ROUNDS = 12
ASKED = [
    ("GET", "/text/{n}", "/text/<int:number>", 200),
    ("HEAD", "/text/{n}", "/text/<int:number>", 200),
    ("GET", "/stream", "/stream", 200),
    ("GET", "/file", "/file", 200),
    ("GET", "/nothing/{n}", "(none)", 404),
    ("GET", "/broken", "/broken", 500),
]
"""Method, path, and the labels that such a request has."""
LEFT = ("/endless", "/large")
"""Left by each client in the middle of the body: a stream, and a file that goes by sendfile."""
SAMPLE = re.compile(r'http_requests_total\{method="(.*)",rule="(.*)",status="(.*)"\} (.*)')


class Observed:
    """A server, what was sent to it, and what it shows of that."""

    def __init__(self, serve: Any, folder: Path) -> None:
        self.server = serve(
            "observed:application",
            workers=2,
            threads=8,
            environ={"PROMETHEUS_MULTIPROC_DIR": str(folder), "GUNICORN_CMD_ARGS": "--preload"},
        )
        self.sent: Counter[tuple[str, str, str]] = Counter()
        self.ids: list[str] = []
        self.left: list[str] = []

    def load(self, name: str) -> None:
        """Many clients at once, the last requests of which are left in the middle."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(self._visit, [f"{name}-{n}" for n in range(CLIENTS)]))
        for method, _, rule, status in ASKED:
            self.sent[method, rule, str(status)] += CLIENTS * ROUNDS
        for path in LEFT:
            self.sent["GET", path, "200"] += CLIENTS
        self.sent["POST", "/upload", "none"] += CLIENTS
        self.sent["GET", "/storage", "500"] += CLIENTS  # whose server's answer has no id

    def _visit(self, name: str) -> None:
        with self.server.connect() as connection:
            for n in range(ROUNDS):
                for kind, (method, path, _, status) in enumerate(ASKED):
                    request_id = f"{name}-{n}-{kind}"
                    answer = connection.ask(method, path.format(n=n), X_Request_ID=request_id)
                    assert answer.status == status
                    assert answer.headers["X-Request-ID"] == request_id
                    self.ids.append(request_id)
        for path in LEFT:
            self._leave(path, f"{name}-leaves-{path[1:]}")
        request_id = f"{name}-storage"
        assert self.server.get("/storage", X_Request_ID=request_id).status == 500
        self.ids.append(request_id)
        self._cut_upload(f"{name}-upload")

    def _cut_upload(self, request_id: str) -> None:
        """Leave while the app waits for more of the body."""
        with self.server.connect() as connection:
            connection.putrequest("POST", "/upload")
            sent = {"X-Request-ID": request_id, "Content-Length": "50", "Expect": "100-continue"}
            for header, value in sent.items():
                connection.putheader(header, value)
            connection.endheaders()
            assert connection.sock.recv(1000).startswith(b"HTTP/1.1 100")  # the app is called now
            connection.send(b"abc")
            at_once = struct.pack("ii", 1, 0)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.ids.append(request_id)
        self.left.append(request_id)

    def _leave(self, path: str, request_id: str) -> None:
        with self.server.connect() as connection:
            connection.start("GET", path, X_Request_ID=request_id)
            connection.getresponse().read(10_000)
        self.ids.append(request_id)
        self.left.append(request_id)

    def shown(self) -> str:
        return self.server.get("/metrics").body.decode()

    def counted(self) -> Counter[tuple[str, str, str]]:
        found = SAMPLE.findall(self.shown())
        return Counter({(method, rule, status): int(float(n)) for method, rule, status, n in found})

    def in_flight(self) -> float:
        found = re.findall(r"http_requests_in_flight\{.*\} (.*)", self.shown())
        return sum(map(float, found))

    def settle(self) -> None:
        """Wait until the last responses are over: a client has its answer a moment before."""
        total = self.sent.total()
        self.server._wait_for(lambda: self.counted().total() >= total, f"count {total} requests")

    def logged(self) -> list[dict[str, Any]]:
        """The lines of the access log, but for those of who asked for the metrics."""
        lines = map(json.loads, (self.server.folder / "access").read_text().splitlines())
        return [line for line in lines if line["path"] != "/metrics"]

    def reload(self) -> None:
        old = self.server.worker_pids
        self.server.process.send_signal(signal.SIGHUP)
        self.server._wait_for(lambda: not any(map(is_alive, old)), "end its old workers")
        for pid in old:
            (self.server.folder / f"ready-{pid}").unlink()
        self.wait_for_workers()

    def kill(self, pid: int) -> None:
        self.server.kill_worker(pid)
        self.wait_for_workers()

    def wait_for_workers(self) -> None:
        self.server._wait_for(lambda: len(self.server.worker_pids) == 2, "start its workers")


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture(scope="module")
def observed(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """Loaded three times; reloaded before the second, and with a worker killed before the third."""
    observed = Observed(serve, tmp_path_factory.mktemp("metrics"))
    observed.load("fresh")
    observed.settle()
    observed.reload()
    observed.load("reloaded")
    observed.settle()
    observed.kill(observed.server.worker_pids[0])
    observed.load("killed")
    observed.settle()
    return observed


def test_preloaded_app_opens_no_file_before_the_fork(observed: Observed) -> None:
    assert observed.server.records("loaded")[0]["files"] == []


def test_workers_have_counted_what_was_sent(observed: Observed) -> None:
    assert observed.counted() == observed.sent
    assert observed.in_flight() == 0


def test_each_request_has_one_line(observed: Observed) -> None:
    assert Counter(line["request_id"] for line in observed.logged()) == Counter(observed.ids)


def test_lines_are_true(observed: Observed) -> None:
    lines = observed.logged()
    found = Counter(
        (line["method"], line["rule"] or "(none)", str(line["status"] or "none")) for line in lines
    )
    assert found == observed.sent
    left = [line for line in lines if line["aborted"]]
    assert {line["aborted"] for line in left} == {"client"}
    assert Counter(line["request_id"] for line in left) == Counter(observed.left)
    assert {line["bytes"] for line in left if line["rule"] == "/large"} == {None}
    assert all(line["bytes"] >= 10_000 for line in left if line["rule"] == "/endless")
    sizes = {line["bytes"] for line in lines if line["rule"] == "/file"}
    assert sizes == {os.path.getsize(Path(__file__).parent / "apps" / "observed.py")}
    assert {line["bytes"] for line in lines if line["method"] == "HEAD"} == {0}
    assert all(0 <= line["first_byte"] <= line["seconds"] for line in lines)


def test_worker_that_is_killed_leaves_no_request_in_flight(observed: Observed) -> None:
    with observed.server.connect() as connection:
        connection.start("GET", "/endless")
        response = connection.getresponse()
        assert observed.in_flight() == 1
        observed.kill(int(response.headers["X-Pid"]))
    observed.server._wait_for(lambda: observed.in_flight() == 0, "forget the killed worker")
    assert observed.counted() == observed.sent
