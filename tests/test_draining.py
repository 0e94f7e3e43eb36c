"""The state that a server's processes share: told in one of them, known in all."""

import mmap
import subprocess
import sys

from wsgikit import draining
from wsgikit.draining import close_if_draining, is_draining, start_draining

MAIN_PROCESS_AND_WORKER = """
import os
from wsgikit.draining import is_draining, start_draining

asked, answered = os.pipe(), os.pipe()
if not os.fork():
    for _ in range(2):
        os.read(asked[0], 1)
        os.write(answered[1], b"%d" % is_draining())
    os._exit(0)
for tell in (lambda: None, start_draining):
    tell()
    os.write(asked[1], b"?")
    print(os.read(answered[0], 1))
os.wait()
"""


def test_server_does_not_drain_unless_told(monkeypatch):
    monkeypatch.setattr(draining, "_flag", mmap.mmap(-1, 1))  # for no other test to find it so
    assert is_draining() is False
    start_draining()
    assert is_draining() is True


def test_workers_know_what_the_main_process_was_told():
    code = [sys.executable, "-c", MAIN_PROCESS_AND_WORKER]
    assert subprocess.check_output(code, text=True, timeout=60) == "b'0'\nb'1'\n"


def test_server_that_cannot_close_connections_gets_the_response_itself():
    assert close_if_draining({}, print) is print
