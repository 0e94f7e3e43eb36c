"""The standard chain around the bare callable."""

from wsgikit import App
from wsgikit.middleware import standard

from . import bare_peer
from .secret import SECRET

hello = standard(bare_peer.hello, current_app=App("bare"), secret_key=SECRET)
