"""``wsgikit shell``: Python, in an application context."""

from __future__ import annotations

import code
import sys
from typing import Any

import click

from .. import lifespan
from ..app import App
from ..proxies import g
from ..urls import url_for
from .target import Target, app_argument


@click.command()
@app_argument
def shell(target: Target) -> None:
    """Open Python's shell, or IPython's where that is installed, with the app at hand.

    It has app, g and url_for, and what the app's shell_context_processor functions return.
    """
    app = target.need_app()
    lifespan.startup()  # as in a server's worker
    try:
        with app.app_context():
            _interact(f"Python {sys.version.split()[0]}, {app!r} of {target.path}", _names(app))
    finally:
        lifespan.shutdown()


def _names(app: App) -> dict[str, Any]:
    names: dict[str, Any] = {"app": app, "g": g, "url_for": url_for}
    for function in app.shell_context_processors:
        names.update(function())
    return names


def _interact(banner: str, names: dict[str, Any]) -> None:
    try:
        from IPython import start_ipython
    except ImportError:
        _complete(names)
        code.interact(banner, local=names, exitmsg="")
    else:
        click.echo(banner)
        start_ipython(argv=[], user_ns=names)


def _complete(names: dict[str, Any]) -> None:
    try:
        import readline
        import rlcompleter
    except ImportError:  # Python was built without it
        return
    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("tab: complete")
