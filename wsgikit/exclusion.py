"""Which requests a layer lets pass: by their paths, or by a function of the environ."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from wsgiref.types import WSGIEnvironment

from .errors import ConfigurationError
from .option_lists import list_of

Predicate = Callable[[WSGIEnvironment], bool]


def make_exclusion(exclude: Iterable[str] | Predicate) -> Predicate:
    """Return a function of the environ: whether the request is one of those in ``exclude``.

    :param exclude: whole paths, as the client sees them and without escapes; or the function.
    :raises ConfigurationError: one text in place of a list, or a path that does not start with /.
    """
    if callable(exclude):
        return exclude
    paths = list_of("paths", exclude, "/livez")
    for path in paths:
        if not path.startswith("/"):
            raise ConfigurationError(f"exclude has {path!r}.\n\nWrite the whole path: '/{path}'.")
    return lambda environ: (
        bool(paths) and environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "") in paths
    )
