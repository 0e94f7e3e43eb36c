"""The environ keys that layers share. Nothing else is shared between two middlewares."""

CONTEXT = "wsgikit.context"
"""The :class:`~wsgikit.RequestContext` of this request, set by ``ContextMiddleware``."""

SESSION = "wsgikit.session"
"""The :class:`~wsgikit.session.Session` of this request, set by ``SessionMiddleware``."""

G = "wsgikit.g"
"""The namespace behind ``g`` in this request, set by ``GMiddleware``."""

KEEP = "wsgikit.keep"
"""Set by test tools alone: called as ``keep(context, end)`` when the outermost context would end;
``end()`` is left to it."""

HOLD = "wsgikit.hold"
"""Set by ``App.test_request_context`` alone: the router stops and keeps the context open."""

REQUEST_ID = "wsgikit.request_id"
"""The request's id in logs and on error pages: set by a layer outside, or made when needed."""

TRACEPARENT = "wsgikit.traceparent"
"""The trace that the request belongs to, as the value of a ``traceparent`` header to pass on: set
by ``RequestIDMiddleware``."""

PEER = "wsgikit.peer"
"""The address that the connection came from: set by ``ProxyMiddleware``, which may have put the
client's into ``REMOTE_ADDR``."""

HOST = "wsgikit.host"
"""The name that the request was sent to, when it is one of the site's: set by
``HostMiddleware``."""

TRUSTED_PEER = "wsgikit.trusted_peer"
"""Whether that peer is a proxy whose headers are believed: set by ``ProxyMiddleware``."""

PROXY_ORIGINAL = "wsgikit.proxy_original"
"""A dict of what ``ProxyMiddleware`` has changed and taken out: the environ's values before."""

DEADLINE = "wsgikit.deadline"
"""The :class:`~wsgikit.deadline.Deadline` of this request, set by ``DeadlineMiddleware``."""

CLOSE_CONNECTION = "wsgikit.close_connection"
"""Called before the response starts, it has the server close the connection after it: set by the
hooks of ``wsgikit.gunicorn``. PEP 3333 forbids apps the header that would say so."""

RULE = "wsgikit.rule"
"""The rule of the route of a request that has failed: left by its context, which has ended when the
layers outside are told."""

CLIENT_LEFT = "wsgikit.client_left"
"""True when a request has failed because its client was gone: left in the same way."""
