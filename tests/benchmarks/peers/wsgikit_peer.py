"""The standard chain (context, error, session, g, hooks) around the router."""

from wsgikit import App, g, session
from wsgikit.middleware import standard

from .secret import SECRET

hello_app = App("hello", config={"SECRET_KEY": SECRET})
visits_app = App("visits", config={"SECRET_KEY": SECRET})


@hello_app.get("/")
def index():
    return "Hello, World!"


@visits_app.before_request
def set_user():
    g.user = "grace"


@visits_app.get("/read/<name>")
def read(name):
    return f"{name} {g.user} {session['visits']}"


@visits_app.get("/write")
def write():
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


hello = standard(hello_app)
visits = standard(visits_app)
