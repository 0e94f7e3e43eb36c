"""A part of an app with a URL prefix, hooks, error handlers and templates of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .scaffold import F, Scaffold

if TYPE_CHECKING:
    from .app import App


class _Rule(NamedTuple):
    rule: str
    endpoint: str
    view_func: Callable[..., Any]
    options: dict[str, Any]


class Blueprint(Scaffold):
    """Routes and hooks that take effect where the blueprint is registered.

    :param name: goes before its endpoints, as in ``url_for("blog.index")``.
    :param import_name: ``__name__``, the root of the template folder.
    :param url_prefix: goes before its rules; ``register_blueprint`` may give another one.
    :param template_folder: relative to the module's folder, searched after the app's.
    :raises ValueError: the name is empty or has a dot.
    """

    def __init__(
        self,
        name: str,
        import_name: str = "",
        *,
        url_prefix: str = "",
        template_folder: str | None = None,
    ) -> None:
        super().__init__(check_name(name), import_name, template_folder)
        self.url_prefix = url_prefix
        self._rules: list[_Rule] = []
        self._children: list[tuple[Blueprint, str]] = []
        self._for_app: list[Callable[[App], object]] = []
        self._registered = False

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        **options: Any,
    ) -> None:
        self._check_open()
        if view_func is None:
            raise ValueError(f"The rule {rule!r} of blueprint {self.name!r} has no view function.")
        endpoint = endpoint or view_func.__name__
        if "." in endpoint:
            raise ValueError(f"An endpoint of a blueprint has no dot: {endpoint!r}.")
        self._rules.append(_Rule(rule, endpoint, view_func, options))

    def before_app_request(self, f: F) -> F:
        """``before_request`` for all requests of the app, not only those of this blueprint."""
        return self._add_to_app(f, lambda app: app.before_request(f))

    def after_app_request(self, f: F) -> F:
        """``after_request`` for all requests of the app."""
        return self._add_to_app(f, lambda app: app.after_request(f))

    def teardown_app_request(self, f: F) -> F:
        """``teardown_request`` for all requests of the app."""
        return self._add_to_app(f, lambda app: app.teardown_request(f))

    def app_context_processor(self, f: F) -> F:
        """``context_processor`` for all templates of the app."""
        return self._add_to_app(f, lambda app: app.context_processor(f))

    def app_errorhandler(self, code: int | type[Exception]) -> Callable[[F], F]:
        """``errorhandler`` for all requests of the app."""

        def register(f: F) -> F:
            return self._add_to_app(f, lambda app: app.register_error_handler(code, f))

        return register

    def _add_to_app(self, f: F, add: Callable[[App], object]) -> F:
        self._check_open()
        self._for_app.append(add)
        return f

    def register_blueprint(self, blueprint: Blueprint, *, url_prefix: str | None = None) -> None:
        """Nest ``blueprint``: its prefix and name go after this one's, its hooks run inside.

        :raises ValueError: a blueprint cannot be nested in itself.
        """
        self._check_open()
        if blueprint is self:
            raise ValueError(f"Blueprint {self.name!r} cannot be nested in itself.")
        prefix = blueprint.url_prefix if url_prefix is None else url_prefix
        self._children.append((blueprint, prefix))

    def register(self, app: App, url_prefix: str, name: str) -> None:
        """Add the rules to ``app`` under ``url_prefix`` and the full dotted ``name``.

        :raises ValueError: a blueprint of that name is registered already.
        """
        if name in app.blueprints:
            raise ValueError(
                f"A blueprint named {name!r} is registered already.\n\n"
                "Give the second one another name: register_blueprint(…, name='…')."
            )
        self._registered = True
        if self not in app.blueprints.values():
            for add in self._for_app:
                add(app)
        app.blueprints[name] = self
        for rule, endpoint, view_func, options in self._rules:
            path = join_rule(url_prefix, rule)
            app.add_url_rule(path, f"{name}.{endpoint}", view_func, **options)
        for child, prefix in self._children:
            child.register(app, join_rule(url_prefix, prefix), f"{name}.{child.name}")

    def _check_open(self) -> None:
        if self._registered:
            raise RuntimeError(
                f"Blueprint {self.name!r} is registered already, so the change would be lost.\n\n"
                "Add rules, app-wide hooks and nested blueprints before app.register_blueprint()."
            )


def join_rule(prefix: str, rule: str) -> str:
    """Put ``prefix`` before ``rule`` with one slash between; an empty rule is the prefix itself."""
    inner = prefix.strip("/")
    if not inner:
        return rule or prefix
    return f"/{inner}/{rule.lstrip('/')}" if rule else f"/{prefix.lstrip('/')}"


def check_name(name: str) -> str:
    """Return ``name``, if it can be a blueprint's: endpoints have it before a dot."""
    if not name or "." in name:
        raise ValueError(f"A blueprint's name is a word without dots, not {name!r}.")
    return name
