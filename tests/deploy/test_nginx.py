"""``deploy/nginx.conf`` itself, run by a real nginx before hosts that note what reaches them."""

import http.client
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest
from nginx_server import DEPLOY, Nginx, nginx
from real_servers import free_port

LIES = {
    "X-Forwarded-For": "203.0.113.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Ssl": "on",
    "Forwarded": "for=203.0.113.1;proto=https;host=evil.example",
    "X-Real-IP": "203.0.113.1",
    "Client-IP": "203.0.113.1",
    "X-Client-IP": "203.0.113.1",
    "X-Request-ID": "evil",
    "X-Request-Start": "t=1",
    "traceparent": "00-11111111111111111111111111111111-2222222222222222-01",
    "Proxy": "http://evil.example",
}


class Seen(NamedTuple):
    version: str
    headers: http.client.HTTPMessage
    body: bytes


class Host:
    """An upstream that notes its requests, and answers or breaks off."""

    def __init__(self, *, breaks_off: bool = False) -> None:
        self.seen: list[Seen] = []
        self.answer_headers: dict[str, str] = {}
        seen, answer_headers = self.seen, self.answer_headers

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                seen.append(Seen(self.request_version, self.headers, body))
                self.close_connection = True
                if breaks_off:
                    return
                self.send_response(200)
                for name, value in answer_headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "5")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(b"hello")

            do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET

            def log_message(self, *arguments: object) -> None:
                """The list is the log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(
    site: Nginx, method: str = "GET", path: str = "/", body: bytes | None = None, **headers: str
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Nginx]]:
    """Start an nginx before some addresses; it is stopped when the module's tests are over."""
    with ExitStack() as stack:

        def start_one(*hosts: str, http: str = "") -> Nginx:
            site = Nginx(tmp_path_factory.mktemp("nginx"), list(hosts), http=http)
            return stack.enter_context(site)

        yield start_one


@pytest.fixture(scope="module")
def open_host() -> Iterator[Callable[..., Host]]:
    nginx()  # or the tests are skipped
    hosts: list[Host] = []

    def open_one(**options: bool) -> Host:
        hosts.append(Host(**options))
        return hosts[-1]

    yield open_one
    for each in hosts:
        each.stop()


@pytest.fixture(scope="module")
def only_host(open_host: Callable[..., Host]) -> Host:
    return open_host()


@pytest.fixture(scope="module")
def site(start: Callable[..., Nginx], only_host: Host) -> Nginx:
    return start(only_host.address)


@pytest.fixture
def host(only_host: Host) -> Host:
    only_host.seen.clear()
    only_host.answer_headers.clear()
    return only_host


