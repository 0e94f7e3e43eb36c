"""Files, by a view and by a bare app, with an after_request hook and without."""

from pathlib import Path

import records
from teardowns import record_teardowns
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from wsgikit import App, send_file
from wsgikit.middleware import standard

PATH = Path(records.FOLDER, "file")
CONTENT = b"0123456789abcdef" * 4096
PATH.write_bytes(CONTENT)
CONFIG = {"SECRET_KEY": "only for tests"}


def wrapped_file(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](PATH.open("rb"))


def generated_file(environ, start_response):
    """The file wrapper in a generator: what hides it from the server."""
    start_response("200 OK", [("Content-Type", "text/plain")])

    def chunks(file):
        try:
            yield from file
        finally:
            file.close()

    return chunks(environ["wsgi.file_wrapper"](PATH.open("rb")))


def make_app(name: str, **options: object) -> App:
    app = App(name, config=CONFIG, **options)
    record_teardowns(app)
    return app


def hooked(app: App) -> App:
    @app.after_request
    def mark(response):
        response.headers["X-Hook"] = app.name

    return app


def with_view(app: App) -> App:
    @app.get("/")
    def file() -> object:
        return send_file(PATH)

    return app


application = DispatcherMiddleware(
    standard(with_view(make_app("view"))),
    {
        "/view-hook": standard(with_view(hooked(make_app("view-hook")))),
        "/bare": standard(wrapped_file, current_app=make_app("bare")),
        "/bare-hook": standard(wrapped_file, current_app=hooked(make_app("bare-hook"))),
        "/fallback-hook": standard(hooked(make_app("fallback-hook", fallback=wrapped_file))),
        "/generated": standard(generated_file, current_app=make_app("generated")),
    },
)
