"""The app and the layers that a test's application is made of."""

from __future__ import annotations

from typing import Any
from wsgiref.types import WSGIApplication

from ..app import App, find_app
from ..environ import SESSION
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


def session_layer(layers: tuple[WSGIApplication, ...]) -> Any:
    """The outermost layer that provides ``environ["wsgikit.session"]``.

    :raises ConfigurationError: there is none.
    """
    for layer in layers:
        if SESSION in getattr(layer, "provides", ()):
            return layer
    raise ConfigurationError(
        "No layer of this pipeline provides a session.\n\nPut one into the chain: "
        "Pipeline()….use(SessionMiddleware, secret_key=…), or use standard()."
    )


def visible_layers(application: WSGIApplication) -> tuple[WSGIApplication, ...]:
    """``application`` and the layers in it, as far as each shows the next one as its ``app``."""
    layers: list[Any] = []
    layer: Any = application
    while layer is not None and not any(layer is each for each in layers):
        layers.append(layer)
        layer = getattr(layer, "app", None)
    return tuple(layers)
