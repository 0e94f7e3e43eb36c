"""The same small site, written with each framework as its users would write it.

A peer is a module with ``hello`` and, where it has a session, ``visits``. Both are WSGI apps with
the peer's session layer around them:

- ``hello``: ``/`` answers ``Hello, World!`` and touches no session. No hooks.
- ``visits``: a hook before each request sets a value for the request; ``/read/<name>`` answers with
  the name, that value, and the visits that the session has counted; ``/write`` counts one more.

Nothing is logged or debugged. A session that is only read is written again by Beaker, which cannot
be told not to, and by Pyramid, unless it is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from wsgiref.types import WSGIApplication

OURS = "wsgikit"
TITLES = {
    "bare": "bare WSGI callable",
    OURS: "wsgikit, standard chain + router",
    "wsgikit_around_bare": "wsgikit chain around the bare callable",
    "wsgikit_around_flask": "wsgikit chain around Flask",
    "falcon": "Falcon, bare route",
    "falcon_beaker": "Falcon + Beaker",
    "bottle": "Bottle, bare route",
    "bottle_beaker": "Bottle + Beaker",
    "pyramid": "Pyramid",
    "pyramid_fixed": "Pyramid, cookie not reissued",
    "werkzeug": "werkzeug Request + Map + Response",
    "django": "Django, signed-cookie sessions",
    "flask": "Flask",
}
SIDE_BY_SIDE = (
    "bare",
    OURS,
    "falcon",
    "falcon_beaker",
    "bottle_beaker",
    "pyramid",
    "pyramid_fixed",
    "werkzeug",
    "django",
    "flask",
)


@dataclass(frozen=True)
class Peer:
    """One of the modules of this package."""

    name: str
    hello: WSGIApplication
    visits: WSGIApplication | None


@cache
def load(name: str) -> Peer:
    """Import the peer. Django takes its settings from that, once for the process."""
    module = import_module(f"{__name__}.{name}_peer")
    return Peer(name, module.hello, getattr(module, "visits", None))
