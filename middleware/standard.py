"""The standard chain, configured from an app's config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from wsgiref.types import WSGIApplication

from wsgikit.app import App
from wsgikit.config import Config
from wsgikit.errors import ConfigurationError
from wsgikit.pipeline import Pipeline

from .context import ContextMiddleware
from .error import ErrorMiddleware
from .g import GMiddleware
from .hooks import HooksMiddleware
from .session import SessionMiddleware

_SESSION_KEYS = {
    "secret_key": "SECRET_KEY",
    "secret_key_fallbacks": "SECRET_KEY_FALLBACKS",
    "cookie_name": "SESSION_COOKIE_NAME",
    "max_age": "PERMANENT_SESSION_LIFETIME",
    "refresh_interval": "SESSION_REFRESH_INTERVAL",
    "path": "SESSION_COOKIE_PATH",
    "domain": "SESSION_COOKIE_DOMAIN",
    "secure": "SESSION_COOKIE_SECURE",
    "http_only": "SESSION_COOKIE_HTTPONLY",
    "same_site": "SESSION_COOKIE_SAMESITE",
    "partitioned": "SESSION_COOKIE_PARTITIONED",
    "oversize": "SESSION_OVERSIZE",
    "max_chunks": "SESSION_MAX_CHUNKS",
    "encrypted": "SESSION_COOKIE_ENCRYPTED",
    "store": "SESSION_STORE",
    "conflict": "SESSION_CONFLICT",
    "absolute_lifetime": "SESSION_ABSOLUTE_LIFETIME",
    "grace": "SESSION_GRACE",
    "max_per_user": "SESSION_MAX_PER_USER",
    "outage": "SESSION_OUTAGE",
    "readers": "SESSION_READERS",
}


def standard(
    app: WSGIApplication,
    /,
    *,
    current_app: App | None = None,
    g: Mapping[str, Any] | None = None,
    debug: bool | None = None,
    **session: Any,
) -> WSGIApplication:
    """Put the standard chain around ``app``: context, error, session, g, hooks.

    :param app: an ``App``, or a WSGI app of any other framework.
    :param current_app: for another framework's app: an ``App`` with config and hooks.
    :param g: providers by name; see ``GMiddleware``.
    :param debug: instead of ``config["DEBUG"]``; see ``ErrorMiddleware``.
    :param session: options of ``SessionMiddleware``, each instead of its config key, such as
        ``secret_key`` instead of ``config["SECRET_KEY"]``.
    :raises ConfigurationError: there is no ``App``, no secret key, or an option is wrong.

    The config is read here, once.
    """
    return standard_pipeline(app, current_app=current_app, g=g, debug=debug, **session).run(app)


def standard_pipeline(
    app: WSGIApplication,
    /,
    *,
    current_app: App | None = None,
    g: Mapping[str, Any] | None = None,
    debug: bool | None = None,
    **session: Any,
) -> Pipeline:
    """The standard chain before it is run, to insert, replace or take out layers.

    The arguments are those of :func:`standard`; call ``.run(app)`` on the result.
    """
    current_app = _current_app(app, current_app)
    config = current_app.config
    return (
        Pipeline()
        .use(ContextMiddleware, current_app=current_app)
        .use(ErrorMiddleware, debug=config["DEBUG"] if debug is None else debug)
        .use(SessionMiddleware, **{**session_options(config), **session})
        .use(GMiddleware, **(g or {}))
        .use(HooksMiddleware)
    )


def session_options(config: Config) -> dict[str, Any]:
    """What the config says of sessions, for ``SessionMiddleware`` in a pipeline of your own.

    >>> Pipeline().use(ContextMiddleware).use(SessionMiddleware, **session_options(app.config))
    """
    options = {option: config[key] for option, key in _SESSION_KEYS.items()}
    options["path"] = options["path"] or config["APPLICATION_ROOT"]
    return options


def _current_app(app: WSGIApplication, current_app: App | None) -> App:
    if isinstance(app, App):
        if current_app not in (None, app):
            raise ConfigurationError(
                "current_app is another App than the one that is served.\n\nLeave it out: an App "
                "is its own current_app."
            )
        return app
    if current_app is None:
        raise ConfigurationError(
            f"{app!r} is no App, so current_app has nothing to point to.\n\n"
            "Give an App for config and hooks: standard(app, current_app=App('legacy'), "
            "secret_key=…)."
        )
    return current_app
