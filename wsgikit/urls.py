"""``url_for``: from an endpoint to its URL, in a request or outside one."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from werkzeug.routing import MapAdapter

from .contexts import app_contexts, request_contexts
from .proxies import current_app

_ANCHOR_SAFE = "%!#$&'()*+,/:;=?@"


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
    adapter, in_request = _url_adapter()
    if endpoint.startswith("."):
        endpoint = _absolute(endpoint)
    external = _external if _external is not None else not in_request or _scheme is not None
    if _scheme is not None and not external:
        raise ValueError("_scheme needs an external URL: leave _external=False out.")
    url = adapter.build(
        endpoint, values, method=_method, url_scheme=_scheme, force_external=external
    )
    return url if _anchor is None else f"{url}#{quote(_anchor, safe=_ANCHOR_SAFE)}"


def _url_adapter() -> tuple[MapAdapter, bool]:
    request_context = request_contexts.top
    # An app context on top of it belongs to a script or another app: then its map counts.
    if request_context is not None and request_context.app_context is app_contexts.top:
        return request_context.url_adapter, True
    app = current_app._get_current_object()
    if app.config["SERVER_NAME"] is None:
        raise RuntimeError(
            "url_for outside a request cannot know the host.\n\n"
            "Set app.config['SERVER_NAME'] = 'example.org' (and PREFERRED_URL_SCHEME, "
            "APPLICATION_ROOT)."
        )
    return app.create_url_adapter(None), False


def _absolute(endpoint: str) -> str:
    context = request_contexts.top
    blueprints = context.route.blueprints if context is not None else []
    return f"{blueprints[0]}{endpoint}" if blueprints else endpoint[1:]
