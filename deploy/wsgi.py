"""The demo: a guestbook behind the whole pipeline, in the order in which a request travels.

``make serve`` starts it, or ``gunicorn -c deploy/gunicorn.conf.py`` with WSGIKIT_SECRET_KEY set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from inspect import getdoc
from pathlib import Path
from secrets import token_hex
from typing import Any

from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from deploy import guestbook
from deploy.mounted import bottle_app, plain_app
from wsgikit import (
    App,
    Pipeline,
    Response,
    abort,
    flash,
    g,
    redirect,
    render_template,
    request,
    send_file,
    session,
    url_for,
)
from wsgikit.middleware import (
    ContextMiddleware,
    ErrorMiddleware,
    GMiddleware,
    HooksMiddleware,
    SessionMiddleware,
)

app = App(__name__)
app.config.from_mapping(
    GUESTBOOK_DB=os.environ.get("GUESTBOOK_DB")
    or Path(__file__).with_name("instance") / "guestbook.sqlite3",
    MAX_CONTENT_LENGTH=16 * 1024,
    PROXIES=0,  # how many stand in front of us
)
app.config.from_prefixed_env()  # WSGIKIT_SECRET_KEY, WSGIKIT_SESSION_STORE, WSGIKIT_DEBUG …

application = (
    Pipeline()
    # Outermost: it corrects address, scheme and host, which all others read. It trusts no header
    # as long as there are no proxies, because a client could send these headers itself.
    .use(
        ProxyFix,
        x_for=app.config["PROXIES"],
        x_proto=app.config["PROXIES"],
        x_host=app.config["PROXIES"],
    )
    # Around all that uses request, session or g; it ends them when the body has been sent.
    .use(ContextMiddleware)
    # Inside the context, for its page to use it; around everything whose errors it answers.
    .use(ErrorMiddleware, debug=app.config["DEBUG"])
    # Inside the errors, as a session that cannot be stored is one; around all that changes it.
    # A client that posts and never looks at a page piles up messages: it keeps the first ones.
    .use(
        SessionMiddleware,
        secret_key=app.config["SECRET_KEY"],
        oversize="keep",
        store=app.config["SESSION_STORE"],  # in the cookie, unless one is named
    )
    # Around the hooks and views that use g. Nothing is opened before someone asks for it.
    .use(GMiddleware, db=guestbook.connect, request_id=lambda: token_hex(4))
    # Around the mounted apps, so that the visit counter and the headers below are theirs too.
    .use(HooksMiddleware)
    # Innermost: what is mounted finds the same contexts as the views of the router.
    .use(DispatcherMiddleware, mounts={"/bottle": bottle_app, "/plain": plain_app})
    .run(app)
)

app.on_startup(guestbook.create_table)


@app.before_request
def count_visit() -> None:
    """Count what this visitor looks at, in the mounted apps too."""
    if request.method == "GET" and request.endpoint != "style":
        session["visits"] = session.get("visits", 0) + 1


@app.after_request
def add_headers(response: Response) -> None:
    """Let a page load nothing but its style sheet, whichever app has made it."""
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Request-Id"] = g.request_id


@app.errorhandler(HTTPException)
def show_error(error: HTTPException) -> Any:
    """A page for every error, a 500 too. What the error sends along, such as Allow, is kept."""
    headers = dict(error.get_headers(request.environ))
    return render_template("error.html", error=error), error.code, headers


@app.get("/")
def index(name: str | None = None, message: str = "") -> str:
    return render_template(
        "index.html",
        name=session.get("name", "") if name is None else name,
        message=message,
        entries=guestbook.newest(g.db, limit=10),
        count=guestbook.count(g.db),
        limits=guestbook,
        layers=list(layers(application)),
    )


@app.post("/")
def sign() -> Any:
    name, message = (request.form.get(field, "").strip() for field in ("name", "message"))
    faults = guestbook.find_faults(name, message)
    if faults:
        for fault in faults:
            flash(fault, "error")
        return index(name, message), 400
    guestbook.add(g.db, name, message)
    # Here, because g.db is closed after the response was sent: the browser may have followed the
    # redirect by then, and it must find the entry.
    g.db.commit()
    session["name"] = name
    flash(f"Thank you, {name}: your entry is in the book.")
    return redirect(url_for("index"), 303)


@app.post("/undone/<any(abort, raise):how>")
def undone(how: str) -> None:
    """Write an entry and fail: g.db is rolled back, for it is told how the request ended."""
    guestbook.add(g.db, "Nobody", "This entry is never seen.")
    if how == "abort":
        abort(400, "An entry was written, then the view called abort(400).")
    raise RuntimeError("An entry was written, then the view raised.")


@app.get("/api/entries")
def api_entries() -> dict[str, Any]:
    limit = min(max(request.args.get("limit", 20, type=int), 0), 100)
    entries = [entry._asdict() for entry in guestbook.newest(g.db, limit)]
    return {"visits": session.get("visits", 0), "request_id": g.request_id, "entries": entries}


@app.get("/export.csv")
def export() -> Response:
    download = {"Content-Disposition": "attachment; filename=guestbook.csv"}
    return Response(export_rows(), mimetype="text/csv", headers=download)


def export_rows() -> Iterator[str]:
    """Stream the book. The contexts are open to the last chunk, so that every line can ask them."""
    yield guestbook.to_csv([(*guestbook.Entry._fields, "path", "visits", "request_id")])
    for page in guestbook.pages(g.db):
        seen = (request.path, session.get("visits", 0), g.request_id)
        yield guestbook.to_csv([(*entry, *seen) for entry in page])


@app.get("/request")
def this_request() -> str:
    """What the four names hold: a page in Mako, inside the layout that is in Jinja2."""
    page = Markup(render_template("request.mako"))  # escaped already, by Mako
    return render_template("layout.html", title="This request", page=page)


@app.get("/style.css")
def style() -> Any:
    return send_file("templates/style.css")


def layers(layer: object) -> Iterator[tuple[str, str]]:
    """The name of each layer and the first paragraph on it, outermost first."""
    while layer is not None:
        summary = (getdoc(type(layer)) or "").partition("\n\n")[0]
        yield type(layer).__name__, summary.replace("`", "").replace("\n", " ")
        layer = getattr(layer, "app", None)
