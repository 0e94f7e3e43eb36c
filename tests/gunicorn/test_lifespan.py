"""on_startup and on_shutdown in real workers, tied to them by one line of gunicorn.conf.py."""

import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

DEMO = Path(__file__).parents[2] / "deploy" / "gunicorn.conf.py"


def pids(server: Any, kind: str) -> Counter[int]:
    return Counter(record["pid"] for record in server.records(kind))


@pytest.fixture
def server(serve: Any, worker_class: str) -> Any:
    return serve("lifespan_app:application", worker_class=worker_class, workers=2)


def test_each_worker_starts_before_it_serves_and_ends_once(server: Any) -> None:
    workers = dict.fromkeys(server.worker_pids, 1)
    assert pids(server, "startup") == workers
    assert server.records("request") == []
    server.get("/")
    server.stop()
    assert pids(server, "startup") == pids(server, "shutdown") == workers
    assert server.log_above_info() == []


def test_reload_ends_the_old_workers_and_starts_new_ones(server: Any) -> None:
    old = set(server.worker_pids)
    server.process.send_signal(signal.SIGHUP)
    server._wait_for(lambda: len(server.records("shutdown")) == 2, "end its old workers")
    server._wait_for(lambda: len(server.records("startup")) == 4, "start its new workers")
    assert set(pids(server, "shutdown")) == old
    server.stop()
    assert pids(server, "startup") == pids(server, "shutdown")
    assert len(pids(server, "shutdown")) == 4


def test_app_that_fails_to_start_keeps_the_server_from_coming_up(
    serve: Any, worker_class: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSGIKIT_TEST_FAIL", "1")
    with pytest.raises(pytest.fail.Exception, match="Worker failed to boot") as failure:
        serve("lifespan_app:application", worker_class=worker_class)
    assert "LookupError: the database is not there" in str(failure.value)


def test_one_line_ties_them_in_the_demo_s_config() -> None:
    lines = [line for line in DEMO.read_text().splitlines() if "wsgikit.gunicorn" in line]
    assert len(lines) == 1
    assert lines[0].startswith(
        "from wsgikit.gunicorn import post_fork, post_worker_init, worker_exit"
    )
