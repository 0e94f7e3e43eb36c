"""Records how the requests of an app end."""

import records

from wsgikit import App, g, request


def describe(outcome: BaseException | None) -> str | None:
    """The full name of an exception's class."""
    if outcome is None:
        return None
    return f"{type(outcome).__module__}.{type(outcome).__qualname__}"


def record_teardowns(app: App) -> None:
    """Record the end of each request of ``app``, by the id that the client gave it."""

    @app.before_request
    def keep_id() -> None:
        g.request_id = request.headers.get("X-Request-Id")

    @app.teardown_request
    def request_ended(outcome: BaseException | None) -> None:
        records.write("teardown", id=g.request_id, outcome=describe(outcome))
