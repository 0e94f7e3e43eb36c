"""The command ``wsgikit``."""

from __future__ import annotations

import click

from ..version import __version__
from .secret import secret
from .sessions import sessions


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Look after a site that wsgikit serves."""


main.add_command(secret)
main.add_command(sessions)
