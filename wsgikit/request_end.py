"""The end of a request, in its order: report, teardowns, contexts popped, ``on_finish``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn
from wsgiref.types import WSGIEnvironment

from werkzeug.exceptions import HTTPException

from .closing import BodyEnd
from .environ import KEEP
from .error_report import propagates, report
from .errors import ClientDisconnected, ResponseAborted
from .lifecycle import Runner, raise_after, reraise, run_all
from .request_context import RequestContext


class RequestEnd(BodyEnd):
    """Told of the end of a request's body, or that it has none.

    :param context: the request's context.
    :param outer: that of the pipeline around this one, if there is one.
    :param run: calls whatever belongs to the request.

    Reads ``environ["wsgikit.keep"]``, and takes it out: it is not for a pipeline further inside.
    """

    __slots__ = ("_context", "_environ", "_keep", "_outer", "_run")

    def __init__(self, context: RequestContext, outer: RequestContext | None, run: Runner) -> None:
        self._context = context
        self._run = run
        self._keep = context.environ.pop(KEEP, None)
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

    def closed(self, outcome: BaseException | None) -> None:
        """End the request. An error of the view counts also where a handler made a page of it."""
        if outcome is None:
            self._close(self._context.outcome)
        else:  # reported here, because whoever is told may look at the request
            run_all((partial(self.failed, outcome), partial(self._close, self._real(outcome))))

    def _close(self, outcome: BaseException | None) -> None:
        outer = self._outer
        # This pipeline's client is not always that of the one around it, which sees its own go.
        fine = outcome is None or isinstance(outcome, (HTTPException, ClientDisconnected))
        if not fine and outer is not None and outer.outcome is None:
            outer.outcome = outcome  # or its providers would commit what failed in here
        self._unwind(outcome)

    def over(self) -> None:
        """Let go of what was reported, whose tracebacks lead back to the context."""
        self._context.reported = ()

    def raise_after_end(self, error: BaseException) -> NoReturn:
        """End a request that has no body, then raise ``error``, or what stands for it."""
        ends = partial(self.failed, error), partial(self._unwind, self._real(error))
        try:
            raise_after(error, run_all, ends)
        except BaseException as raised:
            reraise(self._for_server(raised))
        finally:
            self.over()
            del error, ends  # or its traceback would keep this frame, and the frame it

    def _for_server(self, error: BaseException) -> BaseException:
        instead = self.failed(error)
        # Before the headers have left, the server can still answer, if it is told of an error.
        return instead if self._context.has_written else error

    def _real(self, outcome: BaseException) -> BaseException:
        if outcome is self._context.disconnection:
            gone = ClientDisconnected("the client left while the app read or wrote")
            gone.__cause__ = outcome
            return gone
        if isinstance(outcome, ResponseAborted):  # of a pipeline inside this one
            return outcome.__cause__ or outcome
        return outcome

    def _unwind(self, outcome: BaseException | None) -> None:
        if self._keep is not None:
            keep, self._keep = self._keep, None
            keep(self._context, partial(self._run, self._end_kept, outcome))
            return
        try:
            self._context.unwind(outcome)
        except BaseException as error:
            self.failed(error)
            raise_after(error, self._tell_finished, error if outcome is None else outcome)
        self._tell_finished(outcome)

    def _end_kept(self, outcome: BaseException | None) -> None:
        try:
            self._unwind(outcome)
        except BaseException as error:
            reraise(self.failed(error))

    def _tell_finished(self, outcome: BaseException | None) -> None:
        functions: Any = self._context.app.on_finish_funcs
        try:
            run_all(functions, self._environ, outcome)
        finally:
            self._context.let_go()

    def abandoned(self) -> Callable[[], object]:
        """Warn, with the request's name, which is not known any more when it has ended."""
        message = f"{self._context!r}: its body was dropped without close(), so it ended late"
        return partial(warnings.warn, message, ResourceWarning, stacklevel=2, source=self)
