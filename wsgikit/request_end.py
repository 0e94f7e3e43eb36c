"""The end of a request, in its order: report, teardowns, contexts popped, ``on_finish``."""

from __future__ import annotations

from typing import Any
from wsgiref.types import WSGIEnvironment

from werkzeug.exceptions import HTTPException

from .error_report import report
from .errors import ClientDisconnected
from .lifecycle import raise_after, run_all
from .request_context import RequestContext


class RequestEnd:
    """Called with the outcome when the body of a request has been closed.

    :param context: the request's context.
    :param outer: that of the pipeline around this one, if there is one.

    Its repr names the request, for the warning about a body that was never closed.
    """

    __slots__ = ("_context", "_environ", "_outer")

    def __init__(self, context: RequestContext, outer: RequestContext | None) -> None:
        self._context = context
        self._environ: WSGIEnvironment = context.environ
        self._outer = outer

    def sent(self) -> None:
        """Tell the ``on_sent`` listeners."""
        run_all(self._context.app.on_sent_funcs, self._environ)

    def __call__(self, outcome: BaseException | None) -> None:
        """End the request. An error of the view counts also where a handler made a page of it."""
        if outcome is None:
            outcome = self._context.outcome
        else:
            outcome = self._named(outcome)
            self._report(outcome)
        failed = outcome is not None and not isinstance(outcome, HTTPException)
        if failed and self._outer is not None and self._outer.outcome is None:
            self._outer.outcome = outcome  # or its providers would commit what failed in here
        self._unwind(outcome)

    def raised(self, error: BaseException) -> None:
        """End a request of which ``error`` goes on to the layers outside, with no body."""
        outcome = self._named(error)
        self._report(outcome)
        self._unwind(outcome)

    def _named(self, error: BaseException) -> BaseException:
        if error is not self._context.disconnection:
            return error
        gone = ClientDisconnected("the client left while the app was writing")
        gone.__cause__ = error
        return gone

    def _unwind(self, outcome: BaseException | None) -> None:
        try:
            self._context.unwind(outcome)
        except BaseException as error:
            self._report(error)
            raise_after(error, self._tell_finished, error if outcome is None else outcome)
        self._tell_finished(outcome)

    def _tell_finished(self, outcome: BaseException | None) -> None:
        functions: Any = self._context.app.on_finish_funcs
        try:
            run_all(functions, self._environ, outcome)
        except BaseException as error:
            self._report(error)
            raise

    def _report(self, error: BaseException) -> None:
        if self._context.reports_errors and isinstance(error, Exception):
            report(self._context, self._environ, error)

    def __repr__(self) -> str:
        return repr(self._context)
