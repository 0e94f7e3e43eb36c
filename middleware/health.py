"""Answers the probes of orchestrators and load balancers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response

from wsgikit import json_response
from wsgikit.draining import close_if_draining, is_draining
from wsgikit.errors import ConfigurationError
from wsgikit.layer import Layer
from wsgikit.option_lists import list_of
from wsgikit.readiness import Check, check_times

_METHODS = ("GET", "HEAD")
_HEADERS = {"Cache-Control": "no-store"}


class HealthMiddleware(Layer):
    """Answer ``/livez`` (the process serves) and ``/readyz`` (it can do its work, and will stay).

    :param app: the WSGI app inside.
    :param checks: by name, what requests cannot do without: functions that raise, or return False,
        when it is not there. ``wsgikit.health_checks`` has some. They run in threads of their own,
        without any context. A check that fails takes all hosts that share its server out of the
        load balancer, so name nothing here that most pages can do without.
    :param live_path: answered with 200 always. What is not answered should be restarted.
    :param ready_path: answered with 200, or with 503 when a check fails, or from the server's
        SIGTERM on (see ``wsgikit.gunicorn``), so that no new requests are sent here.
    :param timeout: seconds that each check may take; default 2. One that takes longer goes on in
        its thread, beside the runs that follow: up to four, ever less often. So let what it asks
        with give up by itself: ``wsgikit.health_checks`` says how.
    :param keep: seconds that its result counts; default 1. Probes that come at the same time share
        one run.
    :raises ConfigurationError: an option is wrong.

    The answer is a small JSON object with the names of the checks that fail; why they do is in the
    log alone. Only GET and HEAD are answered; of what was sent nothing but method and path is read.
    From SIGTERM on the connection is closed after the answer, as ``DrainMiddleware`` has it.

    Place it outermost: probes have the host's own address as ``Host``, which ``HostMiddleware``
    would refuse, come by plain http, and belong in no access log.
    """

    def __init__(
        self,
        app: WSGIApplication,
        /,
        *,
        checks: Mapping[str, Callable[[], object]] | None = None,
        live_path: str = "/livez",
        ready_path: str = "/readyz",
        timeout: float = 2.0,
        keep: float = 1.0,
    ) -> None:
        super().__init__(app)
        paths = list_of("paths", [live_path, ready_path], "/livez")
        if len(paths) < 2 or not all(path.startswith("/") for path in paths):
            raise ConfigurationError(
                f"{live_path!r} and {ready_path!r} are no two paths.\n\n"
                "Write live_path='/livez', ready_path='/readyz'."
            )
        check_times(timeout, keep)
        self._checks = {
            name: Check(name, function, timeout=timeout, keep=keep)
            for name, function in _named(checks or {}).items()
        }
        self._answers = {live_path: _live, ready_path: self._ready}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._answers.get(environ.get("PATH_INFO", ""))
        if answer is None:
            return self.call_app(environ, start_response)
        start_response = close_if_draining(environ, start_response)
        if environ["REQUEST_METHOD"] not in _METHODS:
            return MethodNotAllowed(_METHODS).get_response(environ)(environ, start_response)
        return answer()(environ, start_response)

    def _ready(self) -> Response:
        if is_draining():
            return _response(HTTPStatus.SERVICE_UNAVAILABLE, status="draining")
        started = {name: check.start() for name, check in self._checks.items()}
        failing = [name for name, passes in started.items() if not passes()]
        if failing:
            return _response(HTTPStatus.SERVICE_UNAVAILABLE, status="not ready", failing=failing)
        return _response(HTTPStatus.OK, status="ready")


def _named(checks: Mapping[str, Callable[[], object]]) -> Mapping[str, Callable[[], object]]:
    if not isinstance(checks, Mapping):
        raise ConfigurationError(
            f"checks={checks!r} has no names.\n\nWrite {{'database': a function}}."
        )
    return checks


def _live() -> Response:
    return _response(HTTPStatus.OK, status="live")


def _response(code: HTTPStatus, /, **values: object) -> Response:
    text = f"{json_response.dumps(values)}\n"
    return Response(text, code, _HEADERS, mimetype="application/json")
