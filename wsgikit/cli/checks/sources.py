"""The source of a site, as far as it is loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

_INSTALLED = {"site-packages", "dist-packages"}
"""Folders of what others have written."""


def sources(target: ModuleType) -> Iterator[tuple[str, bytes]]:
    """The modules in the top-level package of ``target``, and those beside it, by name."""
    package = target.__name__.partition(".")[0]
    folder = _folder(target)
    for name, module in [*sys.modules.items()]:
        path = Path(getattr(module, "__file__", None) or "")
        is_beside = folder in path.parents and not _INSTALLED & {*path.parts}
        if (is_beside or name.partition(".")[0] == package) and path.is_file():
            yield name, path.read_bytes()


def _folder(target: ModuleType) -> Path | None:
    """Where its top-level package or module lies; None: it has no file."""
    file = getattr(target, "__file__", None)
    depth = target.__name__.count(".") + hasattr(target, "__path__")
    return Path(file).parents[depth] if file is not None else None
