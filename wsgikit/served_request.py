"""A request in a pipeline: its context, and all that passes between the chain and the server.

The end of a request has an order: report, teardowns, contexts popped, ``on_finish``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NoReturn
from wsgiref.types import StartResponse

from werkzeug.datastructures import Headers
from werkzeug.exceptions import ClientDisconnected as RequestCut
from werkzeug.exceptions import HTTPException

from . import signals
from .closing import BodyEnd
from .environ import CLIENT_LEFT, RULE
from .error_report import propagates, report
from .errors import ClientDisconnected, ResponseAborted
from .lifecycle import Headers as HeaderList
from .lifecycle import raise_after, reraise, run_all
from .request_context import RequestContext
from .stacks import contexts
from .vary import add_vary, keep_cookie_private


class ServedRequest(RequestContext, BodyEnd):
    """The context that ``ContextMiddleware`` makes. It ends when it is told so by the body.

    PEP 3333's ``write()`` is the one place where the server's error comes up through the app: it is
    noted, so that nobody takes it for a fault of the app.
    """

    server_start: StartResponse
    """The server's own ``start_response``."""
    outer: ServedRequest | None
    """That of the pipeline around this one, if there is one."""
    keep: Callable[[Callable[[], object]], object] | None
    """Takes the end of the request, to call it when it likes."""
    owed_headers: Mapping[object, HeaderList] = MappingProxyType({})
    """By session layer, what a response needs also when it is an error's page."""
    _write: Callable[[bytes], object]

    def owe(self, source: object, headers: HeaderList) -> None:
        """Have ``headers``, which are cookies, go with a response that does not pass ``source``."""
        self.owed_headers = {**self.owed_headers, source: headers}

    def start_response(
        self, status: str, headers: HeaderList, exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        """What the layers inside get: ``on_commit`` listeners may change the headers here."""
        if self.owed_headers:
            headers = self._with_owed(headers)
        if self.app.on_commit_funcs:
            headers = self._committed(status, headers, exc_info)
        if exc_info is None:
            self._write = self.server_start(status, headers)
        else:
            self._write = self.server_start(status, headers, exc_info)
        return self.write

    def _with_owed(self, headers: HeaderList) -> HeaderList:
        if self.owes_nothing_now:
            self.owes_nothing_now = False
            return headers
        owed = [header for each in self.owed_headers.values() for header in each]
        headers = [*headers, *owed]
        if owed:
            keep_cookie_private(headers)
            add_vary(headers, "Cookie")
        return headers

    def _committed(self, status: str, headers: HeaderList, exc_info: Any) -> HeaderList:
        changed = Headers(headers)
        for function in self.app.on_commit_funcs:
            try:
                function(self.environ, status, changed)
            except Exception:
                if exc_info is None:
                    raise
                self.app.logger.exception("An on_commit listener failed for an error's response")
        return changed.to_wsgi_list()

    def write(self, data: bytes) -> object:
        """PEP 3333, "The write() Callable"."""
        self.has_written = True
        try:
            return self._write(data)
        except OSError as error:
            self.disconnection = error
            raise

    def ends_quietly(self) -> bool:
        """End here and now, if nobody is to be told of it and nothing is to be closed."""
        app = self.app
        if (
            self._request is not None
            or self.outcome is not None
            or self.keep is not None
            or self._depth != 1
            or contexts.get()[-1] is not self  # the app has pushed another one, and forgotten it
            or app.on_sent_funcs
            or app.on_finish_funcs
            or app.teardown_appcontext_funcs
            or self._has_teardowns()
            or signals.appcontext_tearing_down.receivers
            or signals.appcontext_popped.receivers
            or not self.g.ends_quietly()
        ):
            return False
        self.has_ended = True
        if self._app_context is not None:
            self._app_context.has_ended = True
        self._break_cycles()
        self._let_go()
        return True

    def sent(self) -> None:
        """Tell the ``on_sent`` listeners."""
        if self.app.on_sent_funcs:
            run_all(self.app.on_sent_funcs, self.environ)

    def failed(self, error: BaseException) -> BaseException:
        """Report ``error``, which goes on to the server, and return what to raise in its place."""
        if not isinstance(error, Exception) or isinstance(error, ResponseAborted):
            return error
        if not self.reports_errors or error is self.disconnection:
            return error
        report(self, self.environ, error)
        return error if propagates(self) else ResponseAborted(error)

    def closed(self, outcome: BaseException | None) -> None:
        """End the request. An error of the view counts also where a handler made a page of it."""
        if outcome is None:
            if not self.ends_quietly():
                self._finish(self.outcome)
        else:  # reported here, because whoever is told may look at the request
            run_all((partial(self.failed, outcome), partial(self._finish, self._real(outcome))))

    def _finish(self, outcome: BaseException | None) -> None:
        if outcome is not None:
            self._leave_word(outcome)
            if self.outer is not None:
                self._tell_outer(self.outer, outcome)
        self._unwind(outcome)

    def _leave_word(self, outcome: BaseException) -> None:
        """For the layers outside, which hear of the end when nothing is known here any more."""
        self.environ[RULE] = self.rule
        if self.disconnection is not None or isinstance(outcome, RequestCut):
            self.environ[CLIENT_LEFT] = True

    def _tell_outer(self, outer: ServedRequest, outcome: BaseException) -> None:
        # This pipeline's client is not always that of the one around it, which sees its own go.
        if outer.outcome is None and not isinstance(outcome, (HTTPException, ClientDisconnected)):
            outer.outcome = outcome  # or its providers would commit what failed in here

    def _let_go(self) -> None:
        """Keep nothing of a request that has ended: a task that outlives it may hold this."""
        self.environ = {}
        self.server_start = self._write = _refuse  # the server's own lead to the connection
        self.outer = None

    def over(self) -> None:
        """Let go of the environ, and of what was reported: its tracebacks lead back to here."""
        self.reported = ()
        if self.has_ended:
            self._let_go()

    def raise_after_end(self, error: BaseException) -> NoReturn:
        """End a request that has no body, then raise ``error``, or what stands for it."""
        outcome = self._real(error)
        ends = (
            partial(self.failed, error),
            partial(self._leave_word, outcome),
            partial(self._unwind, outcome),
        )
        try:
            raise_after(error, run_all, ends)
        except BaseException as raised:
            reraise(self._for_server(raised))
        finally:
            self.over()
            del error, outcome, ends  # or its traceback would keep this frame, and the frame it

    def _for_server(self, error: BaseException) -> BaseException:
        instead = self.failed(error)
        # Before the headers have left, the server can still answer, if it is told of an error.
        return instead if self.has_written else error

    def _real(self, outcome: BaseException) -> BaseException:
        if outcome is self.disconnection and not isinstance(outcome, ClientDisconnected):
            gone = ClientDisconnected("the client left while the app read or wrote")
            gone.__cause__ = outcome
            return gone
        if isinstance(outcome, ResponseAborted):  # of a pipeline inside this one
            return outcome.__cause__ or outcome
        return outcome

    def _unwind(self, outcome: BaseException | None) -> None:
        if self.keep is not None:
            keep, self.keep = self.keep, None
            keep(partial(self._end_kept, outcome))
            return
        try:
            self.unwind(outcome)
        except BaseException as error:
            self.failed(error)
            raise_after(error, self._tell_finished, error if outcome is None else outcome)
        self._tell_finished(outcome)

    def _end_kept(self, outcome: BaseException | None) -> None:
        try:
            self._unwind(outcome)
        except BaseException as error:
            reraise(self.failed(error))
        finally:
            self.over()

    def _tell_finished(self, outcome: BaseException | None) -> None:
        functions: Any = self.app.on_finish_funcs
        if functions:
            run_all(functions, self.environ, outcome)

    def abandoned(self) -> Callable[[], object]:
        """Warn, with the request's name, which is not known any more when it has ended."""
        message = f"{self!r}: its body was dropped without close(), so it ended late"
        return partial(warnings.warn, message, ResourceWarning, stacklevel=2, source=self)


def _refuse(*args: Any) -> NoReturn:
    raise RuntimeError("start_response, or its write(), was called after the request's end")
