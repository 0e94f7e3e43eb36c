"""The standard chain around a Flask app, which keeps its own session."""

from wsgikit import App
from wsgikit.middleware import standard

from . import flask_peer
from .secret import SECRET

hello = standard(flask_peer.hello, current_app=App("flask"), secret_key=SECRET)
