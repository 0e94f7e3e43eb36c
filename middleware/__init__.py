"""The middlewares: one a file, none of which imports another; ``standard.py`` composes them."""

if __name__ != "wsgikit.middleware":
    raise ImportError("import wsgikit.middleware: the folder 'middleware' is a part of wsgikit")

from .access_log import AccessLogMiddleware
from .context import ContextMiddleware
from .deadline import DeadlineMiddleware
from .drain import DrainMiddleware
from .error import ErrorMiddleware
from .g import GMiddleware
from .health import HealthMiddleware
from .hooks import HooksMiddleware
from .host import HostMiddleware
from .https import HTTPSMiddleware
from .metrics import MetricsMiddleware
from .proxy import ProxyMiddleware
from .request_id import RequestIDMiddleware
from .session import SessionMiddleware
from .standard import session_options, standard, standard_pipeline

__all__ = [  # or a star import would bring the modules g and session, over the proxies
    "AccessLogMiddleware",
    "ContextMiddleware",
    "DeadlineMiddleware",
    "DrainMiddleware",
    "ErrorMiddleware",
    "GMiddleware",
    "HTTPSMiddleware",
    "HealthMiddleware",
    "HooksMiddleware",
    "HostMiddleware",
    "MetricsMiddleware",
    "ProxyMiddleware",
    "RequestIDMiddleware",
    "SessionMiddleware",
    "session_options",
    "standard",
    "standard_pipeline",
]
