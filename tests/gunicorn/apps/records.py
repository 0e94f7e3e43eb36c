"""What a worker writes down for the test that started its server.

The config imports this in gunicorn's main process, so it imports nothing that the gevent worker
has to patch first.
"""

import json
import os
import time
from collections.abc import Callable
from typing import Any

FOLDER = os.environ["WSGIKIT_TEST_FOLDER"]

exit_reports: list[Callable[[], dict[str, Any]]] = []
"""Called when the worker ends; what they return is written as one record."""


def write(kind: str, **fields: Any) -> None:
    """Append one record. ``time`` is of the machine's clock that the test reads too."""
    record = {"kind": kind, "pid": os.getpid(), "time": time.monotonic(), **fields}
    file = os.open(os.path.join(FOLDER, "records"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, json.dumps(record).encode() + b"\n")
    finally:
        os.close(file)


def write_exit_report() -> None:
    for report in exit_reports:
        write("exit", **report())
