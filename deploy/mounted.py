"""Two existing apps beside the router: one of another framework, one bare WSGI callable."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import bottle

from deploy import guestbook
from wsgikit import flash, g, render_template, session


def bottle_home() -> str:
    """A Bottle view; it uses wsgikit's proxies as a view of the router does."""
    return render_template(
        "mounted.html",
        kind="Bottle",
        path=bottle.request.path,
        entries=guestbook.count(g.db),
        name=session.get("name", ""),
        form_action=bottle.request.script_name + "name",
    )


def bottle_name() -> None:
    """Keep a name in the session, where the guestbook's form finds it."""
    name = bottle.request.forms.getunicode("name", "").strip()
    if 0 < len(name) <= guestbook.MAX_NAME:
        session["name"] = name
        flash(f"Bottle put “{name}” into the session: the guestbook's form has it now.")
    else:
        flash(f"A name has 1 to {guestbook.MAX_NAME} characters.", "error")
    bottle.redirect(bottle.request.script_name, 303)


bottle_app = bottle.Bottle()
# Else Bottle answers for its own exceptions, and the chain can neither roll back nor report.
bottle_app.config["catchall"] = False
bottle_app.route("/", "GET", bottle_home)
bottle_app.route("/name", "POST", bottle_name)


def plain_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A bare WSGI callable; it finds session and g in the environ."""
    visitor, namespace = environ["wsgikit.session"], environ["wsgikit.g"]
    page = render_template(
        "mounted.html",
        kind="plain WSGI",
        path=environ["PATH_INFO"],
        entries=guestbook.count(namespace.db),
        name=visitor.get("name", ""),
    )
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [page.encode()]
