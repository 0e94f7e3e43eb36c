"""The chain of middlewares, written in the order in which a request travels."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, NamedTuple, ParamSpec, Self
from wsgiref.types import WSGIApplication

from .app import find_app
from .environ import CONTEXT, G
from .errors import PipelineError

P = ParamSpec("P")
_SECRET = re.compile("secret|key|passw|token", re.IGNORECASE)
_URL_WITH_PASSWORD = re.compile(r"(?<=://)[^/\s]*@")
Layer = Callable[Concatenate[WSGIApplication, P], WSGIApplication]


class Entry(NamedTuple):
    """One layer of a pipeline, not built yet."""

    cls: Callable[..., WSGIApplication]
    args: tuple[Any, ...]
    options: dict[str, Any]

    @property
    def name(self) -> str:
        return getattr(self.cls, "__name__", repr(self.cls))

    def keys(self, kind: str) -> tuple[str, ...]:
        """The environ keys that the layer ``provides``, ``requires``, ``uses`` or ``forbids``."""
        return tuple(getattr(self.cls, kind, ()))

    def __str__(self) -> str:
        parts = [_short(value) for value in self.args]
        parts += [f"{name}={_shown(name, value)}" for name, value in self.options.items()]
        return f"{self.name}({', '.join(parts)})"


class Pipeline:
    """A chain of WSGI middlewares: the first one used is the outermost.

    >>> application = Pipeline().use(ProxyFix, x_for=1).use(ContextMiddleware).run(app)

    ``repr`` prints the chain, one layer a line. Once run, a pipeline cannot be changed.

    A layer's class may declare environ keys, as tuples: what it ``provides``; what it ``requires``,
    which a layer outside must provide; what it ``uses``, which may be missing, but must not be
    provided further inside; and what it ``forbids``, which no layer outside may provide.
    """

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._app: WSGIApplication | None = None

    def use(self, layer: Layer[P], /, *args: P.args, **options: P.kwargs) -> Self:
        """Add ``layer`` inside the ones before it.

        :param layer: called as ``layer(app, **options)`` by :meth:`run`: a class or function of
            ours, of werkzeug, or of any other package.
        :raises PipelineError: the layer does not take these options, or the pipeline has run.
        """
        return self._insert(len(self._entries), layer, args, options)

    def insert_before(
        self, anchor: object, layer: Layer[P], /, *args: P.args, **options: P.kwargs
    ) -> Self:
        """Add ``layer`` right outside ``anchor``, the class of a layer in the chain."""
        return self._insert(self._index(anchor), layer, args, options)

    def insert_after(
        self, anchor: object, layer: Layer[P], /, *args: P.args, **options: P.kwargs
    ) -> Self:
        """Add ``layer`` right inside ``anchor``, the class of a layer in the chain."""
        return self._insert(self._index(anchor) + 1, layer, args, options)

    def replace(
        self, anchor: object, layer: Layer[P], /, *args: P.args, **options: P.kwargs
    ) -> Self:
        """Put ``layer`` in the place of ``anchor``; with the same class, to change its options."""
        index = self._index(anchor)
        self._insert(index, layer, args, options)
        del self._entries[index + 1]
        return self

    def without(self, anchor: object, /) -> Self:
        """Take the layer of class ``anchor`` out of the chain."""
        index = self._index(anchor)
        self._check_open()
        del self._entries[index]
        return self

    def run(self, app: WSGIApplication, /) -> WSGIApplication:
        """Build the chain around ``app`` and return the outermost layer.

        :raises PipelineError: a layer requires what only a layer inside it provides, or none; or
            forbids what one outside it provides.
        :raises ConfigurationError: a layer refuses its options.
        """
        self._check_order()
        layers = [app]
        for entry in reversed(self._entries):
            layers.append(entry.cls(layers[-1], *entry.args, **entry.options))
        current_app = next(filter(None, map(find_app, reversed(layers))), None)
        if current_app is not None:
            current_app.chain = tuple(reversed(layers))
            for layer in layers:  # also those that a foreign layer hides from find_app
                if CONTEXT in getattr(layer, "provides", ()) and current_app is app:
                    layer.is_inner = True  # type: ignore[attr-defined]
                if G in getattr(layer, "provides", ()):
                    current_app.providers.update(layer.providers)  # type: ignore[attr-defined]
        self._app = app
        return layers[-1]

    def _insert(
        self, index: int, layer: Any, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Self:
        self._check_open()
        entry = Entry(layer, args, options)
        _check_options(entry)
        self._entries.insert(index, entry)
        return self

    def _index(self, anchor: object) -> int:
        for index, entry in enumerate(self._entries):
            if entry.cls is anchor:
                return index
        name = getattr(anchor, "__name__", repr(anchor))
        chain = ", ".join(entry.name for entry in self._entries) or "nothing"
        raise PipelineError(f"{name} is not in the pipeline, which has {chain}.")

    def _check_open(self) -> None:
        if self._app is not None:
            raise PipelineError(
                "This pipeline has run, so its chain is built and cannot be changed.\n\n"
                "Change it before run(), or start with another Pipeline()."
            )

    def _check_order(self) -> None:
        provided: dict[str, str] = {}
        for index, entry in enumerate(self._entries):
            for key in entry.keys("requires"):
                if key not in provided:
                    raise PipelineError(self._misplaced(entry, key, self._entries[index:]))
            for key in entry.keys("uses"):  # may be missing, but not stand inside
                inside = self._entries[index:]
                if key not in provided and any(key in each.keys("provides") for each in inside):
                    raise PipelineError(self._misplaced(entry, key, inside))
            for key in entry.keys("forbids"):
                if key in provided:
                    raise PipelineError(_forbidden(entry, key, provided[key]))
            provided.update(dict.fromkeys(entry.keys("provides"), entry.name))

    def _misplaced(self, entry: Entry, key: str, inside: list[Entry]) -> str:
        provider = next((each.name for each in inside if key in each.keys("provides")), None)
        if provider is None:
            return (
                f"{entry.name} requires environ[{key!r}], which no layer outside it provides.\n\n"
                f"Add the layer that provides {key!r} before .use({entry.name}, …)."
            )
        return (
            f"{entry.name} requires environ[{key!r}], which {provider} provides, but {provider} "
            f"stands inside it.\n\nMove {provider} outside {entry.name}: "
            f".use({provider}, …) before .use({entry.name}, …)."
        )

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __repr__(self) -> str:
        lines = [str(entry) for entry in self._entries]
        if self._app is not None:
            lines.append(repr(self._app))
        return "\n".join(["Pipeline", *(f"  {line}" for line in lines)])


def _forbidden(entry: Entry, key: str, provider: str) -> str:
    return (
        f"{entry.name} must not stand inside {provider}, which provides environ[{key!r}] already."
        "\n\nTake out one of the two."
    )


def _check_options(entry: Entry) -> None:
    try:
        signature = inspect.signature(entry.cls)
    except ValueError:  # a callable in C that does not tell
        return
    try:
        signature.bind(None, *entry.args, **entry.options)
    except TypeError as error:
        names = list(signature.parameters)[1:]  # the first is the app inside
        unknown = [name for name in entry.options if name not in names]
        close = difflib.get_close_matches(unknown[0], names, 1) if unknown else []
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise PipelineError(
            f"{entry.name}: {error}.\n\n{hint}It takes {', '.join(names) or 'no options'}."
        ) from error


def _short(value: object) -> str:
    return getattr(value, "__name__", None) or repr(value)


def _shown(name: str, value: object) -> str:
    return "…" if _SECRET.search(name) else _URL_WITH_PASSWORD.sub("…@", _short(value))
