"""What gunicorn's gthread worker does to apps, alone and in the standard chain.

An ``xfail`` that passes is a failure: then gunicorn has been put right.
"""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="module")
def one_thread(serve: Callable[..., Any]) -> Any:
    return serve("threads:application", threads=1)


@pytest.fixture(scope="module")
def files(serve: Callable[..., Any]) -> Any:
    return serve("files:application")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            "/bare",
            marks=pytest.mark.xfail(strict=True, reason="E13: gthread gives no Context a request"),
        ),
        "/chain",
    ],
)
def test_variable_that_a_request_never_resets_is_not_seen_by_the_next(
    one_thread: Any, path: str
) -> None:
    first, second = (one_thread.get(path, X_Request_Id=f"{path} {n}").headers for n in range(2))
    assert first["X-Thread"] == second["X-Thread"]
    assert second["X-Found"] != f"{path} 0"


@pytest.mark.parametrize("path", ["/endless", "/chain-endless"])
def test_client_that_leaves_has_the_body_closed_in_the_thread_that_sent_it(
    one_thread: Any, path: str
) -> None:
    """E15: what is kept for the thread can be used in ``close``."""
    with one_thread.connect() as connection:
        connection.start("GET", path, X_Request_Id=path)
        response = connection.getresponse()
        assert response.read(5)
        response.close()
    assert one_thread.wait_for_record("closed", id=path)["in_the_thread_that_sent_it"] is True


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            "/generated",
            marks=pytest.mark.xfail(
                strict=True, reason="E16: a generator around it loses sendfile"
            ),
        ),
        "/bare",
        "/bare-hook",
    ],
)
def test_file_of_a_wrapped_app_goes_by_sendfile(files: Any, path: str) -> None:
    files.get(path, X_Request_Id=path)
    files.wait_for_record("teardown", id=path)
    assert [record["used"] for record in files.records("sendfile", id=path)] == [True]
