"""``current_app``, ``g``, ``request`` and ``session``: what is current in this thread or task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from werkzeug.local import LocalProxy

from .stacks import app_contexts, request_contexts

if TYPE_CHECKING:
    from .app import App
    from .namespace import G
    from .sessions import Session
    from .wrappers import Request

    T_co = TypeVar("T_co", covariant=True)

    class Proxied(Protocol[T_co]):
        """What every proxy has beside the attributes of its object."""

        def _get_current_object(self) -> T_co: ...

    class AppProxy(Proxied[App], App): ...

    class GProxy(Proxied[G], G): ...

    class RequestProxy(Proxied[Request], Request): ...

    class SessionProxy(Proxied[Session], Session): ...


_NO_APP = (
    "Working outside of application context.\n\n"
    "This needs a current app. In a script or a command write 'with app.app_context():'; in a "
    "request, serve the app through ContextMiddleware, which standard(app) puts outermost."
)
_NO_REQUEST = (
    "Working outside of request context.\n\n"
    "This needs a request. In a test write 'with app.test_request_context():'; in another thread, "
    "wrap the function in copy_current_request_context; in a WSGI app, serve it through "
    "ContextMiddleware, which standard(app) puts outermost."
)

current_app = cast("AppProxy", app_contexts("app", unbound_message=_NO_APP))
"""The :class:`~wsgikit.App` that serves this request, or that ``app.app_context()`` pushed."""

g = cast("GProxy", app_contexts("g", unbound_message=_NO_APP))
"""This request's own namespace; see :class:`~wsgikit.middleware.GMiddleware` for providers."""

request = cast("RequestProxy", request_contexts("request", unbound_message=_NO_REQUEST))
"""The current :class:`~wsgikit.Request`."""


class _SessionProxy(LocalProxy["Session"]):
    """Refuses what would be set on the session of this one request, and be lost with it."""

    def __setattr__(self, name: str, value: object) -> None:
        current = self._get_current_object()
        if not hasattr(current, name):
            raise AttributeError(
                f"session has no attribute {name!r}.\n\nTo keep a value write session[{name!r}] = …"
            )
        setattr(current, name, value)


session = cast(
    "SessionProxy",
    _SessionProxy(cast("Any", request_contexts), "session", unbound_message=_NO_REQUEST),
)
"""The visitor's :class:`~wsgikit.sessions.Session`."""
