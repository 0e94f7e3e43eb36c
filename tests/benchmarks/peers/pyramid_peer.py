"""Pyramid, with its signed session cookie as it is by default: issued again at each access."""

from pyramid.config import Configurator
from pyramid.events import NewRequest
from pyramid.response import Response
from pyramid.session import SignedCookieSessionFactory

from .secret import SECRET


def index(request):
    return Response("Hello, World!")


def set_user(event):
    event.request.user = "grace"


def read(request):
    name = request.matchdict["name"]
    return Response(f"{name} {request.user} {request.session['visits']}")


def write(request):
    session = request.session
    session["visits"] = session.get("visits", 0) + 1
    return Response(str(session["visits"]))


def make_hello(session_factory):
    with Configurator(session_factory=session_factory) as config:
        config.add_route("index", "/")
        config.add_view(index, route_name="index")
        return config.make_wsgi_app()


def make_visits(session_factory):
    with Configurator(session_factory=session_factory) as config:
        config.add_subscriber(set_user, NewRequest)
        config.add_route("read", "/read/{name}")
        config.add_route("write", "/write")
        config.add_view(read, route_name="read")
        config.add_view(write, route_name="write")
        return config.make_wsgi_app()


hello = make_hello(SignedCookieSessionFactory(SECRET))
visits = make_visits(SignedCookieSessionFactory(SECRET))
