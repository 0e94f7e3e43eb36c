"""The layers that name, log and count requests, around an app that answers in every way."""

import logging
import os
import time
from pathlib import Path

import records

from wsgikit import App, Pipeline, Response, request, send_file
from wsgikit.middleware import (
    AccessLogMiddleware,
    MetricsMiddleware,
    RequestIDMiddleware,
    standard,
)

access = logging.getLogger("wsgikit.access")
access.setLevel(logging.INFO)
access.addHandler(logging.FileHandler(Path(records.FOLDER, "access")))

app = App(__name__, config={"SECRET_KEY": "only for tests"})
app.logger.addHandler(logging.NullHandler())
app.logger.propagate = False

application = (
    Pipeline()
    .use(RequestIDMiddleware, trusted=["127.0.0.1"])
    .use(AccessLogMiddleware, format="json")
    .use(MetricsMiddleware)
    .run(standard(app))
)

LARGE = Path(records.FOLDER, "large")
LARGE.write_bytes(bytes(16 * 1024 * 1024))  # more than sockets hold

# Nothing may be open that workers would share after a fork, when the app is preloaded.
records.write("loaded", files=os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"]))


@app.get("/text/<int:number>")
def text(number):
    return f"text {number}"


@app.get("/stream")
def stream():
    yield b"one "
    yield b"two"


@app.get("/file")
def file():
    return send_file(__file__)


@app.get("/large")
def large():
    return send_file(LARGE)


@app.get("/broken")
def broken():
    raise ValueError


class Storage:
    """A file without a descriptor, whose server is away."""

    def read(self, size=-1):
        raise ValueError


@app.get("/storage")
def storage():
    file = request.environ["wsgi.file_wrapper"](Storage())
    return Response(file, direct_passthrough=True)


@app.post("/upload")
def upload():
    return str(len(request.get_data()))


@app.get("/endless")
def endless():
    return Response(chunks(), headers={"X-Pid": str(os.getpid())})


def chunks():
    while True:
        yield bytes(4096)
        time.sleep(0.005)
