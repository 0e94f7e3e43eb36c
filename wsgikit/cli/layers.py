"""The layers of an application, ours and foreign ones, and what each of them calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from types import FunctionType, MethodType
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

from ..app import App
from ..layer import Layer

_NAMES = ("app", "wsgi_app", "application", "wsgi")
"""Where middlewares keep what they wrap, as attributes or as variables of a closure."""


_KNOWN = ("wsgikit", "werkzeug")


class Link(NamedTuple):
    """One app that a layer calls."""

    place: str
    """The path that it is mounted at; empty when it gets what nothing else does."""
    app: WSGIApplication
    put: Callable[[WSGIApplication], object] | None
    """Has the layer call another one in its place; None: the layer hides where it keeps it."""


class Node(NamedTuple):
    """A layer in its place."""

    link: Link
    """By which the layer outside calls it."""
    depth: int
    links: Sequence[Link]
    """By which it calls what is inside."""

    @property
    def layer(self) -> Any:
        """The WSGI app itself, with what attributes it has."""
        return self.link.app

    @property
    def name(self) -> str:
        """The name of its class or function."""
        return name_of(self.layer)

    @property
    def label(self) -> str:
        """Its name, after the path that it is mounted at."""
        return f"{self.link.place}  {self.name}" if self.link.place else self.name

    def is_a(self, *names: str) -> bool:
        """Whether its class, or one that it is made from, is that of wsgikit or werkzeug."""
        classes = type(self.layer).__mro__
        ours = [cls for cls in classes if cls.__module__.partition(".")[0] in _KNOWN]
        return any(cls.__name__ in names for cls in ours)

    @property
    def branches(self) -> bool:
        """Whether it calls one app of several, or one for what it does not answer itself."""
        return isinstance(self.layer, App) or len(self.links) > 1

    @property
    def hides(self) -> bool:
        """Whether nobody can see what it calls."""
        return any(link.put is None for link in self.links)


def name_of(layer: WSGIApplication) -> str:
    """A layer's name for people."""
    if isinstance(layer, App):
        return f"App {layer.name!r}"
    if isinstance(layer, (FunctionType, MethodType)):
        return layer.__qualname__.partition(".<locals>")[0]
    return type(layer).__name__


def module_of(layer: WSGIApplication) -> str:
    """Where its class or function is written."""
    owner = layer if isinstance(layer, (FunctionType, MethodType)) else type(layer)
    return str(owner.__module__)


def walk(application: WSGIApplication, chain: Sequence[WSGIApplication] = ()) -> Iterator[Node]:
    """``application`` and all in it, each layer before what it calls.

    :param chain: what ``Pipeline.run`` has put together, for layers that hide what they wrap.
    """
    return _visit(Link("", application, None), (), chain)


def _visit(
    link: Link, outside: tuple[WSGIApplication, ...], chain: Sequence[WSGIApplication]
) -> Iterator[Node]:
    path = (*outside, link.app)
    links = [each for each in _links(link.app, chain) if not _is_in(each.app, path)]
    yield Node(link, len(outside), links)
    for each in links:
        yield from _visit(each, path, chain)


def _links(layer: WSGIApplication, chain: Sequence[WSGIApplication]) -> Iterator[Link]:
    if isinstance(layer, App):
        if layer.fallback is not None:
            yield Link("fallback", layer.fallback, partial(setattr, layer, "fallback"))
        return
    yield from _mounted(layer)
    inside = _visible(layer)
    if inside is None and _is_in(layer, chain[:-1]):
        index = next(i for i, each in enumerate(chain) if each is layer)
        inside = Link("", chain[index + 1], None)
    if inside is not None:
        yield inside
    else:
        yield from _kept(layer)


def _mounted(layer: Any) -> Iterator[Link]:
    mounts = getattr(layer, "mounts", None)
    if isinstance(mounts, dict):
        for path, app in mounts.items():
            yield Link(path, app, partial(mounts.__setitem__, path))


def _visible(layer: Any) -> Link | None:
    if isinstance(layer, Layer):
        return Link("", layer.app, partial(setattr, layer, "call_app"))
    if isinstance(layer, FunctionType):
        return _closed_over(layer)
    for name in _NAMES:
        app = getattr(layer, name, None)
        # Flask's wsgi_app, unless it is wrapped, is the app itself.
        if callable(app) and getattr(app, "__self__", None) is not layer:
            return Link("", app, partial(setattr, layer, name))
    return None


def _closed_over(function: FunctionType) -> Link | None:
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    for name in _NAMES:
        if name in cells and callable(cells[name].cell_contents):
            return Link(
                "", cells[name].cell_contents, partial(setattr, cells[name], "cell_contents")
            )
    return None


def _kept(layer: Any) -> Iterator[Link]:
    """What is known to be a pipeline, wherever a foreign layer keeps it."""
    values: list[Any] = [*getattr(layer, "__dict__", {}).values()]
    if isinstance(layer, FunctionType):
        with suppress(ValueError):  # a variable that has no value
            found = inspect.getclosurevars(layer)
            values += [*found.nonlocals.values(), *found.globals.values()]
    pipelines = filter(lambda value: isinstance(value, Layer), values)
    return (Link("", each, None) for each in pipelines)


def _is_in(layer: WSGIApplication, layers: Sequence[WSGIApplication]) -> bool:
    return any(layer is each for each in layers)
