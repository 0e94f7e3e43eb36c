"""Short answers, answers without a body, and errors at every stage of a request."""

from collections.abc import Iterator
from pathlib import Path

import records
from teardowns import record_teardowns
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from wsgikit import App, Response, abort, send_file, session
from wsgikit.middleware import standard
from wsgikit.stacks import app_contexts, request_contexts

CONFIG = {"SECRET_KEY": "only for tests"}
FILE = Path(records.FOLDER, "file")
FILE.write_bytes(b"content of the file")

app = App("responses", config=CONFIG)
record_teardowns(app)


@app.get("/text")
def text() -> str:
    session["seen"] = True
    return "text"


@app.get("/streamed")
def streamed() -> Iterator[str]:
    yield "one "
    yield "two"


@app.get("/file")
def file() -> object:
    return send_file(FILE, etag="tag")


@app.get("/204")
def no_content() -> tuple[str, int]:
    return "", 204


@app.get("/204-text")
def no_content_with_text() -> tuple[str, int]:
    return "dropped", 204


@app.get("/204-streamed")
def no_content_streamed() -> tuple[Iterator[str], int]:
    return iter(["dropped"]), 204


@app.get("/304")
def not_modified() -> Response:
    return Response("dropped", 304)


@app.get("/409")
def conflict() -> None:
    abort(409)


@app.get("/broken")
def broken() -> None:
    raise LookupError("broken before the start")


@app.get("/broken-first-chunk")
def broken_first_chunk() -> Iterator[str]:
    raise LookupError("broken at the first chunk")
    yield ""


@app.get("/broken-stream")
def broken_stream() -> Iterator[str]:
    yield "one chunk"
    raise LookupError("broken in the stream")


@app.get("/broken-teardown")
def broken_teardown() -> str:
    return "fine"


@app.teardown_request
def fail(outcome: BaseException | None) -> None:
    if request_contexts.top.environ["PATH_INFO"] == "/broken-teardown":
        raise LookupError("broken in the teardown")


def one_item(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one item"]


def one_item_of_known_length(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "8")])
    return [b"one item"]


def wrong_204(environ, start_response):
    """An app that sends a body where none may be, for the test that its warning is found."""
    start_response("204 No Content", [])
    return [b"a body"]


def late_failure(environ, start_response):
    """A generator app, which starts its response only with the first chunk."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"one chunk"
    raise LookupError("broken in the app")


def wrapped(inner):
    legacy = App("legacy", config=CONFIG)
    record_teardowns(legacy)
    return standard(inner, current_app=legacy)


chain = DispatcherMiddleware(
    standard(app),
    {
        "/one-item": wrapped(one_item),
        "/one-item-of-known-length": wrapped(one_item_of_known_length),
        "/wrong-204": wrapped(wrong_204),
        "/late-failure": wrapped(late_failure),
    },
)


def application(environ, start_response):
    if app_contexts.top is not None or request_contexts.top is not None:
        records.write("context left", path=environ["PATH_INFO"])
    return chain(environ, start_response)
