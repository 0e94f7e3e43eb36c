"""What ``wsgikit serve --reload`` serves while a module cannot be imported."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any
from wsgiref.types import WSGIApplication

from gunicorn.util import make_fail_app  # type: ignore[import-untyped]

from ..booting import come_up
from ..threaded_worker import stop_well


def show_until_corrected(worker: Any, error: Exception) -> WSGIApplication:
    """Log the error and return an app that shows it; a change of the files in it ends the worker.

    Modules that failed are not among the imported ones, so gunicorn does not watch their files.
    """
    worker.log.exception("The app cannot be imported; waiting for a change")
    for file in _files(error):
        worker.reloader.add_extra_file(file)
    worker.cfg.set("post_worker_init", _come_up)
    return make_fail_app("".join(traceback.format_exception(error)))  # type: ignore[no-any-return]


def _come_up(worker: Any) -> None:
    """In place of our hook, which would start what there is of the app."""
    come_up.add(worker)
    stop_well(worker)


def _files(error: Exception) -> Iterator[str]:
    for frame, _ in traceback.walk_tb(error.__traceback__):
        yield frame.f_code.co_filename
    if isinstance(error, SyntaxError) and error.filename is not None:
        yield error.filename
