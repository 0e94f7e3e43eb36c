"""gunicorn with the project's own ``deploy/gunicorn.conf.py``, at an address that it keeps."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from nginx_server import DEPLOY, child_pids
from real_servers import free_port, wait_until

STOP = 60
"""Seconds that a server may take to stop."""


class Instance:
    """One gunicorn, which can be replaced by another at the same address.

    :param application: ``module:name`` in the folder ``apps``.
    :param folder: for its log.
    :param environ: for the configuration and the app, beside this process's own.
    """

    def __init__(
        self, application: str, folder: Path, *, apps: Path, environ: Mapping[str, str]
    ) -> None:
        self.port = free_port()
        self._log = folder / f"gunicorn-{self.port}.log"
        self._command = [sys.executable, "-m", "gunicorn", application]
        self._command += ["--log-level", "info", "-c", str(DEPLOY / "gunicorn.conf.py")]
        paths = [str(apps), str(DEPLOY.parent)]
        self._environ = {
            **os.environ,
            "BIND": self.address,
            "PYTHONPATH": os.pathsep.join(paths),
            **environ,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def messages(self) -> str:
        """The log without the lines of the access log."""
        return "".join(line for line in self.log.splitlines(True) if line[0] not in "{1\n")

    @property
    def worker_pids(self) -> set[int]:
        return child_pids(self._process.pid)

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environ, stdout=log, stderr=subprocess.STDOUT
            )
        wait_until(self._answers, f"an answer of {self.address}")

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(self.log)
        try:
            return self.get("/readyz") == 200
        except OSError:
            return False

    def get(self, path: str) -> int:
        """The status of the answer to a request that does not go through nginx."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=STOP)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def reload(self) -> None:
        self._process.send_signal(signal.SIGHUP)

    def begin_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """End it as a process manager does, and wait until it is gone."""
        if self._process is not None and self._process.poll() is None:
            self.begin_to_stop()
            self._process.wait(STOP)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
