"""A session opened and committed by the real layer, with no request to an app in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from ..environ import SESSION
from ..lifecycle import Headers, close_body
from ..sessions import Session


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
