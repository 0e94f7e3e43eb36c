"""``wsgikit check``: what is wrong with a site before it goes live."""

from __future__ import annotations

from collections.abc import Iterator

import click

from ..errors import ConfigurationError, MissingExtraError
from .checks import Finding, find_all
from .printable import printable
from .target import load_beside_server


@click.command()
@click.argument("path", metavar="APP")
@click.option(
    "--skip", metavar="NAME", multiple=True, help="Leave out what is called so; again for more."
)
def check(path: str, skip: tuple[str, ...]) -> None:
    """Look for mistakes in how an app is set up for production.

    Secret keys, the session's cookie and store, debuggers, proxies, hosts, the order of the layers.
    Prints a line for each mistake: its name, what is wrong, and what to write instead. Exits with
    1 when there is one. Run it where the servers run: in their environment, with their store.
    """
    findings = [each for each in _find(path) if each.name not in skip]
    for each in findings:
        click.echo(printable(str(each)))
    if findings:
        raise SystemExit(1)
    click.echo(f"{path}: nothing found.", err=True)


def _find(path: str) -> Iterator[Finding]:
    try:
        target = load_beside_server(path)
    except (ConfigurationError, MissingExtraError) as error:
        problem, _, fix = str(error).partition("\n\n")
        yield Finding("not-built", f"The app cannot be built: {problem}", fix.replace("\n", " "))
        return
    yield from find_all(target)
