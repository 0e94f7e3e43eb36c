"""The ways that requests take through the layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...app import App
from ..layers import Node
from ..target import Target


def paths(nodes: Sequence[Node]) -> Iterator[list[Node]]:
    """The way to each layer, from the outermost one on, both included."""
    path: list[Node] = []
    for node in nodes:
        path[node.depth :] = [node]
        yield [*path]


def sites_without(target: Target, fits: Callable[[Node], bool]) -> str:
    """The names of the sites that no layer stands around that ``fits``.

    A site is what has contexts; where nothing has, all that is served. Empty where none is seen.
    """
    if not target.has_layers:
        return ""
    ends = [path for path in paths(target.nodes) if _is_end(path[-1])]
    sites = [path for path in ends if any(node.is_a("ContextMiddleware") for node in path)] or ends
    names = [path[-1].name for path in sites if not any(map(fits, path))]
    return ", ".join(dict.fromkeys(names))


def _is_end(node: Node) -> bool:
    return not node.links or isinstance(node.layer, App)
