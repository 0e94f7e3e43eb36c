"""The request context: one request, its session and its route, and an app context of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any
from wsgiref.types import WSGIEnvironment

from . import signals
from .app_context import AppContext
from .environ import CONTEXT, SESSION
from .lifecycle import raise_after, run_all
from .namespace import G
from .routed_context import RoutedContext
from .routing import Route
from .sessions import ReadOnlySession
from .stacks import contexts, request_contexts

if TYPE_CHECKING:
    from .app import App
    from .sessions import Session
    from .wrappers import Request, Response


_MAKING = RLock()
"""Held while an app context is made, which the threads of a request share."""

_ENDED = (
    "Working outside of request context: this request has ended.\n\n"
    "Read what you need before that. For a thread that may outlive the request, wrap its function "
    "in copy_current_request_context and pass it what it needs of the session."
)


def context_of(environ: WSGIEnvironment) -> RequestContext:
    """The context that ``ContextMiddleware`` left in ``environ``, for the layers inside it.

    :raises RuntimeError: there is none; the text says what to write.
    """
    try:
        return environ[CONTEXT]  # type: ignore[no-any-return]
    except KeyError:
        raise RuntimeError(
            "No request context in the environ: this layer stands outside ContextMiddleware, or "
            "there is none.\n\nWrap it in ContextMiddleware(…, current_app=app), or use standard()."
        ) from None


class RequestContext(RoutedContext):
    """One request: what ``request``, ``session`` and, by its own ``AppContext``, ``g`` point to.

    :param app: what ``current_app`` points to.
    :param environ: the WSGI environ. Nothing is made from it before it is asked for.
    """

    is_request = True
    answers_500 = False
    disconnection: OSError | None = None
    """The server's error when the app read from or wrote to a client that had left."""
    flashes: list[tuple[str, str]] | None = None
    has_written = False
    """Whether the app has sent a part of the body by ``write()``, and so the headers."""
    reported: tuple[BaseException, ...] = ()
    owes_nothing_now = False
    """Whether the response that is starting has passed the session layer."""
    reports_errors = False
    """Whether an ``ErrorMiddleware`` stands inside, so that unhandled errors are reported."""
    _holds = 0
    _source: RequestContext | None = None

    def __init__(self, app: App, environ: WSGIEnvironment, is_inner: bool = True) -> None:
        # One for each request: what only few of them need is set on the class.
        self.app = app
        self.environ = environ
        self.is_inner = is_inner
        self._method: str = environ.get("REQUEST_METHOD", "GET")
        self._root: str = environ.get("SCRIPT_NAME", "")
        self._path: str = environ.get("PATH_INFO", "")
        self._depth = 0
        self.has_ended = False
        self._app_context: AppContext | None = None
        self.g = G(app.providers)
        """This request's own namespace."""
        self._route: Route | None = None
        self._request: Request | None = None
        self.after_functions: list[Callable[[Response], Response | None]] = []
        self.hooked: Sequence[Any] | None = None
        """The scaffolds whose before_request hooks have run; None without HooksMiddleware."""
        self.outcome: BaseException | None = None
        """The exception of the view, also when an error handler has made a page of it."""

    @property
    def app_context(self) -> AppContext:
        """The app context that is pushed with the request, and popped after it."""
        if self._app_context is None:
            with _MAKING:
                self._app_context = self._app_context or self._make_app_context()
        return self._app_context

    def _make_app_context(self) -> AppContext:
        app_context = AppContext(self.app, self.g)
        app_context.has_ended = self.has_ended
        return app_context

    @property
    def request(self) -> Request:
        """The request, made at first use by ``app.request_class``.

        :raises RuntimeError: it has ended.
        """
        if self._request is None:
            self._check_not_ended()
            self._route = self.route.with_own_args()
            self._request = self.app.make_request(self._environ_as_sent(), self._route)
            self._request.environ = self.environ
        return self._request

    @property
    def session(self) -> Session:
        """The session that ``SessionMiddleware`` left in the environ.

        :raises RuntimeError: there is none, or it has ended; the text says what to write.
        """
        self._check_not_ended()
        session: Session | None = self.environ.get(SESSION)
        if session is None:
            raise RuntimeError(
                "No session in this request: SessionMiddleware is not in the chain, or stands "
                "inside the layer that asked.\n\nPut it right after the ErrorMiddleware: "
                "Pipeline().use(ContextMiddleware).use(ErrorMiddleware)"
                ".use(SessionMiddleware, secret_key=…)"
            )
        return session

    @property
    def environ_for_response(self) -> WSGIEnvironment:
        """The environ to answer with, also where the app has cleared it (PEP 3333 lets it)."""
        self.environ.setdefault("REQUEST_METHOD", self._method)
        return self.environ

    def _check_not_ended(self) -> None:
        if self.has_ended:
            raise RuntimeError(_ENDED)

    def _move(self, root: str, path: str) -> None:
        super()._move(root, path)
        if self._request is not None:
            self._request.route = self._route = self.route.with_own_args()

    def copy(self) -> RequestContext:
        """A context for another thread: the same request, a ``g`` of its own, the session to read.

        The request's teardown stays with the original; the copy ends with its own ``g``.

        :raises RuntimeError: the request has ended.
        """
        request = self.request
        environ = dict(self.environ)
        twin = RequestContext(self.app, environ, is_inner=self.is_inner)
        twin._source = source = self._source or self
        if self._source is None and SESSION in environ:
            environ[SESSION] = ReadOnlySession(environ[SESSION], lambda: source.has_ended)
        twin._root, twin._path = self._root, self._path
        twin.g.provide(self.g._provided)
        twin._request, twin._route, twin.flashes = request, self.route, self.flashes
        return twin

    def _take_off(self, outcome: BaseException | None) -> None:
        if self._depth > 1:
            super()._take_off(outcome)
            signals.send(signals.appcontext_popped, self.app)
            return
        app_context = self.app_context
        try:
            super()._take_off(outcome)
        except BaseException as error:
            raise_after(error, _end_alone, app_context, outcome)
        _end_alone(app_context, outcome)

    def unwind(self, outcome: BaseException | None = None) -> None:
        """Pop this context, and first whatever the app pushed above it and forgot.

        Does nothing where the app has popped it already.
        """
        if self.is_on_top and self._depth == self._holds + 1:
            self._take_off(outcome)
        else:
            run_all(self._pops(), outcome)

    def _pops(self) -> Iterator[Callable[[BaseException | None], None]]:
        while self._depth > self._holds:
            pushed = contexts.get()
            yield (pushed[-1] if pushed else self).pop
            if not pushed:  # closed where it was never pushed: that has been said
                return

    def hold(self) -> None:
        """Let this context outlive its next pop, until :meth:`resume` and one pop more."""
        self._holds = 1
        self._depth += 1

    def resume(self) -> None:
        """Make a held context current here, for instance in a test."""
        self._holds = 0
        request_contexts.push(self)
        signals.send(signals.appcontext_pushed, self.app)

    def _tear_down(self, outcome: BaseException | None) -> None:
        if self._source is not None:
            return
        try:
            if self._request is not None or self._has_teardowns():
                functions = self._teardown_funcs()
                run_all((*functions, self._send_tearing_down, self._close_request), outcome)
        finally:
            self._break_cycles()

    def _has_teardowns(self) -> bool:
        app = self.app
        return bool(
            app.teardown_request_funcs
            or (app.blueprints and self._teardown_funcs())
            or signals.request_tearing_down.receivers
        )

    def _teardown_funcs(self) -> list[Callable[[BaseException | None], object]]:
        scaffolds = self.scaffolds if self._route is not None else (self.app,)
        # Also those whose hooks had run before the router found another route.
        scaffolds = tuple(dict.fromkeys([*scaffolds, *(self.hooked or ())]))
        functions = [f for each in scaffolds for f in each.teardown_request_funcs]
        return functions[::-1]

    def _break_cycles(self) -> None:
        """Or all of this request would wait for the garbage collector."""
        if self.environ.get(CONTEXT) is self:
            del self.environ[CONTEXT]
        self.outcome = None
        self._request = None
        if self._route is not None and self._route.error is not None:
            self._route.error.__traceback__ = None

    def _send_tearing_down(self, outcome: BaseException | None) -> None:
        signals.send(signals.request_tearing_down, self.app, exc=outcome)

    def _close_request(self, outcome: BaseException | None) -> None:
        if self._request is not None:
            self._request.close()

    def __repr__(self) -> str:
        method, path = self.environ.get("REQUEST_METHOD"), self.environ.get("PATH_INFO")
        endpoint = self._route.endpoint if self._route is not None else None
        named = f", endpoint {endpoint!r}" if endpoint is not None else ""
        return f"<RequestContext of {self.app.name!r}: {method} {path!r}{named}>"


def _end_alone(app_context: AppContext, outcome: BaseException | None) -> None:
    """Pop the app context of a request that has been popped already."""
    app_context._depth = 1
    contexts.set([*contexts.get(), app_context])
    app_context.pop(outcome)
