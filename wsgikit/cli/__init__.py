"""The command ``wsgikit``."""

from __future__ import annotations

import click

from ..version import __version__
from .check import check
from .explain import explain
from .routes import routes
from .secret import secret
from .serve import serve
from .sessions import sessions
from .shell import shell
from .tree import tree


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Serve a site, look into it, and look after it."""


for command in (serve, tree, routes, check, explain, shell, secret, sessions):
    main.add_command(command)
