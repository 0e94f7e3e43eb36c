"""Flask's ``session`` becomes the pipeline's: ``app.session_interface = PipelineSessions()``."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ..environ import SESSION
from ..errors import ConfigurationError, MissingExtraError
from ..lifecycle import Headers
from ..session_layer import open_session, session_layer, visible_layers
from ..sessions import Session
from .view import SessionView

try:
    from flask.sessions import SessionInterface, SessionMixin
except ModuleNotFoundError as error:
    raise MissingExtraError("flask", "flask", "wsgikit.bridges.flask") from error

if TYPE_CHECKING:
    from flask import Flask, Request, Response


class FlaskSession(SessionView, SessionMixin):
    """What ``flask.session`` points to: the pipeline's session, with its methods."""

    @property
    def new(self) -> bool:  # type: ignore[override]  # Flask's is a constant
        """Whether this request brought no valid session."""
        return self._session.new

    @property
    def accessed(self) -> bool:
        """Whether data were read or written. Flask sets it at any use of ``flask.session``."""
        return self._session.accessed

    @accessed.setter
    def accessed(self, value: bool) -> None:
        pass


class OpenedSession(FlaskSession):
    """A session that no layer has opened, because the request never went through one.

    :param layer: the session layer of the pipeline, which opens and commits it.
    :param environ: of the request.
    """

    def __init__(self, layer: Any, environ: dict[str, Any]) -> None:
        self._headers: Headers = []
        self._commit = ExitStack()
        super().__init__(self._commit.enter_context(open_session(layer, environ, self._headers)))

    def save(self, response: Response) -> None:
        """Commit it; ``response`` gets its cookie."""
        self._commit.close()
        for name, value in self._headers:
            if name != "Content-Type":
                response.headers.add(name, value)


class PipelineSessions(SessionInterface):
    """Have ``flask.session`` be the pipeline's session.

    It is saved by the pipeline, when the response starts and never with a 5xx, so Flask's own
    cookie is not sent; its ``SECRET_KEY`` and ``SESSION_*`` config are not used.

    In tests, ``session_transaction`` and ``test_request_context`` work where the pipeline is around
    ``flask_app.wsgi_app``: there is no request then, so the session is opened on that layer.
    """

    def open_session(self, app: Flask, request: Request) -> FlaskSession:
        """The session of ``request``.

        :raises RuntimeError: there is no session layer; the text says what to write.
        """
        session: Session | None = request.environ.get(SESSION)
        if session is not None:
            return FlaskSession(session)
        # A copy, so that one environ can be opened twice, as session_transaction does.
        return OpenedSession(_layer_of(app), request.environ.copy())

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Leave it to the pipeline, if that has opened it."""
        if isinstance(session, OpenedSession):
            session.save(response)


def _layer_of(app: Flask) -> Any:
    try:
        return session_layer(visible_layers(app.wsgi_app))
    except ConfigurationError:
        raise RuntimeError(
            f"No session layer around {app!r}, whose session is the pipeline's.\n\nPut it into the "
            "pipeline: app.wsgi_app = standard(app.wsgi_app, current_app=App('legacy'), "
            "secret_key=…)."
        ) from None
