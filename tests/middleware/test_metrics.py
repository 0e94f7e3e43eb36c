"""What is counted, by which labels, and who is shown it."""

import gc
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, values
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from wsgikit import App, Blueprint, gunicorn, request
from wsgikit.environ import PROXY_ORIGINAL
from wsgikit.errors import ConfigurationError, MissingExtraError
from wsgikit.metrics import FOLDER, empty_folder, metrics_app
from wsgikit.middleware import ContextMiddleware, MetricsMiddleware, ProxyMiddleware, standard
from wsgikit.testing import conformance

PLAIN = [("Content-Type", "text/plain")]
LOCAL = {"REMOTE_ADDR": "127.0.0.1", "PATH_INFO": "/metrics"}


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def value(registry):
    """The value of one series, or None."""

    def value(name, **labels):
        return registry.get_sample_value(name, labels)

    return value


@pytest.fixture
def total(registry):
    """All requests by (method, rule, status)."""

    def total():
        (metric,) = (each for each in registry.collect() if each.name == "http_requests")
        samples = [each for each in metric.samples if each.name.endswith("_total")]
        return {tuple(each.labels.values()): each.value for each in samples}

    return total


@pytest.fixture
def folder(tmp_path, monkeypatch, no_folder):
    """That of several processes, of which this one is one."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr(values, "ValueClass", values.MultiProcessValue())
    yield tmp_path
    values.close_all_multiprocess_files()


@pytest.fixture(autouse=True)
def no_folder(monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)


def ok(environ, start_response):
    start_response("200 OK", PLAIN)
    return [b"ok"]


def test_requests_are_counted_by_rule_and_never_by_path(app, registry, total):
    @app.get("/users/<int:number>")
    def user(number):
        return "a user"

    client = TestApp(MetricsMiddleware(standard(app), registry=registry))
    for number in range(3):
        client.get(f"/users/{number}")
        client.get(f"/nothing/{number}", status=404)
    client.head("/users/7")
    assert total() == {
        ("GET", "/users/<int:number>", "200"): 3,
        ("GET", "(none)", "404"): 3,
        ("HEAD", "/users/<int:number>", "200"): 1,
    }


def test_apps_of_other_frameworks_have_no_rule_looked_for(registry, total, serve, monkeypatch):
    legacy = App("legacy")
    monkeypatch.setattr(legacy.url_map, "find", None)
    layer = MetricsMiddleware(ContextMiddleware(ok, current_app=legacy), registry=registry)
    assert serve(layer, PATH_INFO="/a").error is None
    assert total() == {("GET", "(none)", "200"): 1}


def test_methods_that_clients_make_up_are_one(registry, total, serve):
    layer = MetricsMiddleware(ok, registry=registry)
    for method in ("FOO", "BAR", "get", "", "PUT"):
        serve(layer, REQUEST_METHOD=method)
    assert total() == {("OTHER", "(none)", "200"): 4, ("PUT", "(none)", "200"): 1}


@pytest.mark.parametrize(
    ("name", "status", "aborted"),
    [
        ("one_item_list", "200", None),
        ("stream", "200", None),
        ("generator", "200", None),
        ("write", "200", None),
        ("restart", "404", None),
        ("no_content", "204", None),
        ("file", "200", None),
        ("raises", "500", None),
        ("raises_after_start", "500", None),
        ("breaks_at_first_chunk", "500", None),
        ("breaks_at_second_chunk", "200", "error"),
        ("raises_in_close", "200", None),
    ],
)
def test_each_request_counts_once(name, status, aborted, hostile, registry, total, value, serve):
    serve(MetricsMiddleware(getattr(hostile, name), registry=registry))
    assert total() == {("GET", "(none)", status): 1}
    labels = {"method": "GET", "rule": "(none)"}
    reasons = [
        value("http_responses_aborted_total", **labels, reason=reason)
        for reason in ("error", "client")
    ]
    assert reasons == [1 if aborted else None, None]
    assert value("http_requests_in_flight", method="GET") == 0
    assert value("http_request_duration_seconds_count", **labels) == 1
    started = None if name == "raises" else 1
    assert value("http_response_start_seconds_count", **labels) == started


def test_client_that_leaves_counts(hostile, registry, value, serve):
    serve(MetricsMiddleware(hostile.stream, registry=registry), leave_after=1)
    labels = {"method": "GET", "rule": "(none)", "reason": "client"}
    assert value("http_responses_aborted_total", **labels) == 1


def test_client_that_left_before_any_answer_counts(registry, total):
    """The server stops a generator that has not started its response."""

    def app(environ, start_response):
        yield b""
        start_response("200 OK", PLAIN)

    body = MetricsMiddleware(app, registry=registry)({}, None)
    next(iter(body))
    body.close()
    assert total() == {("OTHER", "(none)", "none"): 1}


def test_client_that_leaves_while_its_body_is_read_counts(app, registry, total, value, serve):
    class Cut:
        def read(self):
            raise ConnectionResetError

    @app.post("/upload")
    def upload():
        return request.environ["wsgi.input"].read()

    asked = {"REQUEST_METHOD": "POST", "PATH_INFO": "/upload", "CONTENT_LENGTH": "50"}
    serve(MetricsMiddleware(standard(app), registry=registry), **asked, **{"wsgi.input": Cut()})
    assert total() == {("POST", "/upload", "none"): 1}
    labels = {"method": "POST", "rule": "/upload", "reason": "client"}
    assert value("http_responses_aborted_total", **labels) == 1


def test_request_is_in_flight_until_its_body_is_closed(hostile, registry, value, total):
    layer = MetricsMiddleware(hostile.stream, registry=registry)
    body = layer({"REQUEST_METHOD": "GET"}, lambda status, headers: None)
    list(body)
    assert value("http_requests_in_flight", method="GET") == 1
    assert total() == {}
    body.close()
    body.close()
    assert value("http_requests_in_flight", method="GET") == 0
    assert total() == {("GET", "(none)", "200"): 1}


def test_body_that_the_server_drops_counts(hostile, registry, value, total):
    layer = MetricsMiddleware(hostile.stream, registry=registry)
    layer({"REQUEST_METHOD": "GET"}, lambda status, headers: None)
    gc.collect()
    assert value("http_requests_in_flight", method="GET") == 0
    assert total() == {("GET", "(none)", "200"): 1}


def test_times_are_in_the_buckets_that_were_given(registry, value, serve):
    serve(MetricsMiddleware(ok, registry=registry, buckets=[100, 200]))
    labels = {"method": "GET", "rule": "(none)"}
    for name in ("http_request_duration_seconds", "http_response_start_seconds"):
        assert value(f"{name}_bucket", le="100.0", **labels) == 1
        assert 0 < value(f"{name}_sum", **labels) < 10


def test_local_peer_is_shown_them_and_is_not_counted(registry, total, serve):
    layer = MetricsMiddleware(ok, registry=registry)
    serve(layer)
    answer = serve(layer, **LOCAL)
    assert answer.status == "200 OK"
    assert b'http_requests_total{method="GET",rule="(none)",status="200"} 1.0' in answer.body
    assert total() == {("GET", "(none)", "200"): 1}


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "203.0.113.7"},
        {"REMOTE_ADDR": "10.0.0.1"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "localhost"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_X_FORWARDED_PROTO": "https"},
        {"HTTP_X_REAL_IP": "127.0.0.1"},
        {"HTTP_CF_CONNECTING_IP": "127.0.0.1"},
        {"HTTP_TRUE_CLIENT_IP": "127.0.0.1"},
        {"HTTP_CLIENT_IP": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
        {"HTTP_VIA": "1.1 proxy"},
        {PROXY_ORIGINAL: {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}},
        {"REQUEST_METHOD": "HEAD"},
        {"REQUEST_METHOD": "POST"},
        {"PATH_INFO": "/metrics/"},
        {"PATH_INFO": "/Metrics"},
        {"SCRIPT_NAME": "/mount"},
    ],
)
def test_others_find_what_the_app_has_there(environ, registry, total, serve):
    layer = MetricsMiddleware(ok, registry=registry)
    assert serve(layer, **{**LOCAL, **environ}).body == b"ok"
    assert sum(total().values()) == 1


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-User"])
def test_client_of_a_trusted_proxy_is_not_shown_them_whatever_the_proxy_sets(
    header, registry, serve
):
    layer = MetricsMiddleware(ok, registry=registry)
    proxied = ProxyMiddleware(layer, trusted=["127.0.0.1"], headers=[header])
    sent = {f"HTTP_{header.upper().replace('-', '_')}": "127.0.0.1"}
    assert serve(proxied, **LOCAL, **sent).body == b"ok"


def test_trusted_proxys_own_network_is_shown_them_when_it_asks_for_itself(registry, serve):
    """Prometheus and an ingress controller are often in one network."""
    layer = MetricsMiddleware(ok, registry=registry, allowed=["10.0.0.0/8"])
    proxied = ProxyMiddleware(layer, trusted=["10.0.0.0/8"])
    answer = serve(proxied, **{**LOCAL, "REMOTE_ADDR": "10.1.2.3"})
    assert b"http_requests" in answer.body


def test_direct_peer_is_shown_them_behind_a_proxy_layer_too(registry, serve):
    layer = MetricsMiddleware(ok, registry=registry)
    assert b"http_requests" in serve(layer, **LOCAL, **{PROXY_ORIGINAL: {}}).body


@pytest.mark.parametrize("address", ["10.1.2.3", "::1", ""])
def test_allowed_peers_can_be_named(address, registry, serve):
    layer = MetricsMiddleware(
        ok, registry=registry, path="/internal/m", allowed=["10.0.0.0/8", "::1", "unix"]
    )
    answer = serve(layer, PATH_INFO="/internal/m", REMOTE_ADDR=address)
    assert b"http_requests" in answer.body
    assert serve(layer, **LOCAL).body == b"ok"


def test_path_can_be_none(registry, serve):
    layer = MetricsMiddleware(ok, registry=registry, path=None)
    assert serve(layer, **LOCAL).body == b"ok"
    answer = serve(metrics_app(registry))
    assert b"http_requests_total" in answer.body


OPEN = "application/openmetrics-text"
PLAIN_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
PIECES = [OPEN, "text/plain", ";", ",", "version=", "1.0.0", "1", ".", "abc", '"', "q=0.5", " "]
PIECES += ["=", "escaping=allow-utf-8", "9" * 5000, "\x85", "\x1f", "\xb2", "*/*", "2.0.0"]


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        ("", PLAIN_FORMAT),
        ("*/*", PLAIN_FORMAT),
        (f"{OPEN};version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPEN),
        (OPEN, OPEN),
        (f"{OPEN};version=abc", PLAIN_FORMAT),
        (f'{OPEN};version="1.0.0"', PLAIN_FORMAT),
        (f"{OPEN};version=1.0.x, text/plain", PLAIN_FORMAT),
        (f"text/plain;version=abc, {OPEN}", PLAIN_FORMAT),
        (f"{OPEN};version={'9' * 5000}.0.0", PLAIN_FORMAT),
    ],
)
def test_format_is_one_that_prometheus_reads(accept, format, registry, serve):
    answer = serve(MetricsMiddleware(ok, registry=registry), **LOCAL, HTTP_ACCEPT=accept)
    assert answer.error is None
    assert dict(answer.headers)["Content-Type"].startswith(format)
    assert b"http_requests" in answer.body


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_accept_header_is_answered(accept):
    starts = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_ACCEPT": accept}
    show = metrics_app(CollectorRegistry())
    body = show(environ, lambda status, headers: starts.append((status, dict(headers))))
    assert b"".join(body).isascii()
    ((status, headers),) = starts
    assert status == "200 OK"
    assert headers["Content-Type"].isprintable()


@pytest.mark.parametrize("options", [{"path": "metrics"}, {"path": ""}, {"allowed": "127.0.0.1"}])
def test_wrong_options_are_refused(options, registry):
    with pytest.raises(ConfigurationError):
        MetricsMiddleware(ok, registry=registry, **options)


def test_two_chains_of_a_process_count_together(registry, total, serve):
    for layer in [MetricsMiddleware(ok, registry=registry) for _ in range(2)]:
        serve(layer)
    assert total() == {("GET", "(none)", "200"): 2}


def lister(name, registry, **options):
    """An app with the rule ``/list``, in a chain that counts in ``registry``."""
    app = App(name, config={"SECRET_KEY": "only for tests"})
    app.add_url_rule("/list", view_func=lambda: name)
    return MetricsMiddleware(standard(app), registry=registry, **options)


def test_apps_mounted_at_two_places_have_each_a_registry_if_they_are_to_be_told_apart():
    admin = lister("admin", CollectorRegistry(), path="/admin/metrics")
    site = DispatcherMiddleware(lister("shop", CollectorRegistry()), {"/admin": admin})
    client = TestApp(site, extra_environ={"REMOTE_ADDR": "127.0.0.1"})
    for path in ("/list", "/admin/list", "/admin/list"):
        client.get(path)
    series = 'http_requests_total{method="GET",rule="/list",status="200"}'
    assert f"{series} 1.0" in client.get("/metrics")
    assert f"{series} 2.0" in client.get("/admin/metrics")


def test_rule_of_a_blueprint_has_its_prefix(app, registry, total):
    admin = Blueprint("admin", "admin", url_prefix="/admin")
    admin.get("/list")(lambda: "users")
    app.register_blueprint(admin)
    TestApp(MetricsMiddleware(standard(app), registry=registry)).get("/admin/list")
    assert total() == {("GET", "/admin/list", "200"): 1}


def test_buckets_of_a_registry_are_the_same(registry):
    MetricsMiddleware(ok, registry=registry, buckets=[1, 2])
    MetricsMiddleware(ok, registry=registry, buckets=(1, 2))
    with pytest.raises(ConfigurationError, match=r"(?s)\(1, 2\).*a registry of its own"):
        MetricsMiddleware(ok, registry=registry)


def test_default_registry_is_that_of_prometheus(serve):
    answer = serve(MetricsMiddleware(ok), **LOCAL)
    assert b"python_info" in answer.body
    assert b"http_requests_in_flight" in answer.body


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingExtraError, match=r"wsgikit\[metrics\]"):
        MetricsMiddleware(ok)


WORKER = """
import os, sys
from wsgikit.middleware import MetricsMiddleware
layer = MetricsMiddleware(lambda environ, start: start("200 OK", []) and [b"ok"])
print(os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
body = layer({"REQUEST_METHOD": "GET"}, lambda status, headers: print)
if sys.argv[1] == "close":
    body.close()
print(os.getpid(), flush=True)
os._exit(0)  # as a worker that is killed
"""


def run_worker(end):
    """The files that it found open before its request, and its id."""
    process = subprocess.run(
        [sys.executable, "-c", WORKER, end], capture_output=True, text=True, check=True
    )
    before, pid = process.stdout.splitlines()
    return before, int(pid)


def test_folder_has_what_all_processes_have_counted(folder, registry, serve):
    layer = MetricsMiddleware(ok, registry=registry)
    assert list(folder.iterdir()) == []  # a fork at this point would share no file
    before, _ = run_worker("close")
    assert before == "[]"
    serve(layer)
    for show in (layer, metrics_app(), metrics_app(registry)):
        answer = serve(show, **LOCAL)
        assert b'http_requests_total{method="GET",rule="(none)",status="200"} 2.0' in answer.body
        assert b'http_request_duration_seconds_count{method="GET",rule="(none)"} 2.0' in answer.body


def test_several_processes_without_a_folder_are_an_error_in_the_log(registry, serve, caplog):
    layer = MetricsMiddleware(ok, registry=registry)
    serve(layer, **LOCAL)
    assert caplog.text == ""
    for _ in range(2):
        assert serve(layer, **LOCAL, **{"wsgi.multiprocess": True}).status == "200 OK"
    assert caplog.text.count(FOLDER) == 1


def test_several_processes_with_a_folder_are_none(folder, registry, serve, caplog):
    serve(MetricsMiddleware(ok, registry=registry), **LOCAL, **{"wsgi.multiprocess": True})
    assert caplog.text == ""


def test_worker_that_has_ended_is_taken_out_of_the_gauges_alone(folder, serve):
    run_worker("close")
    _, pid = run_worker("die")
    show = metrics_app()
    assert b'http_requests_in_flight{method="GET"} 1.0' in serve(show).body
    gunicorn.child_exit(None, SimpleNamespace(pid=pid))
    body = serve(show).body
    assert b'http_requests_in_flight{method="GET"} 0.0' in body
    assert b'http_requests_total{method="GET",rule="(none)",status="200"} 1.0' in body


def test_worker_that_ends_ends_no_server(folder, monkeypatch):
    logged = []
    server = SimpleNamespace(log=SimpleNamespace(exception=lambda *args: logged.append(args)))
    monkeypatch.setitem(sys.modules, "prometheus_client.multiprocess", None)  # no extra
    gunicorn.child_exit(server, SimpleNamespace(pid=1))
    assert logged == []
    failing = SimpleNamespace(mark_process_dead=lambda pid: 1 / 0)
    monkeypatch.setitem(sys.modules, "prometheus_client.multiprocess", failing)
    gunicorn.child_exit(server, SimpleNamespace(pid=1))
    assert logged == [("The metrics of worker %d are not forgotten", 1)]


def test_worker_without_a_folder_leaves_nothing():
    gunicorn.child_exit(None, SimpleNamespace(pid=os.getpid()))


def test_folder_that_is_missing_is_made(tmp_path, monkeypatch, registry):
    """Also where the app is loaded before the server starts: --preload."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "not" / "there"))
    MetricsMiddleware(ok, registry=registry)
    assert (tmp_path / "not" / "there").is_dir()


def test_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch, registry):
    (tmp_path / "file").touch()
    monkeypatch.setenv(FOLDER, str(tmp_path / "file"))
    with pytest.raises(ConfigurationError, match=f"{FOLDER}=.*file' is no folder .*: File exists"):
        MetricsMiddleware(ok, registry=registry)


