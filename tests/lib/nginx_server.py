"""Real nginx with the project's own ``deploy/nginx.conf``, on a free port of 127.0.0.1."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Self

import pytest
from real_servers import free_port, wait_until

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
START = 30
"""Seconds that nginx may take to start, and again to stop."""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def nginx() -> str:
    """The program; where it is not installed, the test is skipped."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which("nginx", path=path)
    if found is None:
        pytest.skip("nginx is not installed (Debian: apt install nginx-light)")
    return found


class Nginx:
    """nginx before some hosts. All that is not the conf itself is in ``folder``.

    :param hosts: addresses of the upstream, such as ``"127.0.0.1:8000"``.
    :param http: more lines for ``nginx.d/http.conf``.
    """

    def __init__(self, folder: Path, hosts: list[str], *, http: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self._program = nginx()
        site = folder / "nginx.d"
        site.mkdir(parents=True)
        (folder / "nginx.conf").symlink_to(DEPLOY / "nginx.conf")
        (folder / "mime.types").write_text("types { text/css css; }\n")
        user = "user root;\n" if os.geteuid() == 0 else ""  # who may read the test's folders
        (site / "main.conf").write_text(
            f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log info;\n"
        )
        folders = "".join(f"{name}_temp_path {folder}/{name};\n" for name in TEMPORARY)
        (site / "http.conf").write_text(f"access_log {folder}/access.log app;\n{folders}{http}\n")
        lines = [f"server {host} max_fails=3 fail_timeout=1s;\n" for host in hosts]
        (site / "hosts.conf").write_text("".join(lines))
        (site / "listen.conf").write_text(f"listen 127.0.0.1:{self.port};\nroot {folder};\n")
        self._process: subprocess.Popen[bytes] | None = None

    def command(self, *options: str) -> list[str]:
        conf = str(self.folder / "nginx.conf")
        log = str(self.folder / "start.log")
        return [self._program, "-p", str(self.folder), "-e", log, "-c", conf, *options]

    def start(self) -> None:
        self._process = subprocess.Popen(self.command(), stderr=subprocess.PIPE)
        wait_until(self._is_ready, "nginx is ready")

    def _is_ready(self) -> bool:
        if self._process.poll() is not None:
            pytest.fail(f"nginx did not start: {self._process.stderr.read().decode()}")
        return len(self.worker_pids) > 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def worker_pids(self) -> set[int]:
        return child_pids(self.pid)

    @property
    def error_log(self) -> str:
        path = self.folder / "error.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def reload(self) -> None:
        """Have new workers take over; old ones leave when their last request is over."""
        old = self.worker_pids
        os.kill(self.pid, signal.SIGHUP)
        wait_until(lambda: self.worker_pids - old, "new workers of nginx")

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(START)
        self._process.stderr.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


def child_pids(pid: int) -> set[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(each) for each in children.split()}
