"""A context that knows where in the app's URLs its request is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from wsgiref.types import WSGIEnvironment

from werkzeug.routing import MapAdapter

from .routing import NO_ROUTE, Route, host_name, match
from .stacks import StackedContext

if TYPE_CHECKING:
    from .app import App


class RoutedContext(StackedContext):
    """The request's place: matched once, by whoever asks first, and again where the router is.

    :param app: whose URL map counts.
    :param environ: the WSGI environ where the context was made.
    :param is_inner: whether ``app`` is the app inside; another one's paths are none of ours.
    """

    app: App
    environ: WSGIEnvironment
    is_inner: bool
    _root: str
    _path: str
    _route: Route | None
    _url_adapter: MapAdapter | None = None

    @property
    def url_adapter(self) -> MapAdapter:
        """The app's URL map, bound to this request.

        :raises werkzeug.exceptions.BadHost: the Host header is not valid.
        """
        if self._url_adapter is None:
            environ = self.environ
            if self._moved():
                environ = {**environ, "SCRIPT_NAME": self._root, "PATH_INFO": self._path}
            self._url_adapter = self.app.create_url_adapter(environ)
        return self._url_adapter

    @property
    def route(self) -> Route:
        """The match, made once by whoever asks first; none when the inner app is no ``App``."""
        if self._route is None:
            self._route = self._find_route() if self.is_inner else NO_ROUTE
        return self._route

    @property
    def rule(self) -> str | None:
        """The rule of the route, such as ``/users/<int:id>``; None where none is found."""
        try:
            rule = self.route.rule
        except Exception:  # a converter that fails: the response says so
            return None
        return rule.rule if rule else None

    def _find_route(self) -> Route:
        environ = self.environ
        host = environ.get("HTTP_HOST")
        is_valid = not host or host_name(environ["wsgi.url_scheme"], host)
        if is_valid and "HTTP_UPGRADE" not in environ:
            route = self.app.url_map.find(self._path, environ["REQUEST_METHOD"])
            if route is not None:
                return route
        return match(lambda: self.url_adapter)

    def route_here(self, environ: WSGIEnvironment) -> Route:
        """The match for the router itself, which a mount or a rewriting layer may stand before.

        :param environ: what the router was called with; a layer may have copied it.

        URLs are the app's as seen where the context was pushed; once the router is reached, as
        seen from there.
        """
        root, path = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
        if path != self._path or root != self._root or not self.is_inner:
            self._move(root, path)
        return self.route

    def _move(self, root: str, path: str) -> None:
        self._root, self._path = root, path
        self._url_adapter = None
        self._route = self._find_route()

    @property
    def scaffolds(self) -> tuple[Any, ...]:
        """The app, then the blueprints around the matched view, outermost first."""
        if not self.app.blueprints:
            return (self.app,)
        blueprints = self.app.blueprints  # an endpoint may have a dot without being in one
        names = self.route.blueprints[::-1]
        return (self.app, *(blueprints[name] for name in names if name in blueprints))

    def _environ_as_sent(self) -> WSGIEnvironment:
        """The environ, also inside Bottle and Django, which decode PATH_INFO in place."""
        path: str = self.environ.get("PATH_INFO", "")
        if path.isascii():
            return self.environ
        encoded = path.encode(errors="replace").decode("latin1")
        if not (self._root + self._path).endswith(encoded):
            return self.environ
        return {**self.environ, "PATH_INFO": encoded}

    def _moved(self) -> bool:
        return _location(self.environ) != (self._root, self._path)


def _location(environ: WSGIEnvironment) -> tuple[str, str]:
    return environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
