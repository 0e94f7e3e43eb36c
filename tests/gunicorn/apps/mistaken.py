"""Fails to load, to start, or to answer, as long as a file of that name is in the folder."""

import logging
import os
import time
from logging.handlers import MemoryHandler
from pathlib import Path
from threading import Event

import records

from wsgikit import App
from wsgikit.middleware import AccessLogMiddleware, standard

FOLDER = Path(records.FOLDER)

log = logging.getLogger("buffered")
log.addHandler(MemoryHandler(1000, target=logging.FileHandler(FOLDER / "buffered")))

app = App("mistaken", config={"SECRET_KEY": "only for tests"})

records.write("loaded")
while (FOLDER / "slow").exists():
    time.sleep(0.02)
if (FOLDER / "broken").exists():
    raise LookupError("the new code is wrong")


@app.on_startup
def start():
    if (FOLDER / "away").exists():
        raise LookupError("the database is away")
    records.write("startup")


@app.on_shutdown
def end():
    records.write("shutdown")
    log.warning("ended")


@app.get("/")
def index():
    return str(os.getpid())


@app.get("/busy")
def busy():
    records.write("busy")
    Event().wait()


application = AccessLogMiddleware(standard(app), format="json")
