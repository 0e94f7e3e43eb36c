"""Answers what each name points to, at several points of a request, so that the client can check.

Between any two reads another thread or greenlet gets its turn.
"""

import time
from collections.abc import Iterator
from contextvars import ContextVar

import records

from wsgikit import App, abort, g, request, session, signals
from wsgikit.middleware import standard
from wsgikit.stacks import app_contexts, request_contexts

LINES = 3

app = App("isolation", config={"SECRET_KEY": "only for tests"})
never_reset: ContextVar[str | None] = ContextVar("never_reset", default=None)

entered: list[str] = []
torn_down: list[str] = []
app_contexts_ended: list[str] = []
providers_closed: list[str] = []
contexts_left: list[str] = []
variables_left: list[str] = []

records.exit_reports.append(
    lambda: {
        "entered": entered,
        "torn_down": torn_down,
        "app_contexts_ended": app_contexts_ended,
        "providers_closed": providers_closed,
        "contexts_left": contexts_left,
        "variables_left": variables_left,
    }
)


def visitor() -> Iterator[str]:
    request_id = request.headers["X-Request-Id"]
    try:
        yield request.headers["X-Client"]
    finally:
        providers_closed.append(request_id)


@app.before_request
def claim() -> None:
    name = request.headers["X-Client"]
    if never_reset.get() is not None:
        variables_left.append(f"{name} saw {never_reset.get()}")
    never_reset.set(name)
    g.name = name
    g.request_id = request.headers["X-Request-Id"]
    session.setdefault("name", name)
    session["count"] = session.get("count", 0) + 1


@app.teardown_request
def request_ended(outcome: BaseException | None) -> None:
    torn_down.append(request.headers["X-Request-Id"])


@app.teardown_appcontext
def app_context_ended(outcome: BaseException | None) -> None:
    app_contexts_ended.append(g.request_id)


@signals.appcontext_popped.connect_via(app)
def all_popped(app: App) -> None:
    """Look once more from inside, where what an outer layer cannot see may be left."""
    look_for_contexts("after a request")


def look_for_contexts(when: str) -> None:
    if app_contexts.top is not None or request_contexts.top is not None:
        contexts_left.append(when)


def lines() -> Iterator[str]:
    reads = (
        lambda: request.headers["X-Client"],
        lambda: session["name"],
        lambda: g.name,
        lambda: g.visitor,
        lambda: never_reset.get(),
        lambda: str(session["count"]),
    )
    for _ in range(LINES):
        seen = []
        for read in reads:
            time.sleep(0)
            seen.append(read())
        yield " ".join(seen) + "\n"


@app.get("/plain")
def plain() -> str:
    return "".join(lines())


@app.get("/streamed")
def streamed() -> Iterator[str]:
    return lines()


@app.get("/refused")
def refused() -> None:
    abort(409)


@app.errorhandler(409)
def conflict(error: Exception) -> tuple[str, int]:
    return "".join(lines()), 409


chain = standard(app, g={"visitor": visitor})


def application(environ, start_response):
    request_id = environ["HTTP_X_REQUEST_ID"]
    entered.append(request_id)
    look_for_contexts(f"before {request_id}")
    if never_reset.get() is not None:
        variables_left.append(f"{request_id} found {never_reset.get()}")
    return chain(environ, start_response)
