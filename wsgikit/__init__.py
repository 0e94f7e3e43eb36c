"""wsgikit: Flask's context machinery as standard WSGI middlewares around any app."""

from werkzeug.exceptions import abort as abort

from . import signals as signals
from .app import App as App
from .app_context import AppContext as AppContext
from .blueprint import Blueprint as Blueprint
from .config import Config as Config
from .current import after_this_request as after_this_request
from .current import copy_current_request_context as copy_current_request_context
from .current import has_app_context as has_app_context
from .current import has_request_context as has_request_context
from .flashing import flash as flash
from .flashing import get_flashed_messages as get_flashed_messages
from .pipeline import Pipeline as Pipeline
from .proxies import current_app as current_app
from .proxies import g as g
from .proxies import request as request
from .proxies import session as session
from .request_context import RequestContext as RequestContext
from .responses import jsonify as jsonify
from .responses import make_response as make_response
from .responses import redirect as redirect
from .responses import send_file as send_file
from .templating import render_template as render_template
from .templating import render_template_string as render_template_string
from .urls import url_for as url_for
from .version import __version__ as __version__
from .wrappers import Request as Request
from .wrappers import Response as Response
