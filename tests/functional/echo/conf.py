"""The gunicorn config of the server behind which nothing but the edge layers stands."""

import os
from pathlib import Path

control_socket_disable = True
if not os.environ.get("GUNICORN_READS_HEADERS"):  # both by ProxyMiddleware, as docs/proxies.md says
    secure_scheme_headers = {}
    forwarder_headers = ""


def post_worker_init(worker):
    Path(os.environ["WSGIKIT_TEST_FOLDER"], f"ready-{os.getpid()}").touch()
