"""Fixtures that every test shares."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from webtest import TestApp

from wsgikit import App
from wsgikit.exchange import under_way
from wsgikit.middleware import standard
from wsgikit.stacks import app_contexts, request_contexts

# No test fails because the machine is busy.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture
def app() -> App:
    """An app that raises its unhandled errors in the test."""
    return App("tests", config={"SECRET_KEY": "test", "TESTING": True})


@pytest.fixture
def client(app: App) -> TestApp:
    """A client of the app in the standard chain, with WebTest's lint on."""
    return TestApp(standard(app))


@pytest.fixture(autouse=True)
def leak_detector() -> Iterator[None]:
    """Fail a test that leaves a context pushed, or a request for a log or metrics under way."""
    yield
    leaked = []
    while request_contexts.top is not None:
        leaked.append(request_contexts.pop())
    while app_contexts.top is not None:
        leaked.append(app_contexts.pop())
    assert not leaked, f"the test left these contexts pushed: {leaked}"
    left = [exchange.environ.get("PATH_INFO") for exchange in under_way]
    under_way.clear()
    assert not left, f"the test left these requests under way: {left}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Where everything is installed, as in CI, a skipped test is a failed one."""
    report = yield
    if report.skipped and os.environ.get("NO_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, though nothing may be missing here: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of the long runs, which tell how much was tried."""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(f"{report.nodeid}: {value}")
