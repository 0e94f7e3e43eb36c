"""Templates: Jinja2 and Mako, each imported and set up when a template of its kind is first used.

Files whose names end in ``.mako`` are Mako's, all others Jinja2's. Both escape what they print,
but for markup and in text files (``.txt``, ``.txt.mako``), and both know ``request``, ``session``,
``g``, ``current_app``, ``url_for`` and ``get_flashed_messages``.
Mako's ``capture()`` returns plain text, so print it with ``| n``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup, escape

from . import json_response, signals
from .errors import MissingExtraError
from .flashing import get_flashed_messages
from .proxies import current_app, g, request, session
from .stacks import request_contexts
from .urls import url_for

if TYPE_CHECKING:
    from jinja2 import Environment

    from .app import App

_KEY = "wsgikit.templating"

_STANDARD_NAMES: Mapping[str, Any] = {
    "current_app": current_app,
    "g": g,
    "get_flashed_messages": get_flashed_messages,
    "request": request,
    "session": session,
    "url_for": url_for,
}


def render_template(template_name_or_list: str | Iterable[str], /, **context: Any) -> str:
    """Render a template of the app's template folder, or else of its blueprints' folders.

    :param template_name_or_list: relative to the folder; of several, the first that exists.
    :param context: the template's variables. They win over those of the context processors,
        and these over the standard names.
    :raises MissingExtraError: the engine is not installed; the text names the extra.
    :raises ValueError: the list is empty.

    A template that is missing or wrong raises its engine's own exception.
    """
    wanted = template_name_or_list
    names = [wanted] if isinstance(wanted, str) else [*wanted]
    if not names:
        raise ValueError("render_template got an empty list.\n\nGive it at least one name.")
    app = current_app._get_current_object()
    return _render(app, *_select(app, names), context)


def render_template_string(
    source: str, /, *, _engine: Literal["jinja", "mako"] = "jinja", **context: Any
) -> str:
    """Render a template that is given as text, never one that a client sent: it is code.

    :param source: the template. It is compiled at each call; a file is compiled once.
    :param _engine: the language that it is written in.
    :param context: as for :func:`render_template`.
    :raises MissingExtraError: the engine is not installed; the text names the extra.
    :raises ValueError: there is no such engine.
    """
    if _engine not in _ENGINES:
        raise ValueError(
            f"There is no template engine {_engine!r}.\n\n"
            "Write _engine='jinja' (the default) or _engine='mako'."
        )
    app = current_app._get_current_object()
    engine = _engine_of(app, _engine)
    return _render(app, engine, engine.compile(source), context)


def jinja_environment(app: App) -> Environment:
    """The Jinja2 environment of ``app``, to add filters, tests and globals before it serves.

    >>> jinja_environment(app).filters["money"] = "{:.2f}".format

    :raises MissingExtraError: Jinja2 is not installed.
    """
    engine: _Jinja = _engine_of(app, "jinja")
    return engine.environment


class _Jinja:
    def __init__(self, app: App) -> None:
        try:
            import jinja2
        except ModuleNotFoundError as error:
            raise MissingExtraError("jinja2", "jinja", "Rendering a Jinja2 template") from error
        self.loader = jinja2.FileSystemLoader([])
        self.environment = jinja2.Environment(
            loader=self.loader, autoescape=_escapes, auto_reload=_auto_reload(app)
        )
        # Globals, because macros of an imported template see these but not the context.
        self.environment.globals.update(_STANDARD_NAMES)
        self.environment.policies["json.dumps_function"] = json_response.dumps
        self.missing = jinja2.TemplateNotFound
        self.get = self.environment.get_template
        self.compile = self.environment.from_string

    def search(self, folders: list[str]) -> None:
        self.loader.searchpath = folders

    def render(self, template: Any, context: dict[str, Any]) -> str:
        return template.render(context)  # type: ignore[no-any-return]


class _Mako:
    def __init__(self, app: App) -> None:
        try:
            from mako.exceptions import TemplateLookupException
            from mako.lookup import TemplateLookup
            from mako.template import Template
        except ModuleNotFoundError as error:
            raise MissingExtraError("mako", "mako", "Rendering a Mako template") from error
        # Mako has one set of filters for all templates of a lookup. A compiled template knows its
        # own name, _template_uri, before it runs these imports, so each can choose for itself.
        options: dict[str, Any] = {
            "default_filters": ["_escape"],
            "buffer_filters": ["_escaped"],
            "imports": [
                "from wsgikit.templating import mako_filters as _mako_filters",
                "_escape, _escaped = _mako_filters(_template_uri)",
            ],
        }
        self.lookup = TemplateLookup(filesystem_checks=_auto_reload(app), **options)
        self.missing = TemplateLookupException
        self.get = self.lookup.get_template
        # One name for all, because the lookup keeps each name that something is included from.
        self.compile = partial(Template, lookup=self.lookup, uri="string", **options)

    def search(self, folders: list[str]) -> None:
        self.lookup.directories = folders

    def render(self, template: Any, context: dict[str, Any]) -> str:
        return template.render_unicode(**{**_STANDARD_NAMES, **context})  # type: ignore[no-any-return]


_ENGINES: Mapping[str, Callable[[App], Any]] = {"jinja": _Jinja, "mako": _Mako}


def mako_filters(name: str) -> tuple[Callable[[Any], str], Callable[[Any], str]]:
    """What the Mako template ``name`` prints by, and what marks a buffered def as printed."""
    return (escape, Markup) if _escapes(name) else (str, str)


def _escapes(name: str | None) -> bool:
    return name is None or not name.removesuffix(".mako").endswith(".txt")


def _auto_reload(app: App) -> bool:
    configured = app.config["TEMPLATES_AUTO_RELOAD"]
    return bool(app.config["DEBUG"] if configured is None else configured)


def _engine_of(app: App, kind: str) -> Any:
    # setdefault is atomic, so all threads get the same lock.
    lock, engines = app.extensions.setdefault(_KEY, (Lock(), {}))
    with lock:
        if kind not in engines:
            engines[kind] = _ENGINES[kind](app)
    engine = engines[kind]
    # Each time anew: a blueprint may be registered after the engine was built.
    scaffolds = (app, *app.blueprints.values())
    engine.search([str(each.template_folder) for each in scaffolds if each.template_folder])
    return engine


def _select(app: App, names: list[str]) -> tuple[Any, Any]:
    first, *others = names
    engine = _engine_of(app, "mako" if first.endswith(".mako") else "jinja")
    try:
        return engine, engine.get(first)
    except engine.missing:
        if not others:
            raise
        return _select(app, others)


def _render(app: App, engine: Any, template: Any, context: dict[str, Any]) -> str:
    context = {**_processed(app), **context}
    signals.send(signals.before_render_template, app, template=template, context=context)
    text: str = engine.render(template, context)
    signals.send(signals.template_rendered, app, template=template, context=context)
    return text


def _processed(app: App) -> dict[str, Any]:
    """What the context processors of the app and of the current route's blueprints add."""
    request_context = request_contexts.top
    scaffolds: tuple[Any, ...] = (app,)
    if request_context is not None and request_context.app is app:
        scaffolds = request_context.scaffolds
    values: dict[str, Any] = {}
    for function in (each for scaffold in scaffolds for each in scaffold.context_processors):
        values.update(function())
    return values
