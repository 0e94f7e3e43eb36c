"""What the router found for one request, on ``werkzeug.routing``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple
from wsgiref.types import WSGIEnvironment

from werkzeug.exceptions import BadHost, HTTPException
from werkzeug.routing import Map, MapAdapter, RequestRedirect, Rule, RuleFactory
from werkzeug.sansio.utils import get_host


class Route(NamedTuple):
    """The rule and arguments that match a request, or the error that says why none does."""

    rule: Rule | None = None
    view_args: dict[str, Any] = {}  # noqa: RUF012 - a request that writes gets its own
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

    def with_own_args(self) -> Route:
        """The same for one request, whose hooks may write arguments for the view."""
        return self if self.view_args or self.rule is None else Route(self.rule, {})


NO_ROUTE = Route()
_SLASHES = re.compile("/{2,}")


class RuleMap(Map):
    """werkzeug's map of rules, in which a path without arguments is found by itself.

    The answers are those of ``werkzeug.routing.Map``.
    """

    def __init__(self) -> None:
        self._has_defaults = self._has_subdomains = self._has_redirects = False
        self._anywhere: MapAdapter
        self._static: list[Rule] = []
        self._by_path: dict[str, dict[str, Route]] | None = None
        super().__init__()

    @property
    def redirect_defaults(self) -> bool:
        """Whether there may be a redirect to a rule with defaults, or from an alias.

        To find none, werkzeug goes through all rules of the endpoint.
        """
        return self._redirects and self._has_defaults

    @redirect_defaults.setter
    def redirect_defaults(self, value: bool) -> None:
        self._redirects = value

    def add(self, rulefactory: RuleFactory) -> None:
        """Add a rule, or those of a factory."""
        for rule in rulefactory.get_rules(self):
            super().add(rule)
            self._has_defaults |= bool(rule.defaults or rule.alias)
            self._has_subdomains |= bool(rule.subdomain)
            self._has_redirects |= rule.redirect_to is not None
            if "<" not in rule.rule and not rule.build_only:
                self._static.append(rule)
            self._by_path = None

    def find(self, path: str, method: str) -> Route | None:
        """The route of a path, whatever the host, or None where the answer takes more than that.

        :param path: as it is in the environ (PEP 3333, "Unicode Issues").
        """
        by_path = self._by_path  # which another thread may set None meanwhile
        if by_path is None:
            self._anywhere = self.bind("localhost")
            by_path = self._by_path = self._routes_by_path()  # the last: other threads look for it
        by_method = by_path.get(path)
        if by_method is not None and method in by_method:
            return by_method[method]
        if self._depends_on_host() or self._has_redirects:
            return None  # a function that redirects is given the request's adapter
        try:
            rule, view_args = self._anywhere.match(_decode(path), method, True)
        except RequestRedirect:  # it names the host
            return None
        except HTTPException as error:
            return _failed(error)
        return Route(rule, dict(view_args))

    def _depends_on_host(self) -> bool:
        return self.host_matching or self._has_subdomains or bool(self.default_subdomain)

    def _routes_by_path(self) -> dict[str, dict[str, Route]]:
        if self._depends_on_host():
            return {}
        with_defaults = {rule.endpoint for rule in self.iter_rules() if rule.defaults}
        by_path: dict[str, dict[str, Route]] = {}
        for rule in self._static:
            routes = by_path.setdefault(_path_of(rule), {})
            for method in rule.methods or ():
                routes.setdefault(method, Route(rule))
        for rule in self._static:
            # werkzeug redirects from a rule to one whose defaults stand for the same values.
            if rule.endpoint in with_defaults or not _is_plain(rule):
                by_path.pop(_path_of(rule), None)
        return by_path

    def bind_request(self, environ: WSGIEnvironment, server_name: str | None) -> MapAdapter:
        """Bind the rules to a request, without the steps that few apps need.

        :param server_name: what the host may be a subdomain of.
        :raises werkzeug.exceptions.BadHost: the Host header is not valid.
        """
        scheme, host = environ["wsgi.url_scheme"], environ.get("HTTP_HOST")
        name = host_name(scheme, host) if host else ""
        if host and not name:
            raise BadHost
        if not name or server_name or self.host_matching or "HTTP_UPGRADE" in environ:
            return self.bind_to_environ(environ, server_name)
        path, method = _decode(environ.get("PATH_INFO", "/")), environ["REQUEST_METHOD"]
        root, query = _decode(environ.get("SCRIPT_NAME", "/")), environ.get("QUERY_STRING", "")
        return MapAdapter(self, name, root, "", scheme, path, method, _decode(query))


def _is_plain(rule: Rule) -> bool:
    if rule.websocket or rule.redirect_to is not None or rule.alias or rule.methods is None:
        return False
    # werkzeug looks for a path that starts with // as if it had one slash there.
    return rule.rule.isascii() and not _path_of(rule).startswith("//")


def _path_of(rule: Rule) -> str:
    return _SLASHES.sub("/", rule.rule) if rule.merge_slashes else rule.rule


@lru_cache(maxsize=128)  # of what clients send, which may be long
def host_name(scheme: str, host: str) -> str:
    """The name and port of a Host header, in lower-case ASCII; an empty text if it is not valid."""
    # werkzeug makes nothing of a host with foreign characters.
    name, colon, port = get_host(scheme, host).lower().partition(":")
    try:
        name = name.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return f"{name}{colon}{port}"


def _decode(text: str) -> str:
    """Text of an environ as what the bytes mean (PEP 3333, "Unicode Issues")."""
    return text if text.isascii() else text.encode("latin1").decode(errors="replace")


def match(url_adapter: Callable[[], MapAdapter]) -> Route:
    """Match one request. A 404, 405, bad host or redirect is the route's ``error``, not raised."""
    try:
        rule, view_args = url_adapter().match(return_rule=True)
    except HTTPException as error:
        return _failed(error)
    return Route(rule, dict(view_args))


def _failed(error: HTTPException) -> Route:
    error.__context__ = None  # its frames would keep the request
    return Route(error=error.with_traceback(None))


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
