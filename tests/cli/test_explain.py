"""wsgikit explain: one real request, layer by layer."""

import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SITE = """
from pathlib import Path
from wsgiref.validate import validator

from werkzeug.middleware.dispatcher import DispatcherMiddleware

from wsgikit import App, Pipeline, abort, flash, g, request, send_file, session
from wsgikit.middleware import ContextMiddleware, ErrorMiddleware, standard, standard_pipeline

app = App("site", config={"SECRET_KEY": "a key"})
started = []
app.on_startup(lambda: started.append(1))
app.on_shutdown(lambda: Path(__file__).with_suffix(".ended").touch())


@app.get("/")
def index():
    g.seen = len(started)
    session["theme"] = request.headers.get("X-Theme", "light")
    return f"{g.seen} {g.user}"


@app.get("/address")
def address():
    return request.url  # http://localhost/address


@app.post("/echo")
def echo():
    return f"{request.content_type} {request.get_data(as_text=True)} {request.form.get('a')}"


@app.get("/stream")
def stream():
    yield "one"
    g.late = 1
    yield "two"


@app.get("/cut")
def cut():
    yield "one"
    raise KeyError("in the middle")


@app.get("/file")
def file():
    return send_file(Path(__file__))


@app.get("/raise")
def fail():
    raise RuntimeError("the view failed\\nfor a reason")


@app.get("/abort")
def refuse():
    abort(403)


@app.get("/write")
def write():
    return written


def written(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])(b"written")
    return []


@app.teardown_request
def tear_down(outcome):
    if request.path == "/late":
        raise RuntimeError("in the teardown")


@app.get("/late")
def late():
    return "late"


class Hider:
    def __init__(self, app):
        self._kept = app

    def __call__(self, environ, start_response):
        return self._kept(environ, start_response)


def plain(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"plain"]


def escaping(environ, start_response):
    start_response("404 No \\x1b]0;owned", [])
    return []


def exiting(environ, start_response):
    raise SystemExit(3)


class Curious:
    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        environ["inner.debug"] = self.app.debug
        return self.app(environ, start_response)


curious = Pipeline().use(ContextMiddleware).use(Curious).use(ErrorMiddleware).run(app)
application = standard(app, g={"user": lambda: "ada"})
other = App("other", config={"SECRET_KEY": "a key"})
hidden = standard_pipeline(other).insert_before(ContextMiddleware, Hider).run(other)
mounted = Pipeline().use(validator).use(DispatcherMiddleware, mounts={"/a": plain}).run(plain)
"""


class Explained:
    """What was printed: the first line, and each row by its layer."""

    def __init__(self, text):
        self.first, _, table = text.partition("\n\n")
        self.rows = {}
        for line in table.splitlines()[1:]:
            name, time, added = re.fullmatch(
                r" *(.*?) *( [\d.]+| did not run) *(.*)", line
            ).groups()
            self.rows[name] = (time.strip(), added)

    def added(self, name):
        return self.rows[name][1]

    def time(self, name):
        return float(self.rows[name][0])


@pytest.fixture
def explain(write_site, run):
    site = write_site(SITE)

    def explain(*arguments, name="application"):
        result = run("explain", f"{site}:{name}", *arguments)
        assert result.exit_code == 0, result.output
        return Explained(result.stdout.replace(site, "site"))

    return explain


def test_what_each_layer_added(explain):
    explained = explain("GET", "/")
    assert explained.first == "GET /: 200 OK, 5 bytes"
    assert list(explained.rows) == [
        "ContextMiddleware",
        "ErrorMiddleware",
        "SessionMiddleware",
        "GMiddleware",
        "HooksMiddleware",
        "App 'site'",
        "body",
        "explain itself",
        "total",
    ]
    assert explained.added("ContextMiddleware") == "environ wsgikit.context"
    assert explained.added("ErrorMiddleware") == ""
    session = explained.added("SessionMiddleware")
    assert session.startswith("environ wsgikit.session; headers Set-Cookie")
    assert explained.added("GMiddleware") == "environ wsgikit.g"
    assert explained.added("App 'site'") == (
        "g.seen; g.user; session['theme']; headers Content-Type, Content-Length; 200 OK"
    )


def test_startup_has_run_before(explain):
    explain("GET", "/")
    assert explain("GET", "/").first.endswith("5 bytes")  # "1 ada"


def test_chain_is_as_before_afterwards(explain):
    explain("GET", "/")
    first = explain("GET", "/", name="mounted")
    second = explain("GET", "/", name="mounted")
    assert list(first.rows) == list(second.rows)
    assert "Watch" not in "".join(second.rows)


def test_header_and_data(explain):
    explained = explain("post", "/echo", "-d", "a=1")
    assert explained.first == "POST /echo: 200 OK, 39 bytes"
    explained = explain("POST", "/echo", "--header", "Content-Type: text/plain", "--data", "é")
    assert explained.first == "POST /echo: 200 OK, 18 bytes"