def test_folder_that_may_not_be_written_to_is_named(tmp_path, monkeypatch, registry):
    """Or every request would fail at its first figure."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(ConfigurationError, match="this user may not write there"):
        MetricsMiddleware(ok, registry=registry)


def test_folder_of_a_server_is_emptied_and_given_to_its_workers(tmp_path, monkeypatch):
    (tmp_path / "counter_1.db").touch()
    (tmp_path / "notes.txt").touch()
    given = []
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr(os, "chown", lambda *args: given.append(args))
    empty_folder(1000, 100)
    assert os.listdir(tmp_path) == ["notes.txt"]
    assert given == [(tmp_path, 1000, 100)]


def test_folder_of_somebody_else_is_kept_as_it_is(tmp_path, monkeypatch):
    def refuse(*args):
        raise PermissionError

    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr(os, "chown", refuse)
    assert empty_folder(1000, 100) is None


def test_no_folder_is_emptied_where_none_is_named(monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    assert empty_folder(1000, 100) is None


@pytest.mark.parametrize("case", conformance.CASES, ids=str)
def test_conformance(case, registry):
    case.check(lambda app: MetricsMiddleware(app, registry=registry))


@pytest.mark.parametrize("buckets", [[3, 1], [1, 1], (), ["a"]])
def test_buckets_that_do_not_ascend_are_refused_and_leave_nothing(registry, buckets):
    with pytest.raises(ConfigurationError, match="do not ascend"):
        MetricsMiddleware(ok, registry=registry, buckets=buckets)
    MetricsMiddleware(ok, registry=registry, buckets=[1, 3])
