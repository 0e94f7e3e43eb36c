"""A WSGI app that streams, bare and in the standard chain. gunicorn serves it too."""

from wsgikit import App
from wsgikit.middleware import standard

from .peers.secret import SECRET

GIB = 2**30
CHUNK = 2**16
CHUNKS = GIB // CHUNK


def read_chunks():
    """1 GiB in pieces of 64 KiB, each read from the system as a file's would be."""
    with open("/dev/zero", "rb", buffering=0) as zeros:
        for _ in range(CHUNKS):
            yield zeros.read(CHUNK)


def bare(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return read_chunks()


chain = standard(bare, current_app=App("chunks"), secret_key=SECRET)
