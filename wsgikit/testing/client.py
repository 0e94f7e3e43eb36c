"""WebTest's client, with the pipeline's session, contexts and signals within reach of a test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ..app import App
from ..environ import KEEP
from ..errors import MissingExtraError
from ..lifecycle import Headers
from ..session_layer import open_session, session_layer, visible_layers
from ..sessions import Session
from .capture import Captured, capturing
from .kept_contexts import KeptContexts
from .layers import app_in, entry_of

try:
    import webtest
    from webtest.lint import ErrorWrapper
    from webtest.utils import _RequestCookieAdapter, _ResponseCookieAdapter
except ModuleNotFoundError as error:
    raise MissingExtraError("webtest", "testing", "wsgikit.testing") from error


class TestApp(webtest.TestApp):  # type: ignore[misc]  # WebTest has no types
    """``webtest.TestApp`` for a pipeline: sessions, contexts and signals for the test to look at.

    :param application: what ``Pipeline.run`` or ``standard`` returned, with any WSGI layers around
        it; or an ``App`` in a pipeline, of which the outermost layer serves then.
    :param current_app: the ``App`` inside, where a layer hides it, or is a dispatcher that mounts
        it. Default: the ``App`` that ``application`` serves.
    :param webtest_options: those of ``webtest.TestApp``, such as ``extra_environ`` and ``lint``.
    :raises ConfigurationError: there is no ``App``, or it is in no pipeline.

    What an app writes to ``wsgi.errors`` does not fail the request, as it does in WebTest:
    it is in ``captured.errors`` and, as ever, in ``response.errors``.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        current_app: App | None = None,
        **webtest_options: Any,
    ) -> None:
        if isinstance(application, App):
            current_app, application = current_app or application, entry_of(application)
        # An App knows its last pipeline alone; this may be another one.
        self._seen = visible_layers(application) if current_app is None else ()
        self._application = application
        self.current_app = current_app or app_in(application)
        """The ``App`` that is tested."""
        self.captured = Captured()
        """What the last request sent, flashed, logged and wrote to ``wsgi.errors``."""
        self._kept = KeptContexts()
        self._blocks = 0
        super().__init__(self._serve, **webtest_options)

    @contextmanager
    def session(
        self, path: str = "/", *, extra_environ: Mapping[str, Any] | None = None
    ) -> Iterator[Session]:
        """``with`` the visitor's session between requests: what the block changes is stored.

        :param path: a path or URL to which the cookie's attributes must apply.
        :param extra_environ: for this transaction, such as ``{"wsgi.url_scheme": "https"}``.
        :raises ConfigurationError: no layer of the pipeline provides a session.
        :raises SessionTooLarge, SessionValueError: the session cannot be stored.

        Works on the layer of the chain, with no request to the app. A block that raises stores
        nothing.
        """
        layer = session_layer((*self._seen, *self.current_app.chain))
        request = self.RequestClass.blank(path, self._make_environ(extra_environ))
        cookies_of_request = _RequestCookieAdapter(request)
        self.cookiejar.add_cookie_header(cookies_of_request)
        headers: Headers = []
        with open_session(layer, request.environ, headers) as session:
            yield session
        response = webtest.TestResponse(headerlist=headers)
        self.cookiejar.extract_cookies(_ResponseCookieAdapter(response), cookies_of_request)

    @contextmanager
    def context(self) -> Iterator[None]:
        """``with`` the contexts of the last request kept open: ``request``, ``session``, ``g`` …

        They end, and their teardown runs with the request's outcome, at the next request of this
        client or at the end of the block. A request that a layer outside ``ContextMiddleware``
        answered has none.
        """
        self._blocks += 1
        try:
            yield
        finally:
            self._blocks -= 1
            self._end_contexts()

    def do_request(self, req: Any, status: Any = None, expect_errors: bool | None = None) -> Any:
        """Send one request. All of WebTest's methods end here."""
        self._end_contexts()
        captured = self.captured = Captured()
        if self._blocks:
            req.environ[KEEP] = self._kept.keep
        try:
            with capturing(self.current_app, captured):
                response = super().do_request(req, status, expect_errors)
        finally:
            req.environ.pop(KEEP, None)
            self._kept.show()
        response.errors = captured.errors
        return response

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        stream = self.captured.stream  # of our own: WebTest's is gone when the request raises
        environ["wsgi.errors"] = ErrorWrapper(stream) if self.lint else stream
        return self._application(environ, start_response)

    def _end_contexts(self) -> None:
        with capturing(self.current_app, self.captured):  # their teardown is the request's
            self._kept.end()
