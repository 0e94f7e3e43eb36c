"""What a thread of the pool keeps from one request to the next, bare and in the standard chain."""

import threading
import time
from contextvars import ContextVar

import records
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from wsgikit import App
from wsgikit.middleware import standard

never_reset: ContextVar[str] = ContextVar("never_reset", default="nothing")


class Endless:
    """A body that records in which threads it is sent and closed."""

    def __init__(self, request_id):
        self.request_id = request_id
        self.threads = set()

    def __iter__(self):
        return self

    def __next__(self):
        self.threads.add(threading.get_ident())
        time.sleep(0.01)
        return bytes(1024)

    def close(self):
        own = self.threads == {threading.get_ident()}
        records.write("closed", id=self.request_id, in_the_thread_that_sent_it=own)


def leaving(environ, start_response):
    """Answer which thread this is, and what the variable held."""
    found = never_reset.get()
    never_reset.set(environ["HTTP_X_REQUEST_ID"])
    start_response("200 OK", [("X-Thread", str(threading.get_ident())), ("X-Found", found)])
    return [b""]


def endless(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Endless(environ["HTTP_X_REQUEST_ID"])


def in_chain(inner):
    return standard(inner, current_app=App("threads", config={"SECRET_KEY": "only for tests"}))


application = DispatcherMiddleware(
    leaving,
    {
        "/chain": in_chain(leaving),
        "/endless": endless,
        "/chain-endless": in_chain(endless),
    },
)
