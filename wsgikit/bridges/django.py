"""Django's ``request.session`` becomes the pipeline's: the engine ``wsgikit.bridges.django``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NoReturn
from wsgiref.types import WSGIEnvironment

from ..current import current_request_context
from ..errors import ConfigurationError, MissingExtraError, SessionError
from ..proxies import current_app, session
from ..session_layer import session_layer, visible_layers
from ..sessions import Session
from .session_id import KEY as ID
from .session_id import id_of, renew_id

try:
    from django.conf import settings
    from django.contrib.auth import SESSION_KEY as USER
    from django.contrib.sessions.backends.base import SessionBase
    from django.core.exceptions import ImproperlyConfigured
    from django.core.handlers.wsgi import get_str_from_wsgi
    from django.core.servers.basehttp import get_internal_wsgi_application
    from django.http import parse_cookie
except ModuleNotFoundError as error:
    raise MissingExtraError("django", "django", "wsgikit.bridges.django") from error

_MISSING = object()


class SessionStore(SessionBase):  # type: ignore[misc]  # Django has no types
    """The pipeline's session with Django's methods.

    :param session_key: the value of Django's own cookie, which has no meaning here.
    :raises RuntimeError: there is no request, or no session in it; the text says what to write.
    :raises ImproperlyConfigured: ``SESSION_SAVE_EVERY_REQUEST`` is set.

    Use it as ``SESSION_ENGINE = "wsgikit.bridges.django"``, with Django's ``SessionMiddleware``.
    The pipeline saves the session and sends its cookie, so Django sends none. A login by
    ``django.contrib.auth`` regenerates the session, and binds it to the user where sessions live in
    a store; a logout destroys it.
    """

    def __init__(self, session_key: str | None = None) -> None:
        if settings.SESSION_SAVE_EVERY_REQUEST:
            raise ImproperlyConfigured(
                "SESSION_SAVE_EVERY_REQUEST has Django send a cookie of its own.\n\nTake it out of "
                "the settings, and write SessionMiddleware(refresh_interval=0) in the pipeline."
            )
        self._of_pipeline: Session = session._get_current_object()
        if session_key is not None:
            environ = current_request_context("Django's session").environ
            if session_key != _own_cookie(environ):
                _refuse(session_key)

    @property
    def _session(self) -> Session:
        return self._of_pipeline

    async def _aget_session(self, no_load: bool = False) -> Session:
        return self._session

    @property
    def accessed(self) -> bool:
        """Whether anything was read or written: Django's caches go by the Vary header."""
        return self._session.accessed

    @property
    def modified(self) -> bool:
        """False, as there is nothing for Django to save. Set it True to force a write."""
        return False

    @modified.setter
    def modified(self, value: bool) -> None:
        self._session.modified = value

    def is_empty(self) -> bool:
        """False, as there is no cookie for Django to delete."""
        return False

    @property
    def session_key(self) -> str | None:
        """What tells this session from others; None before ``save()``, ``create()`` and a login."""
        key: str | None = self._session.get(ID)
        return key

    def __setitem__(self, key: str, value: Any) -> None:
        self._session[key] = value
        self._decide_expiry()
        if key == USER:
            with suppress(SessionError):  # kept in its cookie, where there is nothing to list
                self._session.bind(value)

    def _decide_expiry(self) -> None:
        if "_permanent" not in self._session:
            self.set_expiry(None)

    async def aset(self, key: str, value: Any) -> None:
        """As ``session[key] = value``."""
        self[key] = value

    def update(self, dict_: Mapping[str, Any]) -> None:
        """Set several values."""
        for key, value in dict(dict_).items():
            self[key] = value

    async def aupdate(self, dict_: Mapping[str, Any]) -> None:
        """As ``update``."""
        self.update(dict_)

    def pop(self, key: str, default: Any = _MISSING) -> Any:
        """Take a value out."""
        return self._session.pop(key, *(() if default is _MISSING else (default,)))

    async def apop(self, key: str, default: Any = _MISSING) -> Any:
        """As ``pop``."""
        return self.pop(key, default)

    def clear(self) -> None:
        """Take all values out."""
        self._session.clear()

    def flush(self) -> None:
        """End the session, in the store too; what is written after this makes a new one."""
        self._session.destroy()

    async def aflush(self) -> None:
        """As ``flush``."""
        self.flush()

    def cycle_key(self) -> None:
        """Go on under a new id."""
        self.create()
        self._session.regenerate()

    async def acycle_key(self) -> None:
        """As ``cycle_key``."""
        self.cycle_key()

    def create(self) -> None:
        """Give the session another ``session_key``."""
        renew_id(self._session)
        self._make_key()

    def save(self, must_create: bool = False) -> None:
        """Give the session a ``session_key``, and have it written when the response starts."""
        self._make_key()
        self._session.modified = True

    def _make_key(self) -> None:
        id_of(self._session)
        self._decide_expiry()

    def load(self) -> dict[str, Any]:
        """The values as a dict."""
        return dict(self._session)

    def exists(self, session_key: str) -> bool:
        """True for the key of this session.

        :raises NotImplementedError: it is another one's.
        """
        return session_key == self.session_key or _refuse(session_key)

    def delete(self, session_key: str | None = None) -> None:
        """End this session.

        :raises NotImplementedError: it is another one's key.
        """
        if session_key is None or self.exists(session_key):
            self.flush()

    def get_session_cookie_age(self) -> int:
        """Seconds without a request after which the pipeline ends a session."""
        max_age: int = session_layer(current_app.chain).max_age
        return max_age

    def set_expiry(self, value: int | datetime | timedelta | None) -> None:
        """Choose whether the cookie outlives the browser.

        :param value: 0: it does not; the pipeline's ``max_age``, in seconds or as a timedelta: it
            does; None: as ``SESSION_EXPIRE_AT_BROWSER_CLOSE`` says.
        :raises ValueError: any other, as the pipeline ends all sessions after the same time.
        """
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        if seconds is None:
            self._session.permanent = not settings.SESSION_EXPIRE_AT_BROWSER_CLOSE
        elif seconds in (0, self.get_session_cookie_age()):
            self._session.permanent = bool(seconds)
        else:
            raise ValueError(
                f"set_expiry({value!r}) cannot be kept: all sessions of this pipeline end after "
                f"{self.get_session_cookie_age()} seconds without a request.\n\nUse 0, None or "
                "that number, and set it for all by SessionMiddleware(max_age=…)."
            )

    async def aset_expiry(self, value: int | datetime | timedelta | None) -> None:
        """As ``set_expiry``."""
        self.set_expiry(value)

    def get_expire_at_browser_close(self) -> bool:
        """Whether the cookie ends with the browser."""
        return not self._session.permanent

    async def aget_expire_at_browser_close(self) -> bool:
        """As ``get_expire_at_browser_close``."""
        return self.get_expire_at_browser_close()

    @classmethod
    def clear_expired(cls) -> None:
        """Purge the store of the pipeline that ``WSGI_APPLICATION`` names.

        :raises NotImplementedError: it names none.
        """
        try:
            layer = session_layer(visible_layers(get_internal_wsgi_application()))
        except (ConfigurationError, ImproperlyConfigured) as error:
            raise NotImplementedError(
                "Expired sessions are in the store of the pipeline, which is not at hand.\n\nHave "
                "settings.WSGI_APPLICATION name the pipeline."
            ) from error
        if layer.store is not None:
            layer.store.purge()


def _own_cookie(environ: WSGIEnvironment) -> str | None:
    """Django's cookie, as Django reads it."""
    header = get_str_from_wsgi(environ, "HTTP_COOKIE", "")
    value: str | None = parse_cookie(header).get(settings.SESSION_COOKIE_NAME)
    return value


def _refuse(session_key: str) -> NoReturn:
    raise NotImplementedError(
        f"{session_key!r} is not the key of this request's session, and this engine knows no "
        "other.\n\nA user's sessions are listed and ended by the store: iterate(user_id), "
        "revoke(user_id, key)."
    )
