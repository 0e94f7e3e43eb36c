"""The headers by which proxies speak of clients, by their keys in the environ."""

from __future__ import annotations

from wsgiref.types import WSGIEnvironment

from .environ import PROXY_ORIGINAL

FORWARDED = "HTTP_FORWARDED"
X_FOR = "HTTP_X_FORWARDED_FOR"
X_PROTO = "HTTP_X_FORWARDED_PROTO"
X_HOST = "HTTP_X_FORWARDED_HOST"
X_PORT = "HTTP_X_FORWARDED_PORT"
X_PREFIX = "HTTP_X_FORWARDED_PREFIX"
X_ANY = "HTTP_X_FORWARDED"
UNDERSTOOD = frozenset({FORWARDED, X_FOR, X_PROTO, X_HOST, X_PORT, X_PREFIX})
OF_CLIENTS = frozenset(
    {
        FORWARDED,
        "HTTP_CF_CONNECTING_IP",
        "HTTP_CF_CONNECTING_IPV6",
        "HTTP_CF_PSEUDO_IPV4",
        "HTTP_CF_VISITOR",
        "HTTP_CLIENT_IP",
        "HTTP_CLOUDFRONT_FORWARDED_PROTO",
        "HTTP_CLOUDFRONT_VIEWER_ADDRESS",
        "HTTP_DO_CONNECTING_IP",
        "HTTP_FASTLY_CLIENT_IP",
        "HTTP_FASTLY_SSL",
        "HTTP_FLY_CLIENT_IP",
        "HTTP_FLY_FORWARDED_PORT",
        "HTTP_FLY_FORWARDED_PROTO",
        "HTTP_FLY_FORWARDED_SSL",
        "HTTP_FORWARDED_FOR",
        "HTTP_FRONT_END_HTTPS",
        "HTTP_INCAP_CLIENT_IP",
        "HTTP_PROXY_CLIENT_IP",
        "HTTP_TRUE_CLIENT_IP",
        "HTTP_WL_PROXY_CLIENT_IP",
        "HTTP_X_APPENGINE_HTTPS",
        "HTTP_X_APPENGINE_USER_IP",
        "HTTP_X_ARR_SSL",
        "HTTP_X_AZURE_CLIENTIP",
        "HTTP_X_AZURE_SOCKETIP",
        "HTTP_X_CLIENT_IP",
        "HTTP_X_CLUSTER_CLIENT_IP",
        "HTTP_X_ENVOY_EXTERNAL_ADDRESS",
        "HTTP_X_HOST",
        "HTTP_X_HTTP_HOST_OVERRIDE",
        "HTTP_X_NF_CLIENT_CONNECTION_IP",
        "HTTP_X_ORIGINAL_FOR",
        "HTTP_X_ORIGINAL_FORWARDED_FOR",
        "HTTP_X_ORIGINAL_HOST",
        "HTTP_X_ORIGINAL_PREFIX",
        "HTTP_X_ORIGINAL_PROTO",
        "HTTP_X_ORIGINAL_URI",
        "HTTP_X_ORIGINAL_URL",
        "HTTP_X_ORIGINATING_IP",
        "HTTP_X_PROTO",
        "HTTP_X_PROXYUSER_IP",
        "HTTP_X_REAL_IP",
        "HTTP_X_REMOTE_ADDR",
        "HTTP_X_REMOTE_IP",
        "HTTP_X_REWRITE_URL",
        "HTTP_X_SCHEME",
        "HTTP_X_SCRIPT_NAME",
        "HTTP_X_SUCURI_CLIENTIP",
        "HTTP_X_URL_SCHEME",
        "HTTP_X_VERCEL_FORWARDED_FOR",
        "HTTP_X_VERCEL_PROXIED_FOR",
    }
)
"""By these, and by all that begin as ``X_ANY``, proxies say who asks, by what name, and how."""


def came_by_proxy(environ: WSGIEnvironment) -> bool:
    """Whether a request shows that a proxy has passed it on; one that adds no header shows nothing.

    ``ProxyMiddleware`` leaves of these headers what it believes, and what it has taken out is in
    ``environ["wsgikit.proxy_original"]``. Via (RFC 9110, section 7.6.3) names proxies alone.
    """
    return bool(environ.get(PROXY_ORIGINAL)) or any(
        key in OF_CLIENTS or key.startswith(X_ANY) or key == "HTTP_VIA" for key in environ
    )