@pytest.mark.parametrize("header", ["no colon", ": no name"])
def test_header_without_a_name_is_refused(header, write_site, run):
    result = run("explain", write_site(SITE), "GET", "/", "-H", header)
    assert result.exit_code == 2
    assert "Write each header as 'Name: value'." in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["http://[::1/"],
        ["https://example.org:99999/"],
        ["https://example.org:http/"],
        ["/", "-H", "X-Note: a\nb"],
    ],
)
def test_what_is_no_request_is_refused(arguments, write_site, run):
    result = run("explain", write_site(SITE), "GET", *arguments)
    assert result.exit_code == 2
    assert "That is no request: " in result.stderr


def test_url_is_what_a_trusted_proxy_says_of_the_request(explain):
    url = "https://shop.example:8443/address?a=1"
    assert explain("GET", url).first == f"GET {url}: 200 OK, {len(url)} bytes"
    assert explain("GET", "/address").first == "GET /address: 200 OK, 24 bytes"
    given = "/address?next=http://localhost/"
    assert explain("GET", given).first == f"GET {given}: 200 OK, {len(given) + 16} bytes"


def test_stream_is_counted_for_who_makes_it(explain):
    explained = explain("GET", "/stream")
    assert explained.first == "GET /stream: 200 OK, 6 bytes"
    assert "g.late" in explained.added("App 'site'")


def test_file(explain):
    explained = explain("GET", "/file")
    assert re.fullmatch(r"GET /file: 200 OK, \d{4} bytes", explained.first)


def test_body_sent_by_write(explain):
    assert explain("GET", "/write").first == "GET /write: 200 OK, 7 bytes"


def test_error_is_shown_where_it_came_up(explain):
    explained = explain("GET", "/raise")
    assert explained.first.startswith("GET /raise: 500 INTERNAL SERVER ERROR")
    raised = explained.added("App 'site'")
    assert re.fullmatch(
        r"raised RuntimeError: the view failed \(\S+/site\.py:\d+, in fail\)", raised
    )
    assert explained.added("HooksMiddleware") == "let the error through"
    assert explained.added("ErrorMiddleware").endswith("500 INTERNAL SERVER ERROR")


def test_error_that_is_answered(explain):
    explained = explain("GET", "/abort")
    assert explained.first.startswith("GET /abort: 403 FORBIDDEN")
    assert "raised Forbidden: 403 Forbidden" in explained.added("App 'site'")
    assert ", in refuse)" in explained.added("App 'site'")


def test_error_in_the_middle_of_a_body_reaches_the_server(explain):
    explained = explain("GET", "/cut")
    assert explained.first.startswith("GET /cut: 200 OK, 3 bytes; then raised KeyError")
    assert "raised KeyError: 'in the middle'" in explained.added("App 'site'")


def test_error_of_a_teardown_is_the_context_layers(explain):
    explained = explain("GET", "/late")
    assert "; then raised RuntimeError: in the teardown" in explained.first
    assert "in the teardown" in explained.added("ContextMiddleware")


def test_app_alone_raises(explain):
    explained = explain("GET", "/", name="app")
    assert explained.first.startswith("GET /: no response, 0 bytes; then raised RuntimeError")


def test_mounts_that_did_not_run(explain):
    explained = explain("GET", "/a", name="mounted")
    assert explained.rows["plain"][0] == "did not run"
    assert explained.added("/a  plain") == "headers Content-Type; 200 OK"


def test_foreign_layer_finds_the_attributes_of_the_one_inside(explain):
    explained = explain("GET", "/file", name="curious")
    assert explained.added("Curious") == "environ inner.debug"


def test_hidden_layer_is_counted_for_the_one_that_hides_it(explain):
    explained = explain("GET", "/", name="hidden")
    assert explained.rows["ContextMiddleware"][0] == "did not run"
    assert explained.added("ErrorMiddleware") == ""
    assert "wsgikit.context" in explained.added("Hider")


def test_times_add_up_to_the_total_on_the_demo(tmp_path):
    ratios = [_ratio(tmp_path) for _ in range(3)]
    assert 0.9 <= statistics.median(ratios) <= 1.0, ratios


def _ratio(folder):
    """The layers' and the body's times, of the total, in a process of its own."""
    environ = {
        **os.environ,
        "WSGIKIT_SECRET_KEY": "a key",
        "GUESTBOOK_DB": str(folder / "guestbook.sqlite3"),
    }
    command = [sys.executable, "-m", "wsgikit", "explain", "deploy.wsgi:application", "GET", "/"]
    process = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    explained = Explained(process.stdout)
    times = {name: float(time) for name, (time, _) in explained.rows.items() if time[0].isdigit()}
    parts = [time for name, time in times.items() if name not in ("total", "explain itself")]
    assert len(parts) == 9
    return sum(parts) / times["total"]


def test_response_cannot_steer_the_terminal(explain):
    assert "\\x1b]0;owned" in explain("GET", "/", name="escaping").first


def test_view_that_exits_is_shown(explain):
    assert "then raised SystemExit" in explain("GET", "/", name="exiting").first


def test_what_was_started_is_ended(explain, tmp_path):
    explain("GET", "/")
    assert len([*tmp_path.glob("*.ended")]) == 1
