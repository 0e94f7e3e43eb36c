"""``wsgikit secret``: a new key, and how to change from one to the next."""

from __future__ import annotations

import secrets
import sys

import click

_HOW = """\
\b
Use it: set it as app.config["SECRET_KEY"], or as WSGIKIT_SECRET_KEY in the
environment, from where app.config.from_prefixed_env() takes it. Keep it out
of the repository: whoever has it can make any session.

\b
Change it, and log nobody out:
1. Put the old key at the end of SECRET_KEY_FALLBACKS (the newest one is the
   last), and the new one into SECRET_KEY. What the old one has sealed is
   still opened, and sealed anew with the new one on the visitor's next
   response.
2. Drop the old one when PERMANENT_SESSION_LIFETIME has passed (31 days,
   unless you have set it): each session was used by then, or has ended.
A key that others may know is dropped at once, and everyone logs in again.
"""


@click.command(
    help=f"Print a new secret key, and nothing else: KEY=$(wsgikit secret) works.\n\n{_HOW}"
)
def secret() -> None:
    """Print a new key on stdout; on stderr, if that is a terminal, what to do with it."""
    click.echo(secrets.token_hex(32))
    if sys.stderr.isatty():
        click.echo("\n" + _HOW.replace("\b\n", ""), err=True)
