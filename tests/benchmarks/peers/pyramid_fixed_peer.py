"""Pyramid with a session cookie of a fixed lifetime, which is issued only at a write."""

from pyramid.session import SignedCookieSessionFactory

from .pyramid_peer import make_hello, make_visits
from .secret import SECRET

OPTIONS = {"timeout": None, "reissue_time": None}

hello = make_hello(SignedCookieSessionFactory(SECRET, **OPTIONS))
visits = make_visits(SignedCookieSessionFactory(SECRET, **OPTIONS))
