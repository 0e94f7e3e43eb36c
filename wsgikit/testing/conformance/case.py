"""One case of the battery, and how it fails."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass

from .bench import Bench, Middleware
from .violation import Rule, Violation

Scenario = Callable[[Bench], None]


class ConformanceError(AssertionError):
    """The text says what the middleware did, what it must do instead, and where that is written."""


@dataclass(frozen=True)
class Case:
    """What one hostile app, client or server asks of a middleware."""

    topic: str
    """What it is about, such as ``bodies``."""
    title: str
    """Its own name within the topic, such as ``generator``."""
    rule: Rule
    lint: bool
    """Whether it is run a second time, with ``wsgiref.validate.validator`` on both sides."""
    scenario: Scenario

    def check(
        self,
        middleware: Middleware,
        /,
        *,
        answers_errors: bool = False,
        rewrites_body: bool = False,
    ) -> None:
        """Run the middleware around this case's apps.

        :param middleware: makes a WSGI app of a WSGI app: a class, or a function that calls one
            with options.
        :param answers_errors: an ``Exception`` before the first chunk becomes a 5xx response
            instead of reaching the server, as an error layer does; a later one reaches it, but
            may be the cause of another. Default: each reaches it as it is.
        :param rewrites_body: the chunks, their number and Content-Length may differ from what
            the app made, as a compressor's do. Default: they are the app's.
        :raises ConformanceError: the middleware broke the rule.

        The request runs in a copy of the caller's ``contextvars.Context``.
        """
        for lint in (False, True) if self.lint else (False,):
            bench = Bench(
                middleware, answers_errors=answers_errors, rewrites_body=rewrites_body, lint=lint
            )
            try:
                copy_context().run(self._run, bench)
            except Violation as violation:
                text = self._text(str(violation), violation.rule or self.rule, lint=lint)
                raise ConformanceError(text) from violation
            except Exception as error:
                text = self._text(f"raised {error!r}", self.rule, lint=lint)
                raise ConformanceError(text) from error

    def _run(self, bench: Bench) -> None:
        try:
            self.scenario(bench)
            bench.expect_closed()
        finally:
            bench.end()

    def _text(self, did: str, rule: Rule, *, lint: bool) -> str:
        where = " (between two of wsgiref's validators)" if lint else ""
        return f"{self}{where}: the middleware {did}.\n\n{rule.text}\nSee {rule.reference}."

    def __str__(self) -> str:
        return f"{self.topic}.{self.title}"


def case(reference: str, *, lint: bool = True) -> Callable[[Scenario], Case]:
    """Make a case of a scenario, whose docstring is the rule.

    :param lint: False where the app, the client or the server does what validators forbid, or
        where they would hide what the case looks at.
    """

    def make(scenario: Scenario) -> Case:
        topic = scenario.__module__.rpartition(".")[2]
        text = " ".join((inspect.getdoc(scenario) or "").split())
        return Case(topic, scenario.__name__, Rule(text, reference), lint, scenario)

    return make
