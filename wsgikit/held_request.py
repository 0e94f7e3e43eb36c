"""A request that stops at the router, with its contexts open: for tests and the shell."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn
from wsgiref.types import WSGIEnvironment

from werkzeug.test import EnvironBuilder

from .environ import HOLD
from .lifecycle import close_body, prime
from .request_context import RequestContext

if TYPE_CHECKING:
    from .app import App


class Held(BaseException):
    """Carries the context out of the pipeline. No layer may take it for an error of the app."""

    def __init__(self, context: RequestContext) -> None:
        super().__init__("held at the router")
        self.context = context


def hold(context: RequestContext) -> NoReturn:
    """Stop the request right here, with its contexts open."""
    context.hold()
    raise Held(context)


class HeldRequest:
    """``with`` it, or ``push`` and ``pop`` it. Made by ``App.test_request_context``."""

    def __init__(self, app: App, environ: WSGIEnvironment) -> None:
        self._app = app
        self._environ = {**environ, HOLD: True}
        self._context: RequestContext | None = None

    def push(self) -> RequestContext:
        """Run the pipeline up to the router and make the request's context current here.

        :raises RuntimeError: the app is in no pipeline, or a layer answered before the router.
        """
        if self._context is not None:
            raise RuntimeError("This request is pushed already.\n\nPop it first, or make another.")
        if self._app.entry is None:
            raise RuntimeError(
                f"test_request_context runs the pipeline of {self._app.name!r}, and it is in none."
                "\n\nBuild one: standard(app), or Pipeline().use(ContextMiddleware)….run(app)."
            )
        self._context = self._run(self._app.entry)
        self._context.resume()
        return self._context

    def pop(self, outcome: BaseException | None = None) -> None:
        """End the request: its teardown runs with ``outcome``."""
        if self._context is None:
            raise RuntimeError("This request was popped already, or never pushed.")
        context = self._context
        try:
            context.pop(outcome)
        finally:  # still pushed if it was not its turn: that can be put right
            self._context = context if context.is_pushed else None

    def _run(self, entry: Any) -> RequestContext:
        statuses: list[str] = []

        def start_response(status: str, headers: object, exc_info: object = None, /) -> Any:
            statuses.append(status)
            return lambda data: None

        try:
            body = prime(entry({**self._environ}, start_response))  # a layer may be a generator
        except Held as held:
            return held.context
        close_body(body)
        answer = statuses[-1] if statuses else "something"
        raise RuntimeError(
            f"A layer answered {answer!r} before the router of {self._app.name!r} was reached, so "
            "there is no request to hold.\n\nGive the request what that layer asks for, such as "
            "a host or a header."
        )

    def __enter__(self) -> RequestContext:
        return self.push()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.pop(error)


def hold_request(app: App, *args: Any, **kwargs: Any) -> HeldRequest:
    """Make a held request of werkzeug's ``EnvironBuilder`` arguments and the app's config."""
    if "base_url" not in kwargs:
        root = app.config["APPLICATION_ROOT"].rstrip("/")
        host = app.config["SERVER_NAME"] or "localhost"
        kwargs["base_url"] = f"{app.config['PREFERRED_URL_SCHEME']}://{host}{root}/"
    builder = EnvironBuilder(*args, **kwargs)
    try:
        return HeldRequest(app, builder.get_environ())
    finally:
        builder.close()
