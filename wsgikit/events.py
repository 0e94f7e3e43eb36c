"""The three moments of a response that an app can listen to, whichever app inside makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from wsgiref.types import WSGIEnvironment

from werkzeug.datastructures import Headers

OnCommit = TypeVar("OnCommit", bound="Callable[[WSGIEnvironment, str, Headers], Any]")
OnSent = TypeVar("OnSent", bound="Callable[[WSGIEnvironment], Any]")
OnFinish = TypeVar("OnFinish", bound="Callable[[WSGIEnvironment, BaseException | None], Any]")


class Events:
    """Listeners of every response that passes the ``ContextMiddleware``, error pages included.

    Hooks belong to views; these are one floor lower, so each gets the environ. They are called in
    the order in which they were registered.
    """

    def __init__(self) -> None:
        self.on_commit_funcs: list[Callable[[WSGIEnvironment, str, Headers], Any]] = []
        self.on_sent_funcs: list[Callable[[WSGIEnvironment], Any]] = []
        self.on_finish_funcs: list[Callable[[WSGIEnvironment, BaseException | None], Any]] = []

    def on_commit(self, f: OnCommit) -> OnCommit:
        """Call ``f(environ, status, headers)`` when the headers are about to leave.

        ``headers`` is a werkzeug ``Headers`` that ``f`` may change. Called again, for the new
        headers, when an error's response replaces one that was not sent yet; an ``f`` that fails
        there is logged.
        """
        self.on_commit_funcs.append(f)
        return f

    def on_sent(self, f: OnSent) -> OnSent:
        """Call ``f(environ)`` when the server has taken the whole response, ahead of teardown.

        Not called when the client left or the body broke. An error of ``f`` is the outcome.
        """
        self.on_sent_funcs.append(f)
        return f

    def on_finish(self, f: OnFinish) -> OnFinish:
        """Call ``f(environ, outcome)`` when all is over: teardowns run, contexts popped.

        The outcome is the exception of the view, of the body, of its ``close`` or of a teardown,
        a ``ClientDisconnected``, or None. Called once for each request, whatever raised.
        """
        self.on_finish_funcs.append(f)
        return f
