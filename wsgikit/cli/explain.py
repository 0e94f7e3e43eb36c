"""``wsgikit explain``: one request, layer by layer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication, WSGIEnvironment
from wsgiref.util import FileWrapper

import click
from werkzeug.test import EnvironBuilder

from .. import lifespan
from ..lifecycle import close_body
from .printable import printable
from .table import print_table
from .target import Target, app_argument
from .trace import Step, watched
from .where import describe_error

_MISSING = object()
_FORM = "application/x-www-form-urlencoded"


@click.command()
@app_argument
@click.argument("method")
@click.argument("path")
@click.option("-H", "--header", "headers", metavar="'NAME: VALUE'", multiple=True)
@click.option("-d", "--data", metavar="TEXT", help="The body; a form, unless a header says else.")
def explain(
    target: Target, method: str, path: str, headers: tuple[str, ...], data: str | None
) -> None:
    """Send one request through an app, and show what each layer did.

    PATH may be a URL, such as https://example.org/: then scheme and host are what a proxy that is
    trusted would say.

    The time in its own code; what it added to the environ, g, the session and the response; and
    where an error came up. The request is served in this process, by the real view and with all
    that it does: do not try a DELETE on what you need. It is the first one of this process, and
    slower than later ones.
    """
    try:
        environ = _environ(method.upper(), path, headers, data)
    except ValueError as error:
        raise click.UsageError(f"That is no request: {error}.") from error
    lifespan.startup()  # as in a server's worker
    try:
        with watched(target.nodes) as (application, steps, trace):
            begin = perf_counter()
            trace.start()
            outcome = _serve(application, environ)
            trace.stop()
            total = perf_counter() - begin
    finally:
        lifespan.shutdown()
    click.echo(f"{method.upper()} {printable(path)}: {printable(outcome)}\n")
    rows = [("layer", f"{'ms':>9}", "added"), *map(_row, steps)]
    rows.append(("body", _ms(trace.server.seconds), ""))
    rows.append(("explain itself", _ms(trace.own_seconds), ""))
    print_table([*rows, ("total", _ms(total), "")])


def _row(step: Step) -> tuple[str, str, str]:
    label = f"{'  ' * step.node.depth}{step.node.label}" if step.node is not None else ""
    if step.entered is None:
        return label, "", "did not run"
    return label, _ms(step.seconds), printable("; ".join(_added(step)))


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:9.3f}"


def _added(step: Step) -> Iterator[str]:
    before, after = step.entered or {}, step.handed or {}
    keys = [key for key, value in after.items() if not _same(before.get(key, _MISSING), value)]
    if keys:
        yield f"environ {', '.join(sorted(keys))}"
    yield from step.names
    inside = [header for inner in step.inner for header in inner.headers]
    names = dict.fromkeys(name for name, value in step.headers if (name, value) not in inside)
    if names:
        yield f"headers {', '.join(names)}"
    if step.status and step.status not in {inner.status for inner in step.inner}:
        yield step.status
    if step.raised:
        passed = any(inner.raised == step.raised for inner in step.inner)
        yield "let the error through" if passed else f"raised {step.raised}"


def _same(before: object, after: object) -> bool:
    return before is after or (isinstance(before, str) and before == after)


def _environ(method: str, path: str, headers: Sequence[str], data: str | None) -> WSGIEnvironment:
    body = None if data is None else data.encode()
    pairs = [_pair(each) for each in headers]
    url = urlsplit(path)
    base_url = f"{url.scheme}://{url.netloc}/" if url.scheme and url.netloc else None
    builder = EnvironBuilder(
        path, base_url, method=method, headers=pairs, data=body, errors_stream=sys.stderr
    )
    if body is not None and not builder.content_type:
        builder.content_type = _FORM
    return {
        **builder.get_environ(),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.file_wrapper": FileWrapper,
    }


def _pair(header: str) -> tuple[str, str]:
    name, colon, value = header.partition(":")
    if not (colon and name.strip()):
        raise click.UsageError("Write each header as 'Name: value'.")
    return name.strip(), value.strip()


def _serve(application: WSGIApplication, environ: WSGIEnvironment) -> str:
    """Do what a server does; return how the response began, and how much came of it."""
    started: list[str] = []
    sent: list[int] = []

    def start_response(status: str, headers: Any, exc_info: Any = None, /) -> Any:
        started[:] = [status]
        return lambda data: sent.append(len(data))

    outcome = ""
    try:
        body = application(environ, start_response)
        try:
            sent.extend(map(len, body))
        finally:
            close_body(body)
    except (Exception, SystemExit) as error:
        outcome = f"; then raised {describe_error(error)}"
    return f"{''.join(started) or 'no response'}, {sum(sent)} bytes{outcome}"
