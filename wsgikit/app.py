"""The inner router app, and what ``current_app`` points to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

from werkzeug.routing import MapAdapter

from .app_context import AppContext
from .blueprint import Blueprint, check_name
from .commands import Commands
from .config import DEFAULTS, Config
from .dispatch import dispatch
from .events import Events
from .held_request import HeldRequest, hold_request
from .lifespan import Lifespan
from .request_context import RequestContext
from .routing import Route, RuleMap, make_rule
from .run_once import RunOnce
from .scaffold import F, Scaffold
from .urls import UrlOptions, build_url
from .wrappers import Request, Response


class App(Scaffold, Events, Lifespan, Commands):
    """Routes requests to views; a WSGI app to be served through a pipeline.

    :param name: ``__name__`` of the module, which gives the root folder too, or any name.
    :param config: first values for ``app.config``, by upper-case key.
    :param fallback: a WSGI app that gets the requests that no route matches, so that a legacy app
        can be replaced route by route.
    :param template_folder: relative to the root folder.

    Around an app of another framework, an ``App`` without routes holds config, hooks and error
    handlers: ``standard(django_app, current_app=App("legacy"))``.
    """

    request_class: type[Request] = Request
    response_class: type[Response] = Response

    def __init__(
        self,
        name: str,
        *,
        config: Mapping[str, Any] | None = None,
        fallback: WSGIApplication | None = None,
        template_folder: str = "templates",
    ) -> None:
        Scaffold.__init__(self, name, name, template_folder)
        Events.__init__(self)
        Lifespan.__init__(self)
        Commands.__init__(self)
        self.config = Config(self.root_path, DEFAULTS)
        self.config.from_mapping(config)
        self.fallback = fallback
        self.url_map = RuleMap()
        self.view_functions: dict[str, Callable[..., Any]] = {}
        self.blueprints: dict[str, Blueprint] = {}
        self.extensions: dict[str, Any] = {}
        self.providers: dict[str, Any] = {}
        """The lazy providers of ``g``, as ``GMiddleware`` was given them."""
        self.teardown_appcontext_funcs: list[Callable[[BaseException | None], object]] = []
        self._has_subdomains = False
        self.chain: tuple[WSGIApplication, ...] = ()
        """The layers of the pipeline around this app, outermost first, and what they serve."""
        self.first_request = RunOnce()
        """What ``HooksMiddleware`` runs before the first request of the process."""

    @property
    def entry(self) -> WSGIApplication | None:
        """The outermost layer of the pipeline around this app."""
        return self.chain[0] if self.chain else None

    @cached_property
    def logger(self) -> logging.Logger:
        """The logger of the app's name."""
        return logging.getLogger(self.name)

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        **options: Any,
    ) -> None:
        """Route ``rule`` to ``view_func``. HEAD goes with GET; OPTIONS is answered by itself.

        :param endpoint: the name for ``url_for``; default the function's.
        :param options: ``methods`` and what ``werkzeug.routing.Rule`` takes.
        :raises ValueError: the endpoint has another view already, or there is none.
        :raises TypeError: ``methods`` is no list.
        """
        endpoint = endpoint or getattr(view_func, "__name__", None)
        if endpoint is None:
            raise ValueError(f"The rule {rule!r} has neither a view function nor an endpoint.")
        self._add_view(endpoint, view_func)
        self._has_subdomains = self._has_subdomains or bool(options.get("subdomain"))
        self.url_map.add(make_rule(rule, endpoint, view_func, options))

    def _add_view(self, endpoint: str, view_func: Callable[..., Any] | None) -> None:
        if view_func is None:
            return  # to be set in view_functions by hand
        if self.view_functions.setdefault(endpoint, view_func) is not view_func:
            raise ValueError(
                f"The endpoint {endpoint!r} has another view function already.\n\n"
                "Give the second one a name of its own: @app.route(…, endpoint='…')."
            )

    def register_blueprint(
        self, blueprint: Blueprint, *, url_prefix: str | None = None, name: str | None = None
    ) -> None:
        """Add a blueprint's routes, hooks and templates.

        :param url_prefix: instead of the blueprint's own.
        :param name: instead of the blueprint's own, to register it twice.
        :raises ValueError: a blueprint of that name is registered already.
        """
        prefix = blueprint.url_prefix if url_prefix is None else url_prefix
        blueprint.register(self, prefix, check_name(name or blueprint.name))

    def before_first_request(self, f: F) -> F:
        """Call ``f()`` once in each process, before its first request; again if it raises."""
        self.first_request.add(f)
        return f

    def teardown_appcontext(self, f: F) -> F:
        """Call ``f(outcome)`` when an application context ends, a request's or a script's."""
        self.teardown_appcontext_funcs.append(f)
        return f

    def url_for(
        self,
        endpoint: str,
        *,
        _anchor: str | None = None,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: Any,
    ) -> str:
        """:func:`wsgikit.url_for` for this app, whichever is the current one."""
        options = UrlOptions(_anchor, _method, _scheme, _external)
        return build_url(self, endpoint, values, options)

    def app_context(self) -> AppContext:
        """``current_app`` and ``g`` for a script or command: ``with app.app_context():``."""
        return AppContext(self)

    def request_context(self, environ: WSGIEnvironment) -> RequestContext:
        """The context of a bare environ, with no pipeline behind it, so without a session."""
        return RequestContext(self, environ)

    def test_request_context(self, *args: Any, **kwargs: Any) -> HeldRequest:
        """Hold a request at the router: the real pipeline has run up to it, no view has.

        The arguments are those of ``werkzeug.test.EnvironBuilder``: ``path``, ``method``,
        ``data``, ``json``, ``headers`` … ``with`` it, or call ``push()`` and ``pop()``.
        """
        return hold_request(self, *args, **kwargs)

    def make_request(self, environ: WSGIEnvironment, route: Route) -> Request:
        """Make the object behind ``request``, with the body limits of the config."""
        request = self.request_class(environ, route)
        request.max_content_length = self.config["MAX_CONTENT_LENGTH"]
        request.max_form_memory_size = self.config["MAX_FORM_MEMORY_SIZE"]
        request.max_form_parts = self.config["MAX_FORM_PARTS"]
        return request

    def create_url_adapter(self, environ: WSGIEnvironment | None) -> MapAdapter:
        """Bind the URL map to a request, or to ``SERVER_NAME`` outside one.

        :raises werkzeug.exceptions.BadHost: the Host header is not valid.
        """
        if environ is not None:
            domain = self.config["SERVER_NAME"] if self._has_subdomains else None
            return self.url_map.bind_request(environ, domain)
        return self.url_map.bind(
            self.config["SERVER_NAME"],
            script_name=self.config["APPLICATION_ROOT"],
            url_scheme=self.config["PREFERRED_URL_SCHEME"],
        )

    __call__ = dispatch

    def __repr__(self) -> str:
        return f"<App {self.name!r}>"


def find_app(layer: object) -> App | None:
    """Find the ``App`` that a chain of layers serves, or that its context layer was given."""
    seen: list[object] = []
    while layer is not None and not isinstance(layer, App):
        if any(layer is each for each in seen):
            return None
        seen.append(layer)
        layer = getattr(layer, "current_app", None) or getattr(layer, "app", None)
    return layer
