"""The end of a request, in its order: report, teardowns, contexts popped, ``on_finish``."""

from __future__ import annotations

from typing import Any, NoReturn
from wsgiref.types import WSGIEnvironment

from werkzeug.exceptions import HTTPException

from .error_report import propagates, report
from .errors import ClientDisconnected, ResponseAborted
from .lifecycle import raise_after, reraise, run_all
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

    def failed(self, error: BaseException) -> BaseException:
        """Report ``error``, which goes on to the server, and return what to raise in its place."""
        context = self._context
        if not isinstance(error, Exception) or isinstance(error, ResponseAborted):
            return error
        if not context.reports_errors or error is context.disconnection:
            return error
        report(context, self._environ, error)
        return error if propagates(context) else ResponseAborted(error)

    def __call__(self, outcome: BaseException | None) -> None:
        """End the request. An error of the view counts also where a handler made a page of it."""
        if outcome is None:
            outcome = self._context.outcome
        else:
            self.failed(outcome)  # here, because whoever is told may look at the request
            outcome = self._real(outcome)
        failed = outcome is not None and not isinstance(outcome, HTTPException)
        if failed and self._outer is not None and self._outer.outcome is None:
            self._outer.outcome = outcome  # or its providers would commit what failed in here
        self._unwind(outcome)

    def raise_after_end(self, error: BaseException) -> NoReturn:
        """End a request that has no body, then raise ``error``, or what stands for it."""
        self.failed(error)
        try:
            raise_after(error, self._unwind, self._real(error))
        except BaseException as raised:
            reraise(self.failed(raised))
        finally:
            del error  # or its traceback would keep this frame, and the frame it

    def _real(self, outcome: BaseException) -> BaseException:
        if outcome is self._context.disconnection:
            gone = ClientDisconnected("the client left while the app was writing")
            gone.__cause__ = outcome
            return gone
        if isinstance(outcome, ResponseAborted):  # of a pipeline inside this one
            return outcome.__cause__ or outcome
        return outcome

    def _unwind(self, outcome: BaseException | None) -> None:
        try:
            self._context.unwind(outcome)
        except BaseException as error:
            raise_after(error, self._tell_finished, error if outcome is None else outcome)
        self._tell_finished(outcome)

    def _tell_finished(self, outcome: BaseException | None) -> None:
        functions: Any = self._context.app.on_finish_funcs
        try:
            run_all(functions, self._environ, outcome)
        finally:
            self._context.let_go()

    def __repr__(self) -> str:
        return repr(self._context)
