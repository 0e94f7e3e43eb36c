"""``wsgikit serve``: gunicorn, with the settings that fit."""

from __future__ import annotations

import os
from typing import Any

import click

from ..errors import MissingExtraError
from ..gunicorn import usable_cores

_MEMORY = "/dev/shm"
_DEVELOPMENT = {"workers": 1, "reload": True, "accesslog": "-"}
_COUNT = click.IntRange(1)
_FILE = click.Path(exists=True, dir_okay=False)


@click.command()
@click.argument("path", metavar="APP")
@click.option(
    "-b",
    "--bind",
    multiple=True,
    metavar="ADDRESS",
    envvar="BIND",
    help="HOST:PORT or unix:PATH. Default: 127.0.0.1:8000, or $BIND.",
)
@click.option(
    "-w",
    "--workers",
    type=_COUNT,
    envvar="WEB_CONCURRENCY",
    help="Processes. Default: one for each core, 2 at least; or $WEB_CONCURRENCY.",
)
@click.option(
    "--threads", type=_COUNT, envvar="THREADS", help="Of each process. Default: 8, or $THREADS."
)
@click.option(
    "--reload",
    "develop",
    is_flag=True,
    help="For development: one process, which starts anew when a file changes, and DEBUG.",
)
@click.option(
    "-c",
    "--config",
    type=_FILE,
    metavar="FILE",
    help="A gunicorn.conf.py; the options above come before it.",
)
def serve(
    path: str,
    bind: tuple[str, ...],
    workers: int | None,
    threads: int | None,
    develop: bool,
    config: str | None,
) -> None:
    """Serve an app: gunicorn with threaded workers, and wsgikit's hooks.

    APP is MODULE:NAME, or MODULE:NAME(...) for a factory; the name is application, else app, where
    you leave it out. Ctrl+C ends it at once, SIGTERM when the requests under way are answered, and
    SIGHUP loads the app anew.
    """
    settings: dict[str, Any] = {"bind": list(bind), "workers": workers, "threads": threads}
    given = {name: value for name, value in settings.items() if value}
    if develop:
        given |= _DEVELOPMENT
    try:
        from .server import Server
    except ImportError as error:
        missing = MissingExtraError("gunicorn", "gunicorn", "wsgikit serve")
        raise click.ClickException(str(missing)) from error
    Server(path, _defaults(), config, given).run()


def _defaults() -> dict[str, Any]:
    """Settings for production; ``deploy/gunicorn.conf.py`` has the reason of each."""
    return {
        "chdir": os.getcwd(),
        "bind": "127.0.0.1:8000",
        "worker_class": "gthread",
        "workers": max(2, usable_cores()),
        "threads": 8,
        "keepalive": 75,
        "graceful_timeout": 40,
        "max_requests": 20_000,
        "max_requests_jitter": 2_000,
        "forwarded_allow_ips": "",
        "secure_scheme_headers": {},
        "forwarder_headers": "",
        "worker_tmp_dir": _MEMORY if os.access(_MEMORY, os.W_OK) else None,
        "control_socket_disable": True,
    }
