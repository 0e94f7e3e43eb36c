"""Counts in sessions, streams, and notes when each request begins and ends, and in which process.

It stands in the chain of production.

``NOTES`` is the file of notes.
"""

import json
import os
import time

from deploy.chain import configure, production
from wsgikit import App, Response, request, session

app = App(__name__)
configure(app)

NOTES = os.environ["NOTES"]
LINES_A_SECOND = 4


def note(kind, **fields):
    line = json.dumps({"kind": kind, "pid": os.getpid(), **fields}) + "\n"
    file = os.open(NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())  # in one piece, however many write
    finally:
        os.close(file)


@app.before_request
def note_begin():
    if "name" in request.args:
        note("begin", name=request.args["name"], method=request.method)


@app.teardown_request
def note_end(error):
    if "name" in request.args:
        outcome = None if error is None else type(error).__name__
        note("end", name=request.args["name"], outcome=outcome)


@app.get("/")
def count():
    return {"count": session.get("count", 0), "client": request.remote_addr}


@app.post("/")
def add():
    session["count"] = session.get("count", 0) + 1
    time.sleep(float(request.args["seconds"]))
    return count()


@app.get("/stream")
def stream():
    return Response(lines(), mimetype="text/plain", headers={"X-Accel-Buffering": "no"})


def lines():
    for number in range(int(request.args["seconds"]) * LINES_A_SECOND):
        yield f"{number} {os.getpid()} {request.path} {session.get('count', 0)}\n"
        time.sleep(1 / LINES_A_SECOND)
    yield "end\n"


application = production(app)
