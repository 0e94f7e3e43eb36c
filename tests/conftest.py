"""Fixtures that every test shares."""

from collections.abc import Iterator

import pytest

from wsgikit.contexts import app_contexts, request_contexts


@pytest.fixture(autouse=True)
def leak_detector() -> Iterator[None]:
    """Fail a test that leaves a context pushed."""
    yield
    leaked = []
    while request_contexts.top is not None:
        leaked.append(request_contexts.pop())
    while app_contexts.top is not None:
        leaked.append(app_contexts.pop())
    assert not leaked, f"the test left these contexts pushed: {leaked}"
