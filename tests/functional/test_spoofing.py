"""What a client claims of itself, its scheme and the host: nothing of it reaches the app."""

import json
import socket
from collections.abc import Iterable, Iterator
from http.client import HTTPResponse
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from gunicorn_server import Server
from spoofed_headers import ADDRESSES, HEADERS, HOSTS

HERE = Path(__file__).parent / "echo"
PEER, PROXY, CLIENT = "198.51.100.7", "10.0.0.1", "203.0.113.9"
ALL = ["For", "Proto", "Host", "Port", "Prefix"]
ALL_HEADERS = [*(f"X-Forwarded-{name}" for name in ALL), "Forwarded"]
Lines = Iterable[tuple[str, str]]


def _load_echo() -> Any:
    spec = spec_from_file_location("functional_echo", HERE / "echo.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ECHO = _load_echo()


def environ_of(lines: Lines, peer: str) -> dict[str, Any]:
    """The environ that a server makes of a request with these header lines."""
    environ: dict[str, Any] = {"SERVER_NAME": "0.0.0.0", "SERVER_PORT": "8000", "PATH_INFO": "/a"}
    environ |= {"QUERY_STRING": "b=c", "HTTP_HOST": "example.org", "REMOTE_ADDR": peer}
    setup_testing_defaults(environ)
    headers: dict[str, str] = {}
    for name, value in lines:
        key = f"HTTP_{name.upper().replace('-', '_')}"
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    return environ | headers


def ask(application: Any, lines: Lines, peer: str = PEER) -> tuple[int, Any]:
    """The status, and what the app has seen, or the answer of a layer that refused."""
    statuses: list[str] = []
    body = application(environ_of(lines, peer), lambda status, headers: statuses.append(status))
    text = b"".join(body).decode()
    status = int(statuses[0].split()[0])
    return status, json.loads(text) if status == 200 else text


HEADER_CASES = [pytest.param(lines, id=name) for name, lines in HEADERS.items()]
HOST_CASES = [pytest.param(value, id=name) for name, value in HOSTS.items()]


def test_there_are_more_than_two_hundred_different_cases() -> None:
    assert len({tuple(lines) for lines in HEADERS.values()} | set(HOSTS.values())) > 240


@pytest.mark.parametrize("lines", HEADER_CASES)
def test_spoofed_header_changes_nothing_that_the_app_sees(lines: Lines) -> None:
    application = ECHO.build(trusted=["10.0.0.0/8"], headers=ALL_HEADERS)
    assert ask(application, lines) == ask(application, [])


@pytest.mark.parametrize("host", HOST_CASES)
def test_spoofed_host_does_not_reach_the_app(host: str) -> None:
    status, text = ask(ECHO.build(), [("Host", host)])
    assert (status, text) == (400, "This host is not served here.\n")


def through_a_proxy(lines: Lines) -> list[tuple[str, str]]:
    """What nginx sends as it is set up most often: two headers of its own, all others as given."""
    given = [value for name, value in lines if name.lower() == "x-forwarded-for"]
    others = [
        each for each in lines if each[0].lower() not in ("x-forwarded-for", "x-forwarded-proto")
    ]
    addresses = ", ".join([*given, CLIENT])
    return [*others, ("X-Forwarded-For", addresses), ("X-Forwarded-Proto", "http")]


@pytest.mark.parametrize("lines", HEADER_CASES)
def test_header_that_a_trusted_proxy_passes_on_changes_nothing(lines: Lines) -> None:
    application = ECHO.build(trusted=["10.0.0.0/8"])
    status, seen = ask(application, through_a_proxy(lines), PROXY)
    assert (status, seen) == ask(application, through_a_proxy([]), PROXY)
    assert seen["remote_addr"] == CLIENT
    assert seen["access_route"] == [CLIENT]


@pytest.mark.parametrize("address", [pytest.param(v, id=k) for k, v in ADDRESSES.items()])
def test_forwarded_left_of_the_proxys_own_element_changes_nothing(address: str) -> None:
    application = ECHO.build(trusted=["10.0.0.0/8"], headers=["Forwarded"])
    escaped = address.replace("\\", r"\\").replace('"', r"\"")
    spoofed = f'for="{escaped}";host=evil.example;proto=https'
    own = f"for={CLIENT};host=www.example.net;proto=http"
    status, seen = ask(application, [("Forwarded", f"{spoofed}, {own}")], PROXY)
    if "\x1b" in address:  # no text that may be quoted, so nothing can be told from it
        assert (status, seen) == (400, "The header Forwarded is malformed.\n")
        return
    assert (status, seen) == ask(application, [("Forwarded", own)], PROXY)
    assert (seen["remote_addr"], seen["url"]) == (CLIENT, "http://www.example.net/a?b=c")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Forwarded-For", "6.6.6.6, "),
        ("X-Forwarded-For", f"6.6.6.6, , {PROXY}"),
        ("X-Forwarded-Host", "evil.example, , "),
        ("X-Forwarded-Host", "evil.example, , www.example.net"),
        ("X-Forwarded-Proto", "https, , "),
        ("X-Forwarded-Prefix", "/evil, , "),
        ("Forwarded", "for=6.6.6.6;host=evil.example;proto=https, "),
        ("Forwarded", f"for=6.6.6.6;host=evil.example;proto=https, , for={PROXY}"),
    ],
)
def test_empty_value_that_a_proxy_adds_does_not_have_the_clients_own_believed(
    header: str, value: str
) -> None:
    application = ECHO.build(trusted=["10.0.0.0/8"], headers=ALL_HEADERS)
    lines = {"X-Forwarded-For": f"{CLIENT}, {PROXY}", header: value}
    if header == "Forwarded":
        del lines["X-Forwarded-For"]
    status, seen = ask(application, lines.items(), PROXY)
    assert status == 200
    assert seen["remote_addr"] in (CLIENT, PROXY, "", None)
    assert seen["url"] in ("http://example.org/a?b=c", "http://www.example.net/a?b=c")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server("echo:application", tmp_path_factory.mktemp("server"), apps=HERE)
    yield server
    server.stop()


