"""Runs the hooks and error handlers that are registered on the current app."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgikit import signals
from wsgikit.before_request import run_before_request
from wsgikit.deferred_start import DeferredStart
from wsgikit.environ import CONTEXT, HOLD, SESSION, G
from wsgikit.error_handling import record_failure, respond
from wsgikit.held_request import hold
from wsgikit.layer import Layer
from wsgikit.lifecycle import raise_after
from wsgikit.request_context import RequestContext, context_of
from wsgikit.responses import make_response


class HooksMiddleware(Layer):
    """Run on_startup, before_first_request, before_request, after_request and error handlers.

    :param app: the WSGI app inside: the ``App`` itself, or one of any other framework.

    A before_request hook that returns something answers in place of the app. after_request hooks
    get a response made of what the app sent, streamed bodies untouched; they run for handled
    errors too. Blueprints' hooks run when the route is theirs. An error that no handler takes goes
    on to ``ErrorMiddleware``. The order is Flask's.

    Reads ``environ["wsgikit.context"]``. Place it innermost, right around the app: what hooks
    change in the session and in ``g`` must pass the layers of those on the way out.
    """

    requires = (CONTEXT,)
    uses = (SESSION, G)

    def __init__(self, app: WSGIApplication, /) -> None:
        super().__init__(app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        context = context_of(environ)
        answer = DeferredStart(context, start_response)
        try:
            return answer.finish(self._enter(context, environ, answer.start))
        except BaseException as error:
            too_late = answer.sent or error is context.disconnection
            if too_late or not isinstance(error, Exception):
                raise_after(error, answer.end)
            record_failure(context, error)
            response = respond(context, error)
            if response is None:
                raise
            return answer.finish_error(response)

    def _enter(
        self, context: RequestContext, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        app = context.app
        if not app.is_started:
            app.startup()
        if not app.first_request.done:
            app.first_request()
        if signals.request_started.receivers:
            signals.request_started.send(app)
        context.hooked = ()
        if app.before_request_funcs or app.blueprints:
            result = run_before_request(context)
            if result is not None:
                return make_response(result)(environ, start_response)  # type: ignore[no-any-return]
        if HOLD in environ and not context.is_inner:
            hold(context)  # there is no router inside that could
        return self.call_app(environ, start_response)
