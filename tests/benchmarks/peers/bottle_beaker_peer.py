"""Bottle inside Beaker's session middleware."""

from beaker.middleware import SessionMiddleware
from bottle import Bottle, request

from .beaker_options import OPTIONS

hello_app = Bottle()
visits_app = Bottle()


@hello_app.get("/")
def index():
    return "Hello, World!"


@visits_app.hook("before_request")
def set_user():
    request.user = "grace"


@visits_app.get("/read/<name>")
def read(name):
    session = request.environ["beaker.session"]
    return f"{name} {request.user} {session['visits']}"


@visits_app.get("/write")
def write():
    session = request.environ["beaker.session"]
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    return str(session["visits"])


hello = SessionMiddleware(hello_app, OPTIONS)
visits = SessionMiddleware(visits_app, OPTIONS)
