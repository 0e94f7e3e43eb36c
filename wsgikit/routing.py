"""What the router found for one request, on ``werkzeug.routing``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, Rule


class Route(NamedTuple):
    """The rule and arguments that match a request, or the error that says why none does."""

    rule: Rule | None = None
    view_args: dict[str, Any] = {}  # noqa: RUF012 - never written to: views get a copy by **
    error: HTTPException | None = None

    @property
    def endpoint(self) -> str | None:
        """The name of the matched view: ``"index"``, or ``"blog.index"`` in a blueprint."""
        return self.rule.endpoint if self.rule is not None else None

    @property
    def blueprints(self) -> list[str]:
        """The names of the blueprints around the view, innermost first, as in Flask."""
        name, names = self.endpoint or "", []
        while "." in name:
            name = name.rpartition(".")[0]
            names.append(name)
        return names


NO_ROUTE = Route()


def match(url_adapter: Callable[[], MapAdapter]) -> Route:
    """Match one request. A 404, 405, bad host or redirect is the route's ``error``, not raised."""
    try:
        rule, view_args = url_adapter().match(return_rule=True)
    except HTTPException as error:
        error.__context__ = None  # its frames would keep the request
        return Route(error=error.with_traceback(None))
    return Route(rule, dict(view_args))


def make_rule(
    path: str, endpoint: str, view_func: Callable[..., Any] | None, options: dict[str, Any]
) -> Rule:
    """Make a rule that takes OPTIONS too; ``provide_automatic_options`` says who answers that.

    :raises TypeError: ``methods`` is no list.
    """
    given = options.pop("methods", None) or getattr(view_func, "methods", None) or ["GET"]
    if isinstance(given, str):
        raise TypeError(f"methods={given!r} is no list.\n\nWrite methods=[{given!r}].")
    methods = {method.upper() for method in given}
    rule = Rule(path, endpoint=endpoint, methods=methods | {"OPTIONS"}, **options)
    rule.provide_automatic_options = "OPTIONS" not in methods  # type: ignore[attr-defined]
    return rule
