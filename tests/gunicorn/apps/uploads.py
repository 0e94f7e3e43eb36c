"""Reads what is sent, and records it: an App, and another app that it serves."""

import logging
from pathlib import Path

import records
from teardowns import record_teardowns

from wsgikit import App, Pipeline, request
from wsgikit.middleware import AccessLogMiddleware, standard

access = logging.getLogger("wsgikit.access")
access.setLevel(logging.INFO)
access.addHandler(logging.FileHandler(Path(records.FOLDER, "access")))

app = App("uploads", config={"SECRET_KEY": "only for tests"})
record_teardowns(app)


@app.post("/data")
def data():
    records.write("reading")
    records.write("read", size=len(request.get_data()))
    return "read"


@app.post("/form")
def form():
    records.write("reading")
    records.write("read", size=len(request.form))
    return "read"


application = Pipeline().use(AccessLogMiddleware, format="json").run(standard(app))
