"""Whether gunicorn still takes its sendfile path, as what its own call returned tells.

Under gthread that is sendfile(2); gevent's socket reads and sends in its place.
"""

from collections.abc import Callable
from typing import Any

import pytest

CONTENT = b"0123456789abcdef" * 4096


@pytest.fixture(scope="module")
def server(serve: Callable[..., Any], worker_class: str) -> Any:
    return serve("files:application", worker_class=worker_class)


@pytest.mark.parametrize(
    ("path", "hook"),
    [
        ("/", None),
        ("/view-hook/", "view-hook"),
        ("/bare", None),
        ("/bare-hook", "bare-hook"),
        ("/fallback-hook", "fallback-hook"),
    ],
)
def test_file_goes_by_sendfile_through_the_standard_chain(
    server: Any, path: str, hook: str | None
) -> None:
    answer = server.get(path, X_Request_Id=path)
    assert answer.body == CONTENT
    assert answer.headers.get("X-Hook") == hook
    assert server.wait_for_record("sendfile", id=path)["used"] is True
    assert server.wait_for_record("teardown", id=path)["outcome"] is None


def test_file_in_a_generator_does_not_go_by_sendfile(server: Any) -> None:
    answer = server.get("/generated", X_Request_Id="generated")
    assert answer.body == CONTENT
    assert server.wait_for_record("teardown", id="generated")
    assert server.records("sendfile", id="generated") == []


def test_range_of_a_file_is_that_range(server: Any) -> None:
    answer = server.get("/", X_Request_Id="range", Range="bytes=16-19")
    assert (answer.status, answer.body) == (206, b"0123")
    assert answer.headers["Content-Range"] == f"bytes 16-19/{len(CONTENT)}"
    assert server.wait_for_record("teardown", id="range")["outcome"] is None


def test_files_leave_no_descriptor_open(server: Any) -> None:
    (pid,) = server.worker_pids
    for path in ("/", "/bare", "/bare-hook", "/view-hook/", "/generated"):
        request_id = f"descriptor {path}"
        server.get(path, X_Request_Id=request_id)
        server.wait_for_record("teardown", id=request_id)
    assert str(server.folder / "file") not in server.open_files(pid)
