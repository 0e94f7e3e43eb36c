"""One session in the store that ``STORE`` names, which many clients change at the same time."""

import os
import time

from wsgikit import App, session
from wsgikit.middleware import standard
from wsgikit.sessions import RedisStore, SQLStore

WAIT = 60
"""Seconds that a request waits for the lock or the store: as long as a slow machine takes."""

make_store = RedisStore if os.environ["STORE"].startswith("redis:") else SQLStore
store = make_store(os.environ["STORE"], timeout=WAIT)
app = App("stores", config={"SECRET_KEY": "only for tests"})
app.config.update(SESSION_STORE=store, SESSION_CONFLICT={"raised": "raise"})


@app.post("/begin")
def begin() -> str:
    session["begun"] = True
    return "begun"


@app.get("/")
def read() -> dict[str, object]:
    return dict(session)


@app.get("/linger")
def linger() -> dict[str, object]:
    values = dict(session)
    time.sleep(0.02)
    return values


@app.post("/increment/<key>")
def increment(key: str) -> str:
    session[key] = session.get(key, 0) + 1
    return str(session[key])


@app.post("/locked-increment/<key>")
def locked_increment(key: str) -> str:
    session.lock(wait=WAIT)
    return increment(key)


@app.post("/tokens/<token>")
def write_tokens(token: str) -> str:
    session.update(small=token, large=[token] * 1000, nested={"token": token})
    return token


application = standard(app)
