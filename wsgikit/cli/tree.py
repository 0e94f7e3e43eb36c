"""``wsgikit tree``: the pipeline, as it is built."""

from __future__ import annotations

from collections.abc import Iterator

import click

from ..app import App
from .layers import Node, module_of
from .table import print_table
from .target import Target, app_argument


@click.command()
@app_argument
def tree(target: Target) -> None:
    """Show the layers around an app, outermost first.

    With what each provides to those inside it, requires from those outside, and uses where it is
    there. APP is MODULE:NAME; the name is application, else app, where you leave it out.
    """
    rows = [(f"{'  ' * node.depth}{node.label}", "; ".join(_facts(node))) for node in target.nodes]
    print_table(rows)
    if isinstance(target.application, App):
        click.echo(f"\n{_alone(target.application)}")


def _facts(node: Node) -> Iterator[str]:
    layer = node.layer
    if isinstance(layer, App):
        count = sum(1 for _ in layer.url_map.iter_rules())
        yield f"{count} route{'s' * (count != 1)}"
        return
    declared = {kind: getattr(layer, kind, ()) for kind in ("requires", "provides", "uses")}
    for kind, keys in declared.items():
        if keys:
            yield f"{kind} {', '.join(keys)}"
    if not any(declared.values()):
        yield module_of(layer)
    if node.hides:
        yield "hides what it calls"


def _alone(app: App) -> str:
    if app.entry is None:
        return (
            f"{app!r} is in no pipeline, and refuses to serve.\nWrite: application = standard(app)"
        )
    return f"{app!r} alone refuses to serve: name what Pipeline.run() or standard() returned."
