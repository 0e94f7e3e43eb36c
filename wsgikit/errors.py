"""What wsgikit itself raises. A fault in a request is a werkzeug ``HTTPException``."""

from __future__ import annotations

import errno

from werkzeug.exceptions import Conflict, ServiceUnavailable


class ConfigurationError(ValueError):
    """An option or config value is missing or wrong. Raised while a pipeline is built."""


class PipelineError(ConfigurationError):
    """Layers stand in an order that cannot work. Raised by ``Pipeline.run``."""


class MissingExtraError(ImportError):
    """An optional package is needed and not installed; the text names the extra."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed.\n\n"
            f"Install it with the extra: pip install 'wsgikit[{extra}]'"
        )


class ClientDisconnected(ConnectionError):
    """The client left before the whole body was sent. A teardown gets it as the outcome.

    ``__cause__`` is the server's ``OSError`` when there was one.
    """


class ResponseAborted(ConnectionResetError):
    """An error cut the response after its headers had left: ``__cause__``, reported already.

    Raised to the server instead of that error. It closes the connection then, so that no client
    takes half a page for a whole one, and logs nothing: to it the connection has been reset.
    """

    def __init__(self, error: BaseException) -> None:
        name = type(error).__name__  # not its text: that may be private, or fail to be made
        super().__init__(errno.ECONNRESET, f"the response was cut by a {name}, reported already")
        self.__cause__ = error


class DeadlineExceeded(ServiceUnavailable):
    """The request has no time left: 503, with Retry-After."""

    description = "The server is too busy to answer in time. Please try again in a moment."


class SessionError(RuntimeError):
    """The session cannot do what was asked of it."""


class SessionCommitted(SessionError):
    """The session was written to after its cookie had left with the headers."""


class SessionReadOnly(SessionError):
    """The session was written to by a thread that the request was handed to."""


class SessionTooLarge(SessionError):
    """The session's ``Set-Cookie`` header is longer than browsers keep."""


class SessionValueError(SessionError, TypeError):
    """A session value has a type that the cookie cannot hold; the text names the key."""


class SessionUnavailable(ServiceUnavailable, SessionError):
    """The session store does not answer: 503, with Retry-After. ``__cause__`` is its error."""

    description = "The server cannot reach its session store. Please try again in a moment."


class SessionRefused(SessionUnavailable):
    """The session store answered, and refused what it was asked: 503. ``__cause__`` is its error.

    It is full, read-only or busy, say, and may still do what other requests ask of it.
    """

    description = "The session store cannot do this at present. Please try again in a moment."


class SessionConflict(Conflict, SessionError):
    """Another request has changed a session value that the policy lets no one overwrite: 409."""

    description = "Another request has changed the same data. Please try again."


class SessionLocked(ServiceUnavailable, SessionError):
    """The session's lock, or its row in a database, was not free in time: 503, with Retry-After."""

    description = "Another request is using this session. Please try again in a moment."
