"""What a load balancer asks, streams of a chosen length, and a host that is checked, in one app."""

import os
import time
from collections.abc import Iterator

import records

from wsgikit import App, deadline, request
from wsgikit.middleware import (
    ContextMiddleware,
    DeadlineMiddleware,
    DrainMiddleware,
    ErrorMiddleware,
    HealthMiddleware,
)
from wsgikit.pipeline import Pipeline

app = App("draining")


@app.get("/")
def index() -> str:
    records.write("index")
    return "served"


@app.get("/worker")
def worker() -> str:
    return str(os.getpid())


@app.get("/slow")
def slow() -> str:
    records.write("slow")
    time.sleep(float(request.args["seconds"]))
    return "served"


@app.get("/stream")
def stream() -> Iterator[bytes]:
    for number in range(int(request.args["chunks"])):
        yield b"%d %s\n" % (number, request.path.encode())
        time.sleep(0.1)
    records.write("streamed")


@app.get("/remaining")
def remaining() -> dict[str, float]:
    return {"remaining": deadline.remaining()}


application = (
    Pipeline()
    .use(HealthMiddleware)
    .use(DrainMiddleware)
    .use(DeadlineMiddleware, seconds=30, trusted=["127.0.0.1"])
    .use(ContextMiddleware)
    .use(ErrorMiddleware)
    .run(app)
)
