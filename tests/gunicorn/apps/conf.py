"""The gunicorn config of every server that these tests start."""

import os
import time
from pathlib import Path

import records
from gunicorn.http import wsgi

from wsgikit import gunicorn as hooks

os.environ.setdefault("DRAIN_SECONDS", "0")

control_socket_disable = True
keepalive = 30
graceful_timeout = 10
worker_connections = 256

if Path(records.FOLDER, "misconfigured").exists():
    raise NameError("no setting")

_sendfile = wsgi.Response.sendfile


def _recording_sendfile(response, body):
    used = _sendfile(response, body)
    records.write("sendfile", id=dict(response.req.headers).get("X-REQUEST-ID"), used=used)
    return used


wsgi.Response.sendfile = _recording_sendfile


child_exit = hooks.child_exit
when_ready = hooks.when_ready


def post_fork(server, worker):
    hooks.post_fork(server, worker)
    hold()


def hold():
    """Let a test have a worker forked, and not yet ready to hear a signal."""
    Path(records.FOLDER, "forked").touch()
    while Path(records.FOLDER, "hold").exists():
        time.sleep(0.02)


def post_worker_init(worker):
    hooks.post_worker_init(worker)
    Path(records.FOLDER, f"ready-{os.getpid()}").touch()


def worker_exit(server, worker):
    records.write_exit_report()
    hooks.worker_exit(server, worker)
