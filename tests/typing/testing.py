"""What a type checker says about tests. WebTest itself has no types."""

from __future__ import annotations

from contextlib import AbstractContextManager
from logging import LogRecord
from typing import Any, assert_type

from wsgikit import App
from wsgikit.middleware import standard
from wsgikit.sessions import Session
from wsgikit.testing import TestApp

app = App("typing")
client = TestApp(standard(app, secret_key="x"), extra_environ={"REMOTE_USER": "ada"}, lint=False)

assert_type(client.current_app, App)
assert_type(client.get("/"), Any)
assert_type(client.captured.flashes, list[tuple[str, str]])
assert_type(client.captured.logs, list[LogRecord])
assert_type(client.captured.errors, str)
assert_type([name for name, data in client.captured.signals], list[str])
assert_type(client.captured.signals[0].data, dict[str, Any])

with client.session("/", extra_environ={"wsgi.url_scheme": "https"}) as session:
    assert_type(session, Session)

context: AbstractContextManager[None] = client.context()

TestApp(app)
TestApp(standard(app), current_app=app)
TestApp(1)  # type: ignore[arg-type]
TestApp(app, current_app="app")  # type: ignore[arg-type]
client.session(path=1)  # type: ignore[arg-type]
client.captured.signal  # type: ignore[attr-defined]  # noqa: B018
