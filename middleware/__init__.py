"""The middlewares: one a file, none of which imports another; ``standard.py`` composes them."""

if __name__ != "wsgikit.middleware":
    raise ImportError("import wsgikit.middleware: the folder 'middleware' is a part of wsgikit")

from .context import ContextMiddleware as ContextMiddleware
from .error import ErrorMiddleware as ErrorMiddleware
from .g import GMiddleware as GMiddleware
from .hooks import HooksMiddleware as HooksMiddleware
from .session import SessionMiddleware as SessionMiddleware
from .standard import standard as standard
from .standard import standard_pipeline as standard_pipeline
