"""Real gunicorn servers, each on a port of its own and with a folder for what it records."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest

import wsgikit

ROOT = Path(wsgikit.__file__).parents[1]
"""The servers run the same wsgikit that the tests import."""
START = 30
"""Seconds that a server may take to start, and again to stop."""


class Server:
    """One gunicorn process with its workers.

    :param application: ``module:name`` in the folder ``apps``, where gunicorn's ``conf.py`` is too.
    :param folder: for the log and the records.
    :param environ: for the app, beside this process's own.
    """

    def __init__(
        self,
        application: str,
        folder: Path,
        *,
        apps: Path,
        environ: Mapping[str, str] | None = None,
        worker_class: str = "gthread",
        workers: int = 1,
        threads: int = 4,
    ) -> None:
        self.folder = folder
        self.worker_class = worker_class
        self._log = folder / "log"
        # Its script: started as a module it cannot start itself again, as SIGUSR2 asks it to.
        command = [str(Path(sys.executable).with_name("gunicorn")), application]
        command += ["-b", "127.0.0.1:0"]
        command += ["-c", str(apps / "conf.py"), "-k", worker_class]
        command += ["-w", str(workers), "--threads", str(threads)]
        variables = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(apps), str(ROOT)]),
            "PYTHONUNBUFFERED": "1",
            "WSGIKIT_TEST_FOLDER": str(folder),
            **(environ or {}),
        }
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=variables, stdout=log, stderr=subprocess.STDOUT
            )
        self.port = 0
        try:
            self._wait_until_ready(workers)
        except BaseException:
            self.stop()
            raise

    def _wait_until_ready(self, workers: int) -> None:
        self._wait_for(lambda: len(self.worker_pids) == workers, "start its workers")
        self.port = int(re.search(r"http://127\.0\.0\.1:(\d+)", self.log)[1])
        self._wait_for(self._accepts, "accept connections")

    def _wait_for(self, condition: Callable[[], bool], purpose: str) -> None:
        deadline = time.monotonic() + START
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"gunicorn did not {purpose}:\n{self.log}")
            time.sleep(0.02)

    def _accepts(self) -> bool:
        try:
            with self.connect() as connection:
                connection.connect()
        except ConnectionError:
            return False
        return True

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def worker_pids(self) -> list[int]:
        """The workers that have loaded the app."""
        return [int(path.name.partition("-")[2]) for path in self.folder.glob("ready-*")]

    def connect(self, timeout: float = START) -> "Connection":
        return Connection("127.0.0.1", self.port, timeout=timeout)

    def get(self, path: str, **headers: str) -> "Answer":
        """Get ``path`` on a connection of its own."""
        with self.connect() as connection:
            return connection.ask("GET", path, **headers)

    def peak_memory(self) -> int:
        """The most bytes that the only worker has had resident (``VmHWM``, proc(5))."""
        (pid,) = self.worker_pids
        status = Path(f"/proc/{pid}/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024

    def open_files(self, pid: int) -> list[str]:
        """The names of the files that a worker has open."""
        names = []
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed in the meantime
                names.append(str(link.readlink()))
        return names

    def log_above_info(self) -> list[str]:
        """What the log holds beside gunicorn's own messages of start and stop."""
        return [line for line in self.log.splitlines() if "[INFO]" not in line]

    def records(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """What the workers have recorded of that kind, and with those values."""
        path = self.folder / "records"
        text = path.read_text() if path.exists() else ""
        complete = text[: text.rfind("\n") + 1].splitlines()
        wanted = {"kind": kind, **fields}
        return [each for each in map(json.loads, complete) if wanted.items() <= each.items()]

    def wait_for_record(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The one such record, as soon as it is written."""
        self._wait_for(lambda: bool(self.records(kind, **fields)), f"record {kind} {fields}")
        (record,) = self.records(kind, **fields)
        return record

    def kill_worker(self, pid: int) -> None:
        """End a worker with SIGKILL. gunicorn starts another one, which this does not wait for."""
        (self.folder / f"ready-{pid}").unlink()
        os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """End the server as a process manager does: requests under way are finished."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(START)
        except subprocess.TimeoutExpired:
            self.process.kill()  # its workers notice and end too
            self.process.wait()
            raise


class Answer:
    """A response, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


class Connection(http.client.HTTPConnection):
    """A client's connection, kept for several requests."""

    def ask(self, method: str, path: str, **headers: str) -> Answer:
        self.start(method, path, **headers)
        return Answer(self.getresponse())

    def start(self, method: str, path: str, **headers: str) -> None:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.request(method, path, headers=names)

    @property
    def local_port(self) -> int:
        """Tells one connection from the next."""
        assert self.sock is not None, "the server closed the connection"
        return self.sock.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
