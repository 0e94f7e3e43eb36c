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
    yield from _find_misplaced(nodes)
    yield from _find_outside_proxy(nodes)
    if target.app is not None and not any(node.is_a("HooksMiddleware") for node in nodes):
        yield from _find_idle_hooks(target.app)


def _find_misplaced(nodes: Sequence[Node]) -> Iterator[Finding]:
    for index, node in enumerate(nodes):
        rank = _rank(node)
        outside = next(
            (each for each in nodes[:index] if rank is not None and (_rank(each) or 0) > rank), None
        )
        if outside is not None:
            problem = f"{node.label} stands inside {outside.label}."
            fix = f"Move it out: .use({node.label}, …) before .use({outside.label}, …)"
            yield Finding("chain-order", problem, fix)


def _rank(node: Node) -> int | None:
    return next((i for i, names in enumerate(_ORDER) if node.is_a(*names)), None)


def _find_outside_proxy(nodes: Sequence[Node]) -> Iterator[Finding]:
    names = [node.is_a("ProxyMiddleware", "ProxyFix") for node in nodes]
    for node in nodes[: names.index(True)] if True in names else ():
        if _rank(node) is None:
            problem = f"{node.label} stands outside the proxy layer, and sees the proxy's address."
            fix = f"Move it in: .use({node.label}, …) after that layer"
            yield Finding("chain-order", problem, fix)


def _find_idle_hooks(app: App) -> Iterator[Finding]:
    hooks = (app.before_request_funcs, app.after_request_funcs, app.error_handlers)
    if any(hooks):
        problem = f"No HooksMiddleware runs the hooks and error handlers of {app!r}."
        yield Finding("hooks-idle", problem, "Write .use(HooksMiddleware) as the innermost layer")
