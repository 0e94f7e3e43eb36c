"""Chains whose session layer keeps sessions in the cookie, or in a store."""

from __future__ import annotations

from typing import Any

import pytest

KEY = "a key for tests"


@pytest.fixture(params=["cookie"])
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options of the session layer, for each place that a session may live in."""
    return {"secret_key": KEY}
