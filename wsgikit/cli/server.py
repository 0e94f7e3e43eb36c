"""gunicorn, with settings that are given to it. Imported by ``wsgikit serve`` alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from wsgiref.types import WSGIApplication

import click
from gunicorn.app.base import Application  # type: ignore[import-untyped]
from gunicorn.errors import AppImportError  # type: ignore[import-untyped]

from .. import gunicorn as hooks
from ..config import DEFAULTS
from ..errors import ConfigurationError, MissingExtraError
from .development import show_until_corrected
from .target import load_target


class Server(Application):  # type: ignore[misc]
    """Serves the app that ``path`` names, which is imported in the workers.

    :param defaults: settings by name, for what ``config`` does not say.
    :param config: the path of a ``gunicorn.conf.py``, if there is one.
    :param given: settings by name, which come before both.
    """

    _worker: Any = None
    """In development, that of this process."""

    def __init__(
        self, path: str, defaults: Mapping[str, Any], config: str | None, given: Mapping[str, Any]
    ) -> None:
        self._path = path
        self._defaults = {"default_proc_name": path, **defaults}
        self._config = config
        self._given = given
        super().__init__(prog="wsgikit serve")

    def load_config(self) -> None:
        """Called again at a reload: the file may have changed."""
        names = [name for name in self.cfg.settings if hasattr(hooks, name)]
        self._set({name: getattr(hooks, name) for name in names})
        self._set(self._defaults)
        if self._config is not None:
            self.load_config_from_file(self._config)
        self._set(self._given)
        if self.cfg.reload:
            self._set({"post_fork": self._knowing_its_worker(self.cfg.post_fork)})
        self.chdir()

    def _set(self, settings: Mapping[str, Any]) -> None:
        for name, value in settings.items():
            self.cfg.set(name, value)

    def _knowing_its_worker(self, hook: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        def post_fork(server: Any, worker: Any) -> None:
            self._worker = worker
            hook(server, worker)

        return post_fork

    def load(self) -> WSGIApplication:
        """Import the app. An error that says what to write is shown without a traceback."""
        if self.cfg.reload:
            DEFAULTS["DEBUG"] = True  # of each App that does not say otherwise
        try:
            return load_target(self._path).application
        except click.ClickException as error:
            raise AppImportError(error.message) from error
        except Exception as error:
            if self._worker is not None:
                return show_until_corrected(self._worker, error)
            if isinstance(error, ConfigurationError | MissingExtraError):
                raise AppImportError(str(error)) from error
            raise
