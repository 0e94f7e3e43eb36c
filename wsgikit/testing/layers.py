"""The app that a test's application serves, and the outermost layer around an app."""

from __future__ import annotations

from wsgiref.types import WSGIApplication

from ..app import App, find_app
from ..errors import ConfigurationError


def entry_of(app: App) -> WSGIApplication:
    """The outermost layer of the pipeline around ``app``.

    :raises ConfigurationError: ``app`` is in no pipeline.
    """
    if app.entry is None:
        raise ConfigurationError(
            f"{app!r} is in no pipeline, so there is nothing to send a request to.\n\n"
            "Build one: TestApp(standard(app)), with standard from wsgikit.middleware."
        )
    return app.entry


def app_in(application: WSGIApplication) -> App:
    """The ``App`` that ``application`` serves.

    :raises ConfigurationError: there is none, or a layer hides it.
    """
    app = find_app(application)
    if app is None:
        raise ConfigurationError(
            f"There is no App to be found in {application!r}.\n\n"
            "Put a pipeline around it: TestApp(standard(app, current_app=App('legacy'))). Where a "
            "layer hides the App, name it: TestApp(application, current_app=app)."
        )
    return app
