"""A WSGI app that streams a file, bare and in the standard chain. gunicorn serves it too."""

import os
import tempfile

from wsgikit import App
from wsgikit.middleware import standard

from .peers.secret import SECRET

GIB = 2**30
CHUNK = 2**16
FILE_SIZE = 2**26

file = tempfile.TemporaryFile()
file.write(b"x" * FILE_SIZE)
file.flush()


def read_chunks():
    """1 GiB in pieces of 64 KiB, from a file that the system has in memory."""
    for position in range(0, GIB, CHUNK):
        yield os.pread(file.fileno(), CHUNK, position % FILE_SIZE)


def bare(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return read_chunks()


chain = standard(bare, current_app=App("chunks"), secret_key=SECRET)
