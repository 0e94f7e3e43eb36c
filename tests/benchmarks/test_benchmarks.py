"""The harness itself: answers, arithmetic, the comparison of two runs, and what it writes."""

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.benchmarks.aims import AIMS, SESSION_PEERS, judged
from tests.benchmarks.chart import chart
from tests.benchmarks.comparing import changes, comparison_lines
from tests.benchmarks.load import CONNECTIONS, load
from tests.benchmarks.peers import TITLES
from tests.benchmarks.report import in_readme, number, report
from tests.benchmarks.results import Ratio, Section
from tests.benchmarks.run import Run
from tests.benchmarks.sections.imports import probe
from tests.benchmarks.timing import Rounds, Spread, take_turns
from tests.benchmarks.workloads import HELLO_NEW, check

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def hello_run(ratio: Spread, better: str = "lower") -> Run:
    section = Section("hello", "hello", "µs a request")
    section.figures = {"bare": Spread(1, 1, 1), "wsgikit": Spread(3, 4, 5)}
    peers = ("falcon", *SESSION_PEERS)
    section.ratios = {f"wsgikit / {name}": Ratio(ratio, better) for name in peers}
    return Run({"Machine": "a fast one"}, {"hello": section})


def test_all_peers_give_equal_answers_to_all_workloads() -> None:
    command = [sys.executable, "-W", "ignore::UserWarning", "-m", "tests.benchmarks"]
    command += ["--only", "hello hello_new read write wrapping", "--scale", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for name, peers in {"hello": 10, "hello_new": 10, "read": 7, "write": 7, "wrapping": 8}.items():
        table = done.stdout.partition(f"`{name}`")[2].partition("\n\n")[0]
        assert table.count("\n|") == 1 + peers, name


def test_wrong_answer_is_not_timed() -> None:
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"Hello, you"]

    with pytest.raises(AssertionError, match="Hello, you"):
        check(HELLO_NEW, app, cookie="")


def test_ratios_are_those_within_a_round() -> None:
    rounds = Rounds({"a": [2.0, 20.0, 200.0], "b": [1.0, 10.0, 50.0]})
    assert rounds.ratio("a", "b") == (2.0, 2.0, 3.0)
    assert rounds.extra("a", "b", of="b", parts=2) == (0.5, 0.5, 1.0)
    assert rounds.extra("b", "a") == pytest.approx((-80e6, -10e6, -5.5e6))
    assert rounds.microseconds("b") == pytest.approx((5.5e6, 10e6, 30e6))


def test_every_candidate_has_a_turn_in_every_round() -> None:
    turns: list[str] = []

    def candidate(name: str):
        def batch(n: int) -> float:
            turns.append(name)
            return n * 1.0

        return batch

    rounds = take_turns({"a": candidate("a"), "b": candidate("b")}, rounds=5)
    assert rounds.seconds == {"a": [1.0] * 5, "b": [1.0] * 5}
    timed = turns[-10:]
    assert [set(timed[i : i + 2]) for i in range(0, 10, 2)] == [{"a", "b"}] * 5


@pytest.mark.parametrize(
    ("better", "now", "worse"),
    [
        ("lower", Spread(1.2, 1.3, 1.4), True),
        ("lower", Spread(1.11, 1.3, 1.4), False),  # within the spread and the drift
        ("lower", Spread(0.1, 0.2, 0.3), False),
        ("higher", Spread(0.1, 0.2, 0.3), True),
        ("higher", Spread(1.2, 1.3, 1.4), False),
        ("higher", Spread(0.7, 0.8, 0.85), True),
    ],
)
def test_comparison_notices_what_got_worse(better: str, now: Spread, worse: bool) -> None:
    found = list(changes(hello_run(Spread(0.9, 1, 1.1), better), hello_run(now, better)))
    assert [change.is_worse for change in found] == [worse] * 7
    assert "\n".join(comparison_lines(found)).count("| worse |") == 7 * worse


@pytest.mark.parametrize(
    ("better", "now"), [("lower", Spread(1.3, 1.5, 2)), ("higher", Spread(0.5, 0.7, 0.75))]
)
def test_busy_machine_then_hides_nothing_that_is_far_worse_now(better: str, now: Spread) -> None:
    found = list(changes(hello_run(Spread(0.4, 1, 3), better), hello_run(now, better)))
    assert all(change.is_worse for change in found)


def test_run_is_the_same_after_it_was_kept(tmp_path: Path) -> None:
    run = hello_run(Spread(0.9, 1, 1.1))
    run.write(tmp_path / "run.json")
    assert Run.read(tmp_path / "run.json") == run


def test_report_and_chart() -> None:
    run = hello_run(Spread(1.2, 1.3, 1.4))
    text = report(run)
    assert "| `hello` / Falcon's bare route | ≤ 1.25 | 1.3 | **no** |" in text
    assert "- Machine: a fast one" in text
    assert "What was not measured" in text
    bars = ElementTree.fromstring(chart(run)).findall("{http://www.w3.org/2000/svg}rect")
    assert [bar.get("class") for bar in bars] == ["peer", "ours"]
    assert float(bars[1].get("width")) == pytest.approx(4 * float(bars[0].get("width")))


def test_documents_are_those_of_the_kept_run() -> None:
    run = Run.read(DOCS / "benchmarks.json")
    assert len(judged(run.sections)) == len(AIMS)
    readme = (ROOT / "README.md").read_text("utf-8")
    assert in_readme(readme, run) == readme
    assert TITLES["django"] in readme
    assert (DOCS / "benchmarks.md").read_text("utf-8") == report(run)
    assert (DOCS / "benchmarks.svg").read_text("utf-8") == chart(run)


@pytest.mark.parametrize(("value", "text"), [(12345.6, "12,346"), (0.04567, "0.0457"), (5.0, "5")])
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


class Handler(http.server.BaseHTTPRequestHandler):
    """Counts what it has answered, and wants a cookie."""

    protocol_version = "HTTP/1.1"
    answers = count(1)

    def do_GET(self) -> None:
        self.server.answered = next(self.answers)
        self.send_response(200 if self.headers["Cookie"] == "a=b" else 500)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """Does not mind that clients hang up."""

    request_queue_size = CONNECTIONS

    def handle_error(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_our_own_clients_count_the_answers(server: Server) -> None:
    headers = {"Host": "localhost", "Cookie": "a=b"}
    rate = load(server.server_port, headers, seconds=0.2, wrk=None)
    assert 0 < 0.2 * rate <= server.answered


def test_our_own_clients_refuse_an_error(server: Server) -> None:
    with pytest.raises(RuntimeError, match="500"):
        load(server.server_port, {"Host": "localhost"}, seconds=0.2, wrk=None)


def test_imports_are_measured_from_bytecode(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    probe("import wsgikit.version", str(tmp_path))
    assert [*tmp_path.rglob("wsgikit/version.*.pyc")]
