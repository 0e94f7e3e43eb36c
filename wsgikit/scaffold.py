"""What an ``App`` and a ``Blueprint`` have in common: routes, hooks and error handlers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from werkzeug.exceptions import HTTPException, default_exceptions

F = TypeVar("F", bound="Callable[..., Any]")
Handler = Callable[[Any], Any]


class Scaffold:
    """Routes, hooks and handlers, registered by decorator as in Flask.

    :param name: the name of the app or blueprint.
    :param import_name: ``__name__`` of the module it is written in; its folder is the root of
        template folders and relative file names. A name that is no module means the folder
        that the process runs in.
    :param template_folder: relative to the root, or absolute.
    """

    def __init__(self, name: str, import_name: str, template_folder: str | None) -> None:
        self.name = name
        self.root_path = _root_path(import_name)
        self.template_folder = self.root_path / template_folder if template_folder else None
        self.before_request_funcs: list[Callable[[], Any]] = []
        self.after_request_funcs: list[Callable[[Any], Any]] = []
        self.teardown_request_funcs: list[Callable[[BaseException | None], object]] = []
        self.context_processors: list[Callable[[], dict[str, Any]]] = []
        self.error_handlers: dict[int | None, dict[type[Exception], Handler]] = {}

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        **options: Any,
    ) -> None:
        """Route ``rule`` to ``view_func``; see :meth:`App.add_url_rule`."""
        raise NotImplementedError

    def route(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Route ``rule`` to the decorated view.

        :param rule: a werkzeug rule, such as ``/user/<int:id>``.
        :param options: ``endpoint``, ``methods`` (``["GET"]``) and what ``werkzeug.routing.Rule``
            takes: ``defaults``, ``strict_slashes``, ``subdomain`` …
        """

        def register(view: F) -> F:
            self.add_url_rule(rule, options.pop("endpoint", None), view, **options)
            return view

        return register

    def get(self, rule: str, **options: Any) -> Callable[[F], F]:
        """:meth:`route` for GET and HEAD."""
        return self.route(rule, methods=["GET"], **options)

    def post(self, rule: str, **options: Any) -> Callable[[F], F]:
        """:meth:`route` for POST."""
        return self.route(rule, methods=["POST"], **options)

    def put(self, rule: str, **options: Any) -> Callable[[F], F]:
        """:meth:`route` for PUT."""
        return self.route(rule, methods=["PUT"], **options)

    def patch(self, rule: str, **options: Any) -> Callable[[F], F]:
        """:meth:`route` for PATCH."""
        return self.route(rule, methods=["PATCH"], **options)

    def delete(self, rule: str, **options: Any) -> Callable[[F], F]:
        """:meth:`route` for DELETE."""
        return self.route(rule, methods=["DELETE"], **options)

    def before_request(self, f: F) -> F:
        """Call ``f()`` before the view. The first hook that returns something answers with it."""
        self.before_request_funcs.append(f)
        return f

    def after_request(self, f: F) -> F:
        """Call ``f(response)`` after the view, last registered first; return a response or None.

        The response is made of what the inner app sent, so a hook works for any wrapped app.
        """
        self.after_request_funcs.append(f)
        return f

    def teardown_request(self, f: F) -> F:
        """Call ``f(outcome)`` when the body is closed; the outcome is the exception or None."""
        self.teardown_request_funcs.append(f)
        return f

    def context_processor(self, f: F) -> F:
        """Add what ``f()`` returns, a dict, to every template's context."""
        self.context_processors.append(f)
        return f

    def errorhandler(self, code_or_exception: int | type[Exception]) -> Callable[[F], F]:
        """Answer errors of a status code or an exception class with the decorated function."""

        def register(handler: F) -> F:
            self.register_error_handler(code_or_exception, handler)
            return handler

        return register

    def register_error_handler(
        self, code_or_exception: int | type[Exception], f: Handler, /
    ) -> None:
        """Answer errors of a status code or an exception class by ``f(error)``.

        :raises ValueError: no exception has that status code, or it is no exception class.
        """
        exception = _exception_class(code_or_exception)
        code = exception.code if issubclass(exception, HTTPException) else None
        self.error_handlers.setdefault(code, {})[exception] = f


def _exception_class(code_or_exception: int | type[Exception]) -> type[Exception]:
    if isinstance(code_or_exception, int):
        if code_or_exception not in default_exceptions:
            raise ValueError(
                f"{code_or_exception} is no HTTP error that is raised as an exception.\n\n"
                "Use an error's status code, such as 404, or an exception class."
            )
        return default_exceptions[code_or_exception]
    if isinstance(code_or_exception, type) and issubclass(code_or_exception, Exception):
        return code_or_exception
    raise ValueError(
        f"{code_or_exception!r} is neither a status code nor an exception class.\n\n"
        "Write @app.errorhandler(404) or @app.errorhandler(LookupError)."
    )


def _root_path(import_name: str) -> Path:
    module_file = getattr(sys.modules.get(import_name), "__file__", None)
    return Path(module_file).resolve().parent if module_file else Path.cwd()
