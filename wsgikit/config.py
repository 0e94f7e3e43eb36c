"""Configuration: a dict that fills itself from objects, files and the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from werkzeug.utils import import_string

from .errors import ConfigurationError

DEFAULTS: dict[str, Any] = {
    "APPLICATION_ROOT": "/",
    "DEBUG": False,
    "MAX_CONTENT_LENGTH": None,
    "MAX_FORM_MEMORY_SIZE": 500_000,
    "MAX_FORM_PARTS": 1_000,
    "PERMANENT_SESSION_LIFETIME": timedelta(days=31),
    "PREFERRED_URL_SCHEME": "http",
    "PROPAGATE_EXCEPTIONS": None,
    "SECRET_KEY": None,
    "SECRET_KEY_FALLBACKS": (),
    "SEND_FILE_MAX_AGE_DEFAULT": None,
    "SERVER_NAME": None,
    "SESSION_ABSOLUTE_LIFETIME": None,
    "SESSION_CONFLICT": "mine",
    "SESSION_COOKIE_DOMAIN": None,
    "SESSION_COOKIE_ENCRYPTED": False,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_NAME": "wsgikit_session",
    "SESSION_COOKIE_PARTITIONED": False,
    "SESSION_COOKIE_PATH": None,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_COOKIE_SECURE": None,
    "SESSION_GRACE": 10,
    "SESSION_MAX_CHUNKS": 2,
    "SESSION_MAX_PER_USER": None,
    "SESSION_OUTAGE": "unavailable",
    "SESSION_OVERSIZE": "raise",
    "SESSION_READERS": (),
    "SESSION_REFRESH_INTERVAL": None,
    "SESSION_STORE": None,
    "TEMPLATES_AUTO_RELOAD": None,
    "TESTING": False,
}


def _load_toml(file: BinaryIO) -> dict[str, Any]:
    import tomllib  # here, because many sites have no such file

    return tomllib.load(file)


_LOADERS: dict[str, Callable[[BinaryIO], Any]] = {".toml": _load_toml, ".json": json.load}


class Config(dict[str, Any]):
    """An app's settings, with Flask's key names. Only upper-case keys are taken.

    :param root_path: the folder that relative file names start from.
    :param defaults: the first values.
    """

    def __init__(self, root_path: str | os.PathLike[str], defaults: Mapping[str, Any]) -> None:
        super().__init__(defaults)
        self.root_path = Path(root_path)

    def from_object(self, obj: object) -> None:
        """Take the upper-case attributes of ``obj``, or of what its import name stands for."""
        if isinstance(obj, str):
            obj = import_string(obj)
        self.from_mapping({key: getattr(obj, key) for key in dir(obj) if key.isupper()})

    def from_mapping(self, mapping: Mapping[str, Any] | None = None, **values: Any) -> bool:
        """Take the upper-case keys of ``mapping`` and ``values``."""
        for key, value in {**(mapping or {}), **values}.items():
            if key.isupper():
                self[key] = value
        return True

    def from_file(
        self,
        filename: str | os.PathLike[str],
        load: Callable[[BinaryIO], Mapping[str, Any]] | None = None,
        *,
        silent: bool = False,
    ) -> bool:
        """Take the upper-case keys of a TOML or JSON file.

        :param filename: absolute, or relative to ``root_path``.
        :param load: reads another format from the file, opened in binary mode.
        :param silent: return False, instead of raising, when there is no such file.
        :raises ConfigurationError: the file cannot be read as what its ending says.
        """
        path = self.root_path / filename
        load = load or _LOADERS.get(path.suffix)
        if load is None:
            raise ConfigurationError(
                f"{path.name} ends with neither .toml nor .json.\n\nPass load=, a function that "
                "reads the open binary file and returns a mapping."
            )
        try:
            with path.open("rb") as file:
                values = load(file)
        except FileNotFoundError:
            if silent:
                return False
            raise
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"{path} cannot be read: {error}") from error
        if not isinstance(values, Mapping):
            raise ConfigurationError(
                f"{path} holds a {type(values).__name__}, not keys and values."
            )
        return self.from_mapping(values)

    def from_prefixed_env(
        self, prefix: str = "WSGIKIT", *, loads: Callable[[str], Any] = json.loads
    ) -> bool:
        """Take environment variables that start with ``prefix`` and an underscore.

        ``WSGIKIT_SESSION_COOKIE_SECURE=true`` sets a bool: values are read as JSON where they
        are JSON, else as text. Two underscores go into a nested dict: ``WSGIKIT_DB__URL``.
        """
        start = f"{prefix}_"
        for name in sorted(os.environ):
            if name.startswith(start) and name.removeprefix(start).split("__")[0].isupper():
                self._set_nested(name.removeprefix(start), _loads_or_text(os.environ[name], loads))
        return True

    def _set_nested(self, name: str, value: Any) -> None:
        target: dict[str, Any] = self
        *parents, last = name.split("__")
        for parent in parents:
            if not isinstance(target.get(parent), dict):
                target[parent] = {}
            target = target[parent]
        target[last] = value

    def get_namespace(self, prefix: str) -> dict[str, Any]:
        """The values of all keys that start with ``prefix``, by the rest in lower case."""
        return {k.removeprefix(prefix).lower(): v for k, v in self.items() if k.startswith(prefix)}

    def __repr__(self) -> str:
        return f"<Config with {len(self)} keys>"  # no values: some are secret


def _loads_or_text(text: str, loads: Callable[[str], Any]) -> Any:
    try:
        return loads(text)
    except ValueError:
        return text
