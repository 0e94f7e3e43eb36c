"""Clients that ask a server at the same time, each in a thread of its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

from gunicorn_server import Answer, Server

SILENCE = 120
"""Seconds without an answer after which the server counts as stuck."""


class Browser:
    """One visitor, who keeps a connection and the cookies.

    :param cookies: what the visitor has already, by name.
    """

    def __init__(self, server: Server, cookies: dict[str, str] | None = None) -> None:
        self.cookies = dict(cookies or {})
        self._connection = server.connect(SILENCE)

    def ask(self, method: str, path: str) -> Answer:
        """Send a request; a connection that has been cut is made anew for the next one."""
        header = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            answer = self._connection.ask(method, path, **({"Cookie": header} if header else {}))
        except BaseException:
            self.close()
            raise
        for each in answer.headers.get_all("Set-Cookie", []):
            self._keep(each)
        return answer

    def _keep(self, set_cookie: str) -> None:
        name, _, value = set_cookie.partition(";")[0].partition("=")
        if "Max-Age=0" in set_cookie:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

    def close(self) -> None:
        self._connection.close()


def run_together(work: Callable[[int], Any], times: int) -> list[Any]:
    """Call ``work(0)``, ``work(1)`` … all at the same time; return what they return."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(work, range(times)))


@contextmanager
def kept_up(steps: list[Callable[[], object]]) -> Iterator[None]:
    """Take each step again and again, in a thread of its own, while the block runs."""
    over = Event()

    def repeat(step: Callable[[], object]) -> None:
        while not over.is_set():
            step()

    with ThreadPoolExecutor(len(steps)) as pool:
        repeated = [pool.submit(repeat, step) for step in steps]
        try:
            yield
        finally:
            over.set()
    for each in repeated:
        each.result()
