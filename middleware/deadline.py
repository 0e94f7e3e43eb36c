"""Gives each request a time to be answered in, and refuses those that come too late."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgikit.deadline import Deadline
from wsgikit.environ import DEADLINE, TRUSTED_PEER
from wsgikit.errors import ConfigurationError, DeadlineExceeded
from wsgikit.layer import Layer
from wsgikit.trusted_peers import TrustedPeers, has_trusted_peer

_REQUEST_START = re.compile(r"(?:t=)?([0-9]{10}|[0-9]{13}|[0-9]{16})(\.[0-9]{1,9})?")
_UNITS = {10: 1.0, 13: 1e-3, 16: 1e-6}
"""What the digits of a time in this century count: seconds, milliseconds or microseconds."""
_LONGEST_WAIT = 60 * 60
"""Seconds. No proxy waits that long for a server: it is a wrong clock or a client's text."""


class DeadlineMiddleware(Layer):
    """Set ``deadline.remaining()``; answer 503 when a request has waited too long already.

    :param app: the WSGI app inside.
    :param seconds: how long an answer may take, from when the first proxy got the request. What
        comes later than that is refused with 503 and Retry-After before any work is done for it,
        since nobody waits for it any more.
    :param trusted: networks, as in ``ProxyMiddleware``, whose ``X-Request-Start`` is believed:
        POSIX time, as nginx (``t=${msec}``), Heroku (milliseconds) and Apache (``%t``,
        microseconds) send it: they have to set it or clear it, else it is their clients' choice.
        Their clocks and this host's must agree. Default: what ``ProxyMiddleware`` trusts. From all
        others, or where it is no plausible time, the time counts from here.
    :raises ConfigurationError: an option is wrong.

    Nothing is cut off: see ``wsgikit.deadline`` for how code asks what is left. Without a
    ``ContextMiddleware`` inside, that is ``environ["wsgikit.deadline"].remaining()``. gunicorn's
    ``timeout`` is none of this, with threads: it tells whether a worker as a whole is alive.

    Sets ``environ["wsgikit.deadline"]``. Place it inside ``ProxyMiddleware``, which tells whom to
    trust, inside what logs and counts, which is to see what is refused here too, and outside
    ``ContextMiddleware``, so that this costs nothing.
    """

    provides = (DEADLINE,)
    uses = (TRUSTED_PEER,)

    def __init__(
        self,
        app: WSGIApplication,
        /,
        *,
        seconds: float,
        trusted: Iterable[str] | None = None,
    ) -> None:
        super().__init__(app)
        if not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
            raise ConfigurationError(
                f"seconds={seconds!r} is no time to answer in.\n\nWrite seconds, such as 30."
            )
        self.seconds = seconds
        self._trusted = None if trusted is None else TrustedPeers(trusted)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        deadline, outer = Deadline(self.seconds, self._waited(environ)), environ.get(DEADLINE)
        if outer is not None and outer.remaining() < deadline.remaining():
            deadline = outer  # nobody out there waits longer
        environ[DEADLINE] = deadline
        try:
            deadline.check()
        except DeadlineExceeded as late:
            return late.get_response(environ)(environ, start_response)
        return self.call_app(environ, start_response)

    def _waited(self, environ: WSGIEnvironment) -> float:
        """Seconds that the request has waited before it came here, as far as we believe it."""
        text = environ.get("HTTP_X_REQUEST_START")
        match = _REQUEST_START.fullmatch(text) if text else None
        if match is None or not has_trusted_peer(environ, self._trusted):
            return 0.0
        digits, fraction = match.groups("")
        waited = time.time() - float(digits + fraction) * _UNITS[len(digits)]
        return waited if 0 < waited < _LONGEST_WAIT else 0.0
