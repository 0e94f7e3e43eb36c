"""The app that a command is given as MODULE:NAME."""

from __future__ import annotations

import ast
import gc
import importlib
import os
import sys
from types import ModuleType
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

import click

from ..app import App, find_app
from ..errors import ConfigurationError, MissingExtraError
from ..layer import Layer
from ..metrics import FOLDER
from .layers import Node, walk

_DEFAULT_NAMES = ("application", "app")


class Target(NamedTuple):
    """What a server would call, and the ``App`` in it."""

    path: str
    module: ModuleType
    application: WSGIApplication
    app: App | None

    @property
    def nodes(self) -> list[Node]:
        """The layers around the app, and what they serve, outermost first."""
        return list(walk(self.application, self.app.chain if self.app is not None else ()))

    @property
    def has_layers(self) -> bool:
        """Whether any layer of wsgikit is seen: where a foreign one hides them, none is."""
        return any(isinstance(node.layer, Layer) for node in self.nodes)

    def need_app(self) -> App:
        """The ``App``.

        :raises click.UsageError: there is none.
        """
        if self.app is None:
            raise click.UsageError(
                f"{self.path} serves no App, or a layer hides it.\n\nName the App itself: "
                "module:app."
            )
        return self.app


def _convert(ctx: click.Context, param: click.Parameter, path: str) -> Target:
    try:
        return load_beside_server(path)
    except (ConfigurationError, MissingExtraError) as error:
        raise click.ClickException(str(error)) from error


app_argument = click.argument("target", metavar="APP", callback=_convert)
"""MODULE:NAME of a WSGI app, imported; what its configuration lacks is said in a line."""


def load_beside_server(path: str) -> Target:
    """Do what ``load_target`` does, in a process whose figures are not to be in a server's metrics.

    The folder for these is the server's to make, too: there may be none where it does not run.
    """
    os.environ.pop(FOLDER, None)
    return load_target(path)


def load_target(path: str) -> Target:
    """Import the app that ``path`` names, from the current folder too.

    :raises click.UsageError: there is no such module or name. What a module raises while it is
        imported goes on, for its traceback tells where.
    """
    name, _, expression = path.partition(":")
    module = _import(name)
    application = _get(module, expression) if expression else _get_default(module)
    if not callable(application):
        raise click.UsageError(f"{path} is no WSGI app: it cannot be called.")
    apps = (find_app(node.layer) for node in walk(application))
    app = next(filter(None, apps), None) or _app_hidden_in(application)
    return Target(path, module, application, app)


def _import(name: str) -> ModuleType:
    if not all(map(str.isidentifier, name.split("."))):
        raise click.UsageError(f"{name!r} is no module's name.\n\nWrite module:name.")
    if os.getcwd() not in sys.path:  # ``python -m`` has it there, and an installed command has not
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # a module that the app itself imports
        raise click.UsageError(
            f"There is no module {error.name!r} in {os.getcwd()}, or installed.\n\n"
            "Write module:name, and run this in the folder that the module is in."
        ) from error


def _get_default(module: ModuleType) -> Any:
    for name in _DEFAULT_NAMES:
        if hasattr(module, name):
            return getattr(module, name)
    raise click.UsageError(
        f"{module.__name__} has neither application nor app.\n\n"
        f"Name what it has: {module.__name__}:name."
    )


def _get(module: ModuleType, expression: str) -> Any:
    """The attribute ``name``, or what ``name('a', b=1)`` returns."""
    match _parse(expression):
        case ast.Name(id=name):
            return _attribute(module, name)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            factory = _attribute(module, name)
            try:
                values = [ast.literal_eval(each) for each in args]
                named = {each.arg or "": ast.literal_eval(each.value) for each in keywords}
            except ValueError as error:
                raise click.UsageError(
                    f"The arguments in {expression} are more than literals, such as 'a' and 1."
                ) from error
            return factory(*values, **named)
    raise click.UsageError(f"{expression!r} is neither a name nor a call, such as make_app().")


def _parse(expression: str) -> ast.expr | None:
    try:
        return ast.parse(expression, mode="eval").body
    except SyntaxError:
        return None


def _attribute(module: ModuleType, name: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError as error:
        raise click.UsageError(f"{module.__name__} has no {name}.") from error


def _app_hidden_in(application: WSGIApplication) -> App | None:
    """The ``App`` of a pipeline in which a layer hides it."""
    apps = (each for each in gc.get_objects() if issubclass(type(each), App))
    return next((app for app in apps if app.entry is application), None)
