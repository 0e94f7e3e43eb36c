"""A WSGI app that streams a file, bare and in the standard chain. gunicorn serves it too."""

import os
import tempfile
from functools import cache

from wsgikit import App
from wsgikit.middleware import standard

from .peers.secret import SECRET

GIB = 2**30
CHUNK = 2**16
FILE_SIZE = 2**26


@cache
def make_file():
    """A nameless file, which is gone with the process. The system keeps it in memory."""
    number = os.open(tempfile.gettempdir(), os.O_TMPFILE | os.O_RDWR)
    os.write(number, b"x" * FILE_SIZE)
    return number


def read_chunks():
    """1 GiB in pieces of 64 KiB."""
    number = make_file()
    for position in range(0, GIB, CHUNK):
        yield os.pread(number, CHUNK, position % FILE_SIZE)


def bare(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return read_chunks()


chain = standard(bare, current_app=App("chunks"), secret_key=SECRET)
