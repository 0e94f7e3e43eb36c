"""The layers' order, as far as ``Pipeline.run`` cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...app import App
from ...layer import Layer
from ..layers import Node
from ..target import Target
from .finding import Finding
from .paths import paths

_ORDER = (
    ("HealthMiddleware",),
    ("ProxyMiddleware", "ProxyFix"),
    ("RequestIDMiddleware",),
    ("AccessLogMiddleware", "MetricsMiddleware"),
    ("HostMiddleware",),
    ("HTTPSMiddleware",),
    ("DrainMiddleware", "DeadlineMiddleware"),
    ("ContextMiddleware",),
    ("ErrorMiddleware",),
    ("SessionMiddleware", "GMiddleware"),
    ("HooksMiddleware",),
)
"""Outermost first; those of one line stand in any order."""


def find(target: Target) -> Iterator[Finding]:
    """Look at what stands where."""
    if not target.has_layers:
        yield Finding("chain-none", *_no_layers(target))
        return
    nodes = target.nodes
    for path in paths(nodes):
        node = path[-1]
        if node.hides:
            problem = f"{node.name} hides what it calls from tools such as this one."
            yield Finding("chain-hidden", problem, "Keep the app inside in an attribute app")
        yield from _find_misplaced(node, _own_part(path))
        if _is_proxy(node) and not any(map(_is_proxy, path[:-1])):
            yield from _find_too_far_out(path[:-1])
    if target.app is not None and not any(node.is_a("HooksMiddleware") for node in nodes):
        yield from _find_idle_hooks(target.app)


def _no_layers(target: Target) -> tuple[str, str]:
    fix = "Name what standard(app) or Pipeline.run(app) returned"
    if isinstance(target.application, App):
        return f"{target.path} is the App alone, which refuses to serve.", fix
    problem = (
        f"{target.path} has no layer of wsgikit, or hides all of them from tools such as this."
    )
    return problem, f"{fix}, or keep that in an attribute app; write a factory as module:make_app()"


def _own_part(path: Sequence[Node]) -> list[Node]:
    """The layers on a path that are of the same pipeline as its last one.

    What a layer chooses among several is a pipeline of its own; and one inside another one begins
    with the first layer that has been there before.
    """
    part: list[Node] = []
    for node in path:
        if part and (part[-1].branches or _has_again(node.layer, part)):
            part = []
        part.append(node)
    return part


def _has_again(layer: object, part: Sequence[Node]) -> bool:
    return isinstance(layer, Layer) and any(type(each.layer) is type(layer) for each in part)


def _find_misplaced(node: Node, part: Sequence[Node]) -> Iterator[Finding]:
    rank = _rank(node)
    wrong = [each for each in part if rank is not None and (_rank(each) or 0) > rank]
    if wrong:
        problem = f"{node.name} stands inside {wrong[0].name}."
        fix = f"Move it out: .use({node.name}, …) before .use({wrong[0].name}, …)"
        yield Finding("chain-order", problem, fix)


def _rank(node: Node) -> int | None:
    return next((i for i, names in enumerate(_ORDER) if node.is_a(*names)), None)


def _is_proxy(node: Node) -> bool:
    return node.is_a("ProxyMiddleware", "ProxyFix")


def _find_too_far_out(outside: Sequence[Node]) -> Iterator[Finding]:
    for node in outside:
        if _rank(node) is None and not node.branches:
            problem = f"{node.name} stands outside the proxy layer, and sees the proxy's address."
            fix = f"Move it in: .use({node.name}, …) after that layer"
            yield Finding("chain-order", problem, fix)


def _find_idle_hooks(app: App) -> Iterator[Finding]:
    hooks = (app.before_request_funcs, app.after_request_funcs, app.error_handlers)
    if any(hooks):
        problem = f"No HooksMiddleware runs the hooks and error handlers of {app!r}."
        yield Finding("hooks-idle", problem, "Write .use(HooksMiddleware) as the innermost layer")
