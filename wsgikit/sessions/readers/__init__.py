"""Readers of the session cookies that other frameworks wrote, for a site that moves in."""

from .django_cookie import DjangoCookie as DjangoCookie
from .flask_cookie import FlaskCookie as FlaskCookie
from .reader import CookieReader as CookieReader
from .reader import FormerSession as FormerSession
from .signed_cookie import SignedCookie as SignedCookie
from .starlette_cookie import StarletteCookie as StarletteCookie
