"""64 keep-alive clients at once, each of which checks that it is only ever told of itself."""

from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

CLIENTS = 64
REQUESTS = 50_000
PER_CONNECTION = 200


@pytest.fixture(scope="module")
def run_load(serve: Callable[..., Any], load_client: ModuleType) -> Callable[..., Any]:
    """Serve an application, load it, stop it; return the load and what the workers recorded."""

    def run(application: str, worker_class: str, requests: int) -> tuple[Any, list[dict]]:
        server = serve(application, worker_class=worker_class, workers=2, threads=8)
        load = load_client.Load(
            server.port, clients=CLIENTS, requests=requests, per_connection=PER_CONNECTION
        )
        load.run()
        server.stop()
        return load, server.records("exit")

    return run


def add_up(reports: list[dict], field: str) -> list[str]:
    return [entry for report in reports for entry in report[field]]


@pytest.fixture(scope="module")
def great_load(run_load: Callable[..., Any], worker_class: str) -> tuple[Any, list[dict]]:
    """The one great load of a worker class, which several tests look at."""
    return run_load("isolation:application", worker_class, REQUESTS)


def test_no_client_is_told_of_another_and_each_request_counts_once(great_load) -> None:
    report = great_load[0].report
    assert not report.problems, report.examples
    assert report.answers == REQUESTS


def test_clients_were_kept_alive_and_met_both_workers(great_load) -> None:
    load, workers = great_load
    assert len(load.clients) == CLIENTS
    needed = sum(-(-client.requests // PER_CONNECTION) for client in load.clients)
    assert load.report.connections == needed
    assert len(workers) == 2
    assert all(worker["entered"] for worker in workers)


@pytest.mark.parametrize("end", ["torn_down", "app_contexts_ended", "providers_closed"])
def test_each_request_ends_exactly_once(great_load, end: str) -> None:
    load, workers = great_load
    once = Counter(load.request_ids)
    assert once.total() == len(once) == REQUESTS
    assert Counter(add_up(workers, "entered")) == once
    assert Counter(add_up(workers, end)) == once


def test_no_context_is_left_pushed(great_load) -> None:
    assert add_up(great_load[1], "contexts_left") == []


def test_variable_that_an_app_never_resets_reaches_no_other_request(great_load) -> None:
    assert add_up(great_load[1], "variables_left") == []


def test_check_fails_when_contexts_are_kept_in_a_plain_global(run_load, worker_class) -> None:
    load, workers = run_load("plain_global:application", worker_class, 3_000)
    assert load.report.problems["foreign"] > 0
    assert add_up(workers, "contexts_left") != []


def test_check_fails_when_requests_share_the_context_of_their_thread(run_load) -> None:
    _, workers = run_load("shared_context:application", "gthread", 1_000)
    assert add_up(workers, "variables_left") != []
