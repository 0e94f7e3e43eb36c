"""An error in one line, with the place that it was raised at."""

from __future__ import annotations

import traceback
from pathlib import Path

import werkzeug

import wsgikit

from ..errors import ResponseAborted
from .printable import printable

_MACHINERY = tuple(Path(package.__path__[0]) for package in (wsgikit, werkzeug))


def describe_error(error: BaseException) -> str:
    """Its class, text, file and line: of the site's own code, if that is under way."""
    if isinstance(error, ResponseAborted) and error.__cause__ is not None:
        error = error.__cause__
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_machinery(frame.filename)]
    at = (own or frames)[-1]
    text = str(error).partition("\n")[0]
    return printable(f"{type(error).__name__}: {text} ({at.filename}:{at.lineno}, in {at.name})")


def _is_machinery(file: str) -> bool:
    return any(folder in Path(file).parents for folder in _MACHINERY)
