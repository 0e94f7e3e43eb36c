"""``url_for``: from an endpoint to its URL, in a request or outside one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from werkzeug.exceptions import BadHost
from werkzeug.routing import MapAdapter

from .proxies import current_app
from .request_context import RequestContext
from .stacks import request_contexts

if TYPE_CHECKING:
    from .app import App

_ANCHOR_SAFE = "%!#$&'()*+,/:;=?@"


class UrlOptions(NamedTuple):
    """The underscored arguments of ``url_for``."""

    anchor: str | None
    method: str | None
    scheme: str | None
    external: bool | None


def url_for(
    endpoint: str,
    *,
    _anchor: str | None = None,
    _method: str | None = None,
    _scheme: str | None = None,
    _external: bool | None = None,
    **values: Any,
) -> str:
    """Return the URL of ``endpoint``; values that its rule does not name go into the query.

    :param endpoint: the view's name; ``.name`` means one in the current request's blueprint.
    :param _anchor: goes after ``#``.
    :param _method: chooses among rules of one endpoint.
    :param _scheme: ``"https"``; implies ``_external``.
    :param _external: with scheme and host. Default: outside a request only.
    :raises werkzeug.routing.BuildError: no rule fits endpoint and values.
    :raises RuntimeError: outside a request, and ``SERVER_NAME`` is not set.
    """
    options = UrlOptions(_anchor, _method, _scheme, _external)
    return build_url(current_app._get_current_object(), endpoint, values, options)


def build_url(app: App, endpoint: str, values: dict[str, Any], options: UrlOptions) -> str:
    """Build a URL of ``app``: as seen from the current request, where that is the app's own."""
    context = _request_of(app)
    external = options.external
    if external is None:
        external = context is None or options.scheme is not None
    if options.scheme is not None and not external:
        raise ValueError("_scheme needs an external URL: leave _external=False out.")
    adapter = _adapter_without_request(app) if context is None else _adapter_of(context)
    url = adapter.build(
        _absolute(endpoint, context),
        values,
        method=options.method,
        url_scheme=options.scheme,
        force_external=external,
    )
    return url if options.anchor is None else f"{url}#{quote(options.anchor, safe=_ANCHOR_SAFE)}"


def _request_of(app: App) -> RequestContext | None:
    context = request_contexts.top
    # An app context on top of it belongs to a script or another app: then its map counts.
    if context is None or context.app is not app or not context.is_on_top or context.has_ended:
        return None
    return context


def _adapter_of(context: RequestContext) -> MapAdapter:
    try:
        return context.url_adapter
    except BadHost:  # the error page of a bad host has links, too
        environ = {**context.environ, "HTTP_HOST": context.app.config["SERVER_NAME"] or "localhost"}
        return context.app.create_url_adapter(environ)


def _adapter_without_request(app: App) -> MapAdapter:
    if app.config["SERVER_NAME"] is None:
        raise RuntimeError(
            "url_for outside a request cannot know the host.\n\n"
            "Set app.config['SERVER_NAME'] = 'example.org' (and PREFERRED_URL_SCHEME, "
            "APPLICATION_ROOT)."
        )
    return app.create_url_adapter(None)


def _absolute(endpoint: str, context: RequestContext | None) -> str:
    if not endpoint.startswith("."):
        return endpoint
    blueprints = context.route.blueprints if context is not None else []
    return f"{blueprints[0]}{endpoint}" if blueprints else endpoint[1:]