def test_nginx_finds_no_fault(tmp_path: Path) -> None:
    site = Nginx(tmp_path / "nginx", ["127.0.0.1:8000"])
    done = subprocess.run(site.command("-t"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_nginx_finds_no_fault_with_the_files_that_come_along(tmp_path: Path) -> None:
    site = Nginx(tmp_path / "nginx", [])
    for name in ("hosts.conf", "listen.conf"):
        given = (DEPLOY / "nginx.d" / name).read_text()
        assert given.count("\n#") >= 2  # of the examples in it
        (tmp_path / "nginx" / "nginx.d" / name).write_text(given)
    balancers = (DEPLOY / "nginx.d" / "http.conf").read_text().splitlines()
    with (tmp_path / "nginx" / "nginx.d" / "http.conf").open("a") as conf:
        conf.writelines(f"{line[1:]}\n" for line in balancers if line.startswith("#set_real_ip"))
    done = subprocess.run(site.command("-t"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_a_client_says_of_itself_is_replaced(site: Nginx, host: Host) -> None:
    before = time.time()
    assert ask(site, **LIES, Host="Example.ORG:8000").status == 200
    (seen,) = host.seen
    assert seen.headers["X-Forwarded-For"] == "127.0.0.1"
    assert seen.headers["X-Forwarded-Proto"] == "http"
    assert seen.headers["Host"] == "example.org:8000"
    assert len(seen.headers["X-Request-ID"]) == 32
    assert before - 1 <= float(seen.headers["X-Request-Start"].removeprefix("t=")) <= time.time()
    assert len(seen.headers.get_all("X-Forwarded-For", [])) == 1
    passed_on = {name for name in LIES if name in seen.headers}
    set_by_nginx = {"X-Forwarded-For", "X-Forwarded-Proto", "X-Request-ID", "X-Request-Start"}
    assert passed_on == set_by_nginx
    assert not any("evil" in value for value in seen.headers.values())


@pytest.mark.parametrize("name", ["example.org", "[::1]", "[::1]:8443", "203.0.113.1:8000"])
def test_the_app_is_told_the_port_that_was_asked_at(site: Nginx, host: Host, name: str) -> None:
    """Or its absolute links would lead nowhere where nginx is published under another port."""
    ask(site, Host=name)
    assert [each.headers["Host"] for each in host.seen] == [name]


def test_names_with_underscores_do_not_pass_for_those_with_hyphens(site: Nginx, host: Host) -> None:
    ask(site, X_Forwarded_For="203.0.113.1", X_Real_IP="203.0.113.1")
    (seen,) = host.seen
    assert not any("203.0.113.1" in value for value in seen.headers.values())


def test_a_balancer_that_is_named_is_believed(
    start: Callable[..., Nginx], open_host: Callable[..., Host]
) -> None:
    host = open_host()
    real_ip = "set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; real_ip_recursive on;"
    site = start(host.address, http=real_ip)
    headers = {"X-Forwarded-For": "192.0.2.9, 203.0.113.7", "X-Forwarded-Proto": "https"}
    ask(site, **headers)
    ask(site, **{"X-Forwarded-Proto": "https"})  # it names no client: was it one itself?
    by_balancer, unclear = host.seen
    assert by_balancer.headers["X-Forwarded-For"] == "203.0.113.7"
    assert by_balancer.headers["X-Forwarded-Proto"] == "https"
    assert unclear.headers["X-Forwarded-For"] == "127.0.0.1"
    assert unclear.headers["X-Forwarded-Proto"] == "http"


def test_the_app_gets_http_1_1_and_a_connection_for_each_request(site: Nginx, host: Host) -> None:
    ask(site)
    ask(site, "POST", body=b"x")
    seen = [(each.version, each.headers["Connection"]) for each in host.seen]
    assert seen == [("HTTP/1.1", "close")] * 2


def test_a_large_body_is_refused_with_a_page_and_not_passed_on(site: Nginx, host: Host) -> None:
    answer = ask(site, "POST", body=b"x" * (1024 * 1024 + 1))
    assert (answer.status, b"more than the site takes" in answer.body) == (413, True)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert host.seen == []


def test_one_of_exactly_the_limit_is_passed_on(site: Nginx, host: Host) -> None:
    assert ask(site, "POST", body=b"x" * 1024 * 1024).status == 200
    assert len(host.seen[0].body) == 1024 * 1024


def test_when_no_host_answers_there_is_a_page_with_the_request_id(
    start: Callable[..., Nginx],
) -> None:
    answer = ask(start(f"127.0.0.1:{free_port()}"))
    assert (answer.status, b"does not answer" in answer.body) == (502, True)
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(answer.headers["X-Request-ID"]) == 32


def test_large_cookies_pass_both_ways(site: Nginx, host: Host) -> None:
    cookie = "x" * 8000
    host.answer_headers["Set-Cookie"] = cookie
    assert ask(site, Cookie=cookie).headers["Set-Cookie"] == cookie
    assert host.seen[0].headers["Cookie"] == cookie


@pytest.mark.parametrize("path", ["/metrics", "//metrics", "/%6detrics", "/a/../metrics"])
def test_metrics_are_not_for_the_outside(site: Nginx, host: Host, path: str) -> None:
    assert ask(site, path=path).status == 404
    assert host.seen == []


def test_static_files_are_sent_by_nginx_and_others_asked_of_the_app(
    site: Nginx, host: Host
) -> None:
    folder = site.folder / "static"
    folder.mkdir()
    for name in ("site.css", "site.0123abcd.css"):
        (folder / name).write_text("body {}")
    plain, hashed = ask(site, path="/static/site.css"), ask(site, path="/static/site.0123abcd.css")
    assert plain.body == hashed.body == b"body {}"
    assert plain.headers["Content-Type"] == "text/css"
    assert plain.headers["Cache-Control"] == "max-age=3600"
    assert hashed.headers["Cache-Control"] == "max-age=315360000"
    assert host.seen == []
    assert ask(site, path="/static/none.css").body == b"hello"


@pytest.mark.parametrize("path", ["/static/../pid", "/static/%2e%2e/pid", "/static../pid"])
def test_nothing_beside_the_static_files_is_sent(site: Nginx, host: Host, path: str) -> None:
    assert ask(site, path=path).body == b"hello"  # the app's


def send_until_it_meets(site: Nginx, method: str, breaking: Host) -> Answer:
    """The hosts take turns, so the breaking one is met within a few requests."""
    for _ in range(5):
        answer = ask(site, method, body=b"x")
        if breaking.seen:
            return answer
    raise AssertionError("the breaking host was never asked")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_changes_something_is_never_sent_twice(
    start: Callable[..., Nginx], open_host: Callable[..., Host], method: str
) -> None:
    breaking, good = open_host(breaks_off=True), open_host()
    site = start(breaking.address, good.address)
    answer = send_until_it_meets(site, method, breaking)
    assert answer.status == 502
    assert len(breaking.seen) == 1
    asked = breaking.seen[0].headers["X-Request-ID"]
    assert asked not in [each.headers["X-Request-ID"] for each in good.seen]


def test_what_changes_nothing_is_asked_of_the_next_host(
    start: Callable[..., Nginx], open_host: Callable[..., Host]
) -> None:
    breaking, good = open_host(breaks_off=True), open_host()
    answer = send_until_it_meets(start(breaking.address, good.address), "GET", breaking)
    assert answer.body == b"hello"
    asked = breaking.seen[0].headers["X-Request-ID"]
    assert asked in [each.headers["X-Request-ID"] for each in good.seen]


def test_a_host_that_refuses_connections_costs_no_post(
    start: Callable[..., Nginx], open_host: Callable[..., Host]
) -> None:
    good = open_host()
    site = start(f"127.0.0.1:{free_port()}", good.address)
    assert [ask(site, "POST", body=b"x").status for _ in range(8)] == [200] * 8
    assert len(good.seen) == 8
