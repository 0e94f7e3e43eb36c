"""Records when its workers start and end it, and the requests between."""

import os

import records

from wsgikit import App, current_app
from wsgikit.middleware import standard

app = App("lifespan", config={"SECRET_KEY": "only for tests"})


@app.on_startup
def start():
    if os.environ.get("WSGIKIT_TEST_FAIL"):
        raise LookupError("the database is not there")
    records.write("startup", app=current_app.name)


@app.on_shutdown
def end():
    records.write("shutdown", app=current_app.name)


@app.get("/")
def view():
    records.write("request")
    return str(os.getpid())


application = standard(app)
