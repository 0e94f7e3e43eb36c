"""``wsgikit routes``: what the app's router knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from werkzeug.routing import Rule

from .table import print_table
from .target import Target, app_argument

_BY_THEMSELVES = frozenset({"HEAD", "OPTIONS"})
_SORTED: dict[str, Callable[[Rule], Any] | None] = {
    "endpoint": lambda rule: (rule.endpoint, rule.rule),
    "rule": lambda rule: (rule.rule, rule.endpoint),
    "match": None,
}


@click.command()
@app_argument
@click.option(
    "--sort",
    type=click.Choice(list(_SORTED)),
    default="endpoint",
    help="By endpoint (the default), by rule, or in the order in which they are tried.",
)
@click.option("--all-methods", is_flag=True, help="Show HEAD and OPTIONS too.")
def routes(target: Target, sort: str, all_methods: bool) -> None:
    """Show the routes of an app."""
    rules = list(target.need_app().url_map.iter_rules())
    if not rules:
        click.echo("There are no routes.", err=True)
        return
    key = _SORTED[sort]
    if key is not None:
        rules.sort(key=key)
    hidden = frozenset[str]() if all_methods else _BY_THEMSELVES
    rows = [
        (each.endpoint, ", ".join(sorted((each.methods or set()) - hidden)), _rule(each))
        for each in rules
    ]
    print_table([("endpoint", "methods", "rule"), *rows])


def _rule(rule: Rule) -> str:
    return f"{rule.subdomain}|{rule.rule}" if rule.subdomain else rule.rule