class Connection:
    """A connection over which bytes go out as they are. It is opened again after a refusal."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None

    def ask(self, lines: Lines) -> tuple[int, bytes]:
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        self.socket.sendall(f"GET /a?b=c HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
        response = HTTPResponse(self.socket)
        response.begin()
        body = response.read()
        if response.will_close:
            self.close()
        return response.status, body

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = None


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Connection]:
    connection = Connection(server.port)
    yield connection
    connection.close()


@pytest.mark.parametrize("lines", HEADER_CASES)
def test_spoofed_header_changes_nothing_behind_gunicorn(
    lines: Lines, connection: Connection, request: pytest.FixtureRequest
) -> None:
    host = ("Host", "example.org")
    status, body = connection.ask([host, *lines])
    if "escape sequence" in request.node.callspec.id:  # gunicorn's own refusal
        assert status == 400
        assert b"Invalid" in body
        return
    assert (status, body) == connection.ask([host])
    assert json.loads(body)["remote_addr"] == "127.0.0.1"


@pytest.mark.parametrize("host", HOST_CASES)
def test_spoofed_host_gets_400_behind_gunicorn(host: str, connection: Connection) -> None:
    assert connection.ask([("Host", host)])[0] == 400


@pytest.mark.parametrize(
    "name", ["X_Forwarded_For", "X-Forwarded_For", "X_FORWARDED-FOR", "Remote_Addr", "Script_Name"]
)
def test_name_with_underscores_changes_nothing_behind_gunicorn(
    name: str, connection: Connection
) -> None:
    host = ("Host", "example.org")
    assert connection.ask([host, (name, "6.6.6.6")]) == connection.ask([host])


def test_two_hosts_get_400_behind_gunicorn(connection: Connection) -> None:
    lines = [("Host", "example.org"), ("Host", "evil.example")]
    assert connection.ask(lines)[0] == 400


def test_gunicorn_reads_the_scheme_itself_unless_told_not_to(
    tmp_path: Path,
) -> None:
    environ = {"GUNICORN_READS_HEADERS": "1"}
    server = Server("echo:application", tmp_path, apps=HERE, environ=environ)
    try:
        answer = server.get("/", Host="example.org", X_Forwarded_Proto="https")
    finally:
        server.stop()
    assert json.loads(answer.body)["scheme"] == "https"
