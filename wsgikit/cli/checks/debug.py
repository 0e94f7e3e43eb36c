"""What belongs on a developer's machine alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from ...app import App
from ...layer import Layer
from ..target import Target
from .finding import Finding

_SWITCHES = {
    "DEBUG": "pages and templates are those for development",
    "TESTING": "errors are raised to the server instead of answered",
    "PROPAGATE_EXCEPTIONS": "errors are raised to the server instead of answered",
}


def find(target: Target) -> Iterator[Finding]:
    """Look for debuggers in the chain, and for switches in the app's config."""
    for node in target.nodes:
        layer: Any = node.layer
        if node.is_a("ErrorMiddleware") and layer.debug:
            problem = "ErrorMiddleware shows the debugger, with the source and all variables."
            yield Finding("debugger", problem, "Leave debug out, and unset WSGIKIT_DEBUG")
        if node.is_a("HostMiddleware") and layer.debug:
            problem = "HostMiddleware tells which hosts it answers."
            yield Finding("debugger", problem, "Leave debug out of its options")
        if node.is_a("DebuggedApplication"):
            problem = "DebuggedApplication runs what is typed into its pages."
            yield Finding("debugger", problem, "Take it out of the chain")
        if node.is_a("ContextMiddleware"):
            yield from _find_switches(layer.current_app)
        if not isinstance(layer, Layer):
            yield from _find_foreign(getattr(layer, "__self__", layer))  # of Flask's wsgi_app


def _find_switches(app: App) -> Iterator[Finding]:
    for key, effect in _SWITCHES.items():
        if app.config.get(key):
            problem = f"{key} is on: {effect}."
            yield Finding(key.lower().replace("_", "-"), problem, f"Leave {key} out of the config")


def _find_foreign(app: Any) -> Iterator[Finding]:
    name, package = type(app).__name__, type(app).__module__.partition(".")[0]
    if getattr(app, "debug", False) is True:
        yield Finding("debug", f"{name} is in debug mode.", f"Leave debug out of {name}")
    if package == "django" and sys.modules["django.conf"].settings.DEBUG:
        yield Finding("debug", "Django is in debug mode.", "Set DEBUG = False in Django's settings")
