"""The gunicorn config of every server that these tests start."""

import os
from pathlib import Path

control_socket_disable = True
keepalive = 3600  # no connection is closed for being idle, however long the run
graceful_timeout = 10
preload_app = True  # a killed worker's successor is no more than a fork away


def post_worker_init(worker):
    Path(os.environ["WSGIKIT_TEST_FOLDER"], f"ready-{os.getpid()}").touch()
