"""Flask, with its own signed session cookie."""

from flask import Flask, g, session

from .secret import SECRET

hello = Flask("hello")
hello.secret_key = SECRET
visits = Flask("visits")
visits.secret_key = SECRET


@hello.get("/")
def index():
    return "Hello, World!"


@visits.before_request
def set_user():
    g.user = "grace"


@visits.get("/read/<name>")
def read(name):
    return f"{name} {g.user} {session['visits']}"


@visits.get("/write")
def write():
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])
