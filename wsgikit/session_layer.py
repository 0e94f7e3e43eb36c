"""The session layer of a chain, and a session opened on it with no request to an app in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from .environ import SESSION
from .errors import ConfigurationError
from .lifecycle import Headers, close_body
from .sessions import Session


def visible_layers(application: WSGIApplication) -> tuple[WSGIApplication, ...]:
    """``application`` and the layers in it, as far as each shows the next one as its ``app``."""
    layers: list[Any] = []
    layer: Any = application
    while layer is not None and not any(layer is each for each in layers):
        layers.append(layer)
        layer = getattr(layer, "app", None)
    return tuple(layers)


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


@contextmanager
def open_session(layer: Any, environ: WSGIEnvironment, headers: Headers) -> Iterator[Session]:
    """Open the visitor's session, and commit it at the end of the block, unless that raises.

    :param layer: what provides ``environ["wsgikit.session"]`` in the chain.
    :param environ: of the request whose session it is; has the visitor's cookies.
    :param headers: gets those of the response that commits the session.

    The layer's app is a generator here, which starts its response when it is iterated (PEP 3333,
    "The start_response() Callable"): that is after the block.
    """

    def start_response(status: str, added: Headers, exc_info: object = None, /) -> Any:
        headers.extend(added)

    twin = copy(layer)
    twin.app = _answer_late
    body = twin(environ, start_response)
    try:
        yield environ[SESSION]
        for _ in body:
            pass
    finally:
        close_body(body)


def _answer_late(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b""
