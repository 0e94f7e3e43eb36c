"""The requests that every peer gets, and the answers that every peer must give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from wsgiref.types import WSGIApplication

from .peers import OURS, Peer
from .visitor import ask, cookie_of

VISITS = 3
"""What the session of a visitor has counted before anything is timed."""


@dataclass(frozen=True)
class Workload:
    """One request, with whether the visitor has been here before."""

    name: str
    title: str
    path: str
    body: bytes
    is_returning: bool = True

    def app(self, peer: Peer) -> WSGIApplication | None:
        return peer.hello if self.path == "/" else peer.visits


HELLO = Workload("hello", "hello, to a visitor with a session", "/", b"Hello, World!")
HELLO_NEW = Workload("hello_new", "hello, to a new visitor", "/", b"Hello, World!", False)
READ = Workload("read", "read", "/read/ada", b"ada grace %d" % VISITS)
WRITE = Workload("write", "write", "/write", b"%d" % (VISITS + 1))
ALL = (HELLO, HELLO_NEW, READ, WRITE)


@dataclass(frozen=True)
class Request:
    """One that a peer has answered as it should."""

    peer: Peer
    app: WSGIApplication
    path: str
    cookie: str


def requests(workload: Workload, peers: list[Peer]) -> Iterator[Request]:
    """The workload's request to each peer that serves it, checked.

    :raises AssertionError: a peer answers otherwise than it must.
    """
    visitors_of_ours = next(visitor_cookie(peer) for peer in peers if peer.name == OURS)
    for peer in peers:
        app = workload.app(peer)
        if app is not None:
            cookie = visitor_cookie(peer) or visitors_of_ours if workload.is_returning else ""
            check(workload, app, cookie)
            yield Request(peer, app, workload.path, cookie)


def visitor_cookie(peer: Peer) -> str:
    """The cookie of a visitor whose session has counted its visits; "" without a session."""
    cookie = ""
    if peer.visits is not None:
        for _ in range(VISITS):
            cookie = cookie_of(ask(peer.visits, "/write", cookie))
    return cookie


def check(workload: Workload, app: WSGIApplication, cookie: str) -> None:
    """Fail unless the app gives the workload's answer, and a write can be read.

    :raises AssertionError: it does not.
    """
    answer = ask(app, workload.path, cookie)
    found = (answer.status, answer.media_type, answer.body)
    expected = ("200 OK", "text/html", workload.body)
    assert found == expected, f"{app!r} answers {workload.path} with {found}, not {expected}"
    if workload is WRITE:
        again = ask(app, READ.path, cookie_of(answer)).body
        assert again == b"ada grace %d" % (VISITS + 1), (
            f"{app!r} has not kept its visits: {again!r}"
        )
