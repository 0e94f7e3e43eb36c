"""The layers' order, as far as ``Pipeline.run`` cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...app import App
from ..layers import Node
from ..target import Target
from .finding import Finding

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
    if isinstance(target.application, App):
        problem = f"{target.path} is the App alone, which refuses to serve."
        yield Finding(
            "chain-none", problem, "Name what standard(app) or Pipeline.run(app) returned"
        )
        return
    nodes = target.nodes
    for node in nodes:
        if node.hides:
            problem = f"{node.label} hides what it calls from tools such as this one."
            yield Finding("chain-hidden", problem, "Keep the app inside in an attribute app")
    for node, outside in _with_those_outside(nodes):
        yield from _find_misplaced(node, outside)
        if _is_proxy(node):
            yield from _find_too_far_out(outside)
    if target.app is not None and not any(node.is_a("HooksMiddleware") for node in nodes):
        yield from _find_idle_hooks(target.app)


def _with_those_outside(nodes: Sequence[Node]) -> Iterator[tuple[Node, list[Node]]]:
    """Each layer with those around it in its own pipeline.

    A pipeline inside another one begins with a context layer of its own.
    """
    around: list[Node] = []
    for node in nodes:
        around[node.depth :] = [node]
        begins = [i for i, each in enumerate(around) if each.is_a("ContextMiddleware")]
        yield node, around[begins[-1] if len(begins) > 1 else 0 : -1]


def _find_misplaced(node: Node, outside: Sequence[Node]) -> Iterator[Finding]:
    rank = _rank(node)
    wrong = [each for each in outside if rank is not None and (_rank(each) or 0) > rank]
    if wrong:
        problem = f"{node.label} stands inside {wrong[0].label}."
        fix = f"Move it out: .use({node.label}, …) before .use({wrong[0].label}, …)"
        yield Finding("chain-order", problem, fix)


def _rank(node: Node) -> int | None:
    return next((i for i, names in enumerate(_ORDER) if node.is_a(*names)), None)


def _is_proxy(node: Node) -> bool:
    return node.is_a("ProxyMiddleware", "ProxyFix")


def _find_too_far_out(outside: Sequence[Node]) -> Iterator[Finding]:
    for node in outside:
        if _rank(node) is None:
            problem = f"{node.label} stands outside the proxy layer, and sees the proxy's address."
            fix = f"Move it in: .use({node.label}, …) after that layer"
            yield Finding("chain-order", problem, fix)


def _find_idle_hooks(app: App) -> Iterator[Finding]:
    hooks = (app.before_request_funcs, app.after_request_funcs, app.error_handlers)
    if any(hooks):
        problem = f"No HooksMiddleware runs the hooks and error handlers of {app!r}."
        yield Finding("hooks-idle", problem, "Write .use(HooksMiddleware) as the innermost layer")
