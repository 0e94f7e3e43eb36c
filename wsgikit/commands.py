"""What an app adds to the command line."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import click

F = TypeVar("F", bound="Callable[[], dict[str, Any]]")


class Commands:
    """The commands of an ``App``, and what it has at hand in ``wsgikit shell``."""

    name: str

    def __init__(self) -> None:
        self.shell_context_processors: list[Callable[[], dict[str, Any]]] = []

    @cached_property
    def cli(self) -> click.Group:
        """The app's commands: ``@app.cli.command()``."""
        import click  # here, because serving needs no command line

        return click.Group(self.name)

    def shell_context_processor(self, f: F) -> F:
        """Add what ``f()`` returns, a dict, to the names in ``wsgikit shell``."""
        self.shell_context_processors.append(f)
        return f
