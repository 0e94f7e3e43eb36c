"""Many keep-alive HTTP/1.1 clients in one thread, each of which knows what it must be answered.

A client is told from the others by its name, keeps its session cookie, and counts its requests;
the server's isolation app answers with the names and the count that it sees.
"""

import selectors
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

LINES = 3
PATHS = ("/plain", "/streamed", "/plain", "/plain", "/refused", "/plain", "/streamed", "/plain")
SILENCE = 60
"""Seconds without any answer after which the server counts as stuck."""


class Answer(NamedTuple):
    status: int
    cookie: bytes | None
    body: bytes
    surplus: bytes
    closes: bool


@dataclass
class Report:
    """What all clients together have seen."""

    answers: int = 0
    connections: int = 0
    seconds: float = 0.0
    problems: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, problem: str, example: str) -> None:
        self.problems[problem] += 1
        if len(self.examples) < 10:
            self.examples.append(f"{problem}: {example}")


def parse(data: bytes) -> Answer | None:
    """Return the answer that ``data`` holds, or None while it is incomplete."""
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return None
    status_line, *lines = head.split(b"\r\n")
    fields = (line.partition(b": ") for line in lines)
    headers = {name.lower(): value for name, _, value in fields}
    if headers.get(b"transfer-encoding") == b"chunked":
        body = _join_chunks(rest)
    else:
        body = _split(rest, int(headers[b"content-length"]))
    if body is None:
        return None
    cookie = headers.get(b"set-cookie")
    closes = headers[b"connection"] == b"close"
    return Answer(int(status_line[9:12]), cookie and cookie.split(b";")[0], *body, closes)


def _split(rest: bytes, length: int) -> tuple[bytes, bytes] | None:
    return (rest[:length], rest[length:]) if len(rest) >= length else None


def _join_chunks(rest: bytes) -> tuple[bytes, bytes] | None:
    body = b""
    while True:
        size, found, rest = rest.partition(b"\r\n")
        if not found:
            return None
        length = int(size, 16)
        if len(rest) < length + 2:
            return None
        if length == 0:
            return body, rest[2:]
        body, rest = body + rest[:length], rest[length + 2 :]


class Client:
    """One visitor: at most one request under way, on one connection at a time."""

    def __init__(self, name: str, requests: int) -> None:
        self.name = name
        self.requests = requests
        self.sent = 0
        self.count = 0
        self.cookie = b""
        self.received = b""

    @property
    def path(self) -> str:
        return PATHS[(self.sent - 1) % len(PATHS)]

    def next_request(self) -> bytes:
        self.sent += 1
        self.received = b""
        head = f"GET {self.path} HTTP/1.1\r\nHost: test\r\nX-Client: {self.name}\r\n"
        request_id = f"X-Request-Id: {self.name}-{self.sent}\r\n"
        cookie = b"Cookie: " + self.cookie + b"\r\n" if self.cookie else b""
        return (head + request_id).encode() + cookie + b"\r\n"

    def check(self, answer: Answer, report: Report) -> None:
        """Compare an answer with what this client alone can have caused."""
        report.answers += 1
        self.count += 1
        self.cookie = answer.cookie or self.cookie
        name = self.name.encode()
        expected = b"%b %b %b %b %b %d" % (name, name, name, name, name, self.count)
        lines = answer.body.splitlines()
        if answer.status == (409 if self.path == "/refused" else 200):
            if lines == [expected] * LINES and not answer.surplus:
                return
            self._describe(lines, expected, report)
        else:
            report.add("status", f"{self.name} {self.path}: {answer.status} {answer.body!r}")
        self._resynchronise(lines)

    def _describe(self, lines: list[bytes], expected: bytes, report: Report) -> None:
        names = {word for line in lines for word in line.split()[:5]}
        kind = "foreign" if names - {self.name.encode()} else "count"
        report.add(kind, f"{self.name} {self.path}: {lines} instead of {expected!r}")

    def _resynchronise(self, lines: list[bytes]) -> None:
        words = lines[-1].split() if lines else []
        if len(words) == 6 and words[5].isdigit():
            self.count = int(words[5])


class Load:
    """Send ``requests`` in all from ``clients`` at once and report.

    :param per_connection: after so many requests a client takes a new connection, which may
        lead to another worker.
    """

    def __init__(self, port: int, *, clients: int, requests: int, per_connection: int) -> None:
        self.address = ("127.0.0.1", port)
        self.per_connection = per_connection
        self.report = Report()
        self.selector = selectors.DefaultSelector()
        share, rest = divmod(requests, clients)
        self.clients = [Client(f"c{n:02}", share + (n < rest)) for n in range(clients)]

    @property
    def request_ids(self) -> list[str]:
        return [f"{each.name}-{n}" for each in self.clients for n in range(1, each.sent + 1)]

    def run(self) -> Report:
        start = time.monotonic()
        try:
            for client in self.clients:
                self._connect(client)
            while self.selector.get_map():
                events = self.selector.select(SILENCE)
                if not events:
                    raise TimeoutError(f"no answer for {SILENCE} seconds; so far {self.report}")
                for key, _ in events:
                    self._receive(key.fileobj, key.data)
        finally:
            self._close_all()
        self.report.seconds = time.monotonic() - start
        return self.report

    def _connect(self, client: Client) -> None:
        connection = socket.create_connection(self.address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.report.connections += 1
        self.selector.register(connection, selectors.EVENT_READ, client)
        connection.sendall(client.next_request())

    def _receive(self, connection: socket.socket, client: Client) -> None:
        try:
            data = connection.recv(65536)
        except ConnectionError:
            data = b""
        client.received += data
        answer = parse(client.received)
        if answer is not None:
            client.check(answer, self.report)
            self._go_on(connection, client, answer.closes)
        elif not data:
            self.report.add("cut", f"{client.name} {client.path}: {client.received!r}")
            self._go_on(connection, client, True)

    def _go_on(self, connection: socket.socket, client: Client, must_close: bool) -> None:
        if client.sent == client.requests:
            self._close(connection)
        elif must_close or client.sent % self.per_connection == 0:
            self._close(connection)
            self._connect(client)
        else:
            connection.sendall(client.next_request())

    def _close(self, connection: socket.socket) -> None:
        self.selector.unregister(connection)
        connection.close()

    def _close_all(self) -> None:
        for key in list(self.selector.get_map().values()):
            self._close(key.fileobj)
        self.selector.close()
