"""The little app on wsgikit's own router."""

from __future__ import annotations

from typing import Any

from wsgikit import App, Response, redirect, request, send_file


def build(views: Any, app: App) -> App:
    """Give ``app``, which is its own ``current_app``, the pages of the others."""
    for path, view in views.PAGES.items():
        app.add_url_rule(path, path, view, methods=["GET", "POST"])
    for path, stream in views.STREAMS.items():
        app.add_url_rule(path, path, _streaming(stream))
    app.add_url_rule("/fail", "fail", views.fail)
    app.add_url_rule("/plain", "plain", lambda: "plain")
    app.add_url_rule("/empty", "empty", lambda: ("", 204))
    app.add_url_rule("/redirect", "redirect", lambda: redirect("/plain"))
    app.add_url_rule("/file", "file", lambda: send_file(views.FILE, mimetype="text/plain"))
    app.add_url_rule("/form", "form", lambda: request.form["word"], methods=["POST"])
    return app


def _streaming(stream: Any) -> Any:
    return lambda: Response(stream(request.environ), mimetype="text/plain")
