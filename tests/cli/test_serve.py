"""wsgikit serve: real servers on free ports, and the settings that they get."""

import http.client
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from webtest import TestApp

from wsgikit import gunicorn as hooks
from wsgikit.booting import Workers
from wsgikit.cli.serve import usable_cores
from wsgikit.config import DEFAULTS

ROOT = Path(__file__).parents[2]
FIXED = {
    "control_socket_disable",
    "forwarded_allow_ips",
    "forwarder_headers",
    "graceful_timeout",
    "keepalive",
    "max_requests",
    "max_requests_jitter",
    "secure_scheme_headers",
    "threads",
    "worker_class",
    "worker_tmp_dir",
    "workers",
}
START = 30
"""Seconds that a server may take to start, to notice a change, and to stop."""

SITE = """
import os
import threading
from wsgikit import App, request
from wsgikit.middleware import standard

app = App("site", config={"SECRET_KEY": "a key"})
state = {"started": False}


@app.on_startup
def start():
    state["started"] = True
    print("started", flush=True)


app.on_shutdown(lambda: print("shut down", flush=True))


@app.get("/")
def index():
    return {
        "text": "first",
        "started": state["started"],
        "threads": request.environ["wsgi.multithread"],
        "workers": request.environ["wsgi.multiprocess"],
        "debug": app.config["DEBUG"],
    }


@app.get("/busy")
def busy():
    print("busy", flush=True)
    threading.Event().wait()


@app.get("/fail")
def fail():
    raise RuntimeError("shown in full")


application = standard(app)
"""

QUIET = """
from wsgikit import App
from wsgikit.middleware import standard

application = standard(App("site", config={"SECRET_KEY": "a key"}))
"""
"""Starts nothing, for it is loaded into the process of the tests."""


class Serving:
    """``wsgikit serve`` in a process group of its own, as a terminal starts it."""

    def __init__(self, folder, *arguments, **environ):
        self._log = folder / "log"
        command = [sys.executable, "-m", "wsgikit", "serve", *arguments, "-b", "127.0.0.1:0"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environ},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self):
        return self._log.read_text(errors="replace")

    def wait_for(self, condition):
        deadline = time.monotonic() + START
        while not (found := condition()):
            if self.process.poll() or time.monotonic() > deadline:
                pytest.fail(f"this did not come:\n{self.log}")
            time.sleep(0.02)
        return found

    @property
    def port(self):
        listens = r"Listening at: http://127\.0\.0\.1:(\d+)"
        return int(self.wait_for(lambda: re.search(listens, self.log))[1])

    def get(self, path):
        with closing(self.ask_without_waiting(path)) as connection:
            return connection.getresponse().read().decode()

    def ask_without_waiting(self, path):
        """Send a request on a connection that is returned open."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START)
        connection.request("GET", path)
        return connection

    def interrupt(self):
        """Ctrl+C, which every process of the group gets."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.wait()

    def wait(self):
        """The exit status, when the server has ended."""
        try:
            return self.process.wait(START)
        except subprocess.TimeoutExpired:
            pytest.fail(f"the server did not end:\n{self.log}")


@pytest.fixture
def serve(write_site, tmp_path):
    servers = []

    def serve(*arguments, source=SITE, name="", **environ):
        site = write_site(source)
        servers.append(Serving(tmp_path, f"{site}{name}", *arguments, **environ))
        return servers[-1]

    yield serve
    for server in servers:
        if server.process.poll() is None:
            os.killpg(server.process.pid, signal.SIGKILL)
            server.process.wait()


def test_serves_with_the_hooks_and_ends_on_ctrl_c(serve):
    server = serve("-w", "2", "--threads", "3")
    server.wait_for(lambda: server.log.count("started") == 2)
    assert server.get("/") == (
        '{"text":"first","started":true,"threads":true,"workers":true,"debug":false}\n'
    )
    assert "Internal Server Error" in server.get("/fail")
    assert server.interrupt() == 0
    assert server.log.count("shut down") == 2
    assert server.log.count("Traceback") == 1  # of the view that failed


def test_ctrl_c_waits_for_no_view(serve):
    server = serve("-w", "1")
    with closing(server.ask_without_waiting("/busy")):
        server.wait_for(lambda: "busy" in server.log)
        assert server.interrupt() == 0
    assert server.log.count("shut down") == 1


def test_reload_of_a_module_that_cannot_be_imported_changes_nothing(serve, tmp_path):
    server = serve("-w", "1")
    server.wait_for(lambda: "started" in server.log)
    change(tmp_path, "raise LookupError('not yet')")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(lambda: "did not come up" in server.log)
    assert "LookupError: not yet" in server.log
    assert '"text":"first"' in server.get("/")
    change(tmp_path, SITE.replace('"first"', '"second"'))
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(lambda: "shut down" in server.log)
    assert '"text":"second"' in server.get("/")
    assert server.interrupt() == 0


def test_upgrade_starts_another_server_at_the_same_address(serve):
    server = serve("-w", "1", DRAIN_SECONDS="0")
    server.wait_for(lambda: "started" in server.log)
    server.process.send_signal(signal.SIGUSR2)
    server.wait_for(lambda: server.log.count("started") == 2)
    server.process.terminate()
    assert server.wait() == 0
    assert '"text":"first"' in server.get("/")
    (master,) = re.findall(r"Listening at: .*\((\d+)\)", server.log)[1:]
    os.kill(int(master), signal.SIGTERM)
    server.wait_for(lambda: server.log.count("shut down") == 2)


def change(folder, source, name="site_*.py"):
    (file,) = folder.glob(name)
    file.write_text(source)
    later = file.stat().st_mtime + 10  # by more than any file system can tell
    os.utime(file, (later, later))


def change_and_notice(server, *changed):
    """Change a file, again if gunicorn has not looked at it yet, until a worker starts anew."""

    def notices():
        change(*changed)
        return server.log.count("Worker reloading") > before

    before = server.log.count("Worker reloading")
    server.wait_for(notices)
    server.wait_for(lambda: server.log.count("Booting worker") == before + 2)


def test_reload_shows_errors_and_notices_a_change(serve, tmp_path):
    server = serve("--reload")
    assert '"workers":false,"debug":true' in server.get("/")
    assert "shown in full" in server.get("/fail")
    change_and_notice(server, tmp_path, SITE.replace('"first"', '"second"'))
    assert '"text":"second"' in server.get("/")
    assert server.interrupt() == 0


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        ("raise LookupError('not yet')", "LookupError: not yet"),
        ("def view(:", "SyntaxError"),
        (SITE.replace('"SECRET_KEY": "a key"', ""), "secret_key is NoneType"),
    ],
)
def test_development_shows_a_mistake_until_it_is_corrected(serve, tmp_path, mistake, told):
    server = serve("--reload", source=mistake)
    assert told in server.get("/")
    assert told in server.log
    change_and_notice(server, tmp_path, SITE)
    assert '"text":"first","started":true' in server.get("/")
    change_and_notice(server, tmp_path, mistake)
    assert told in server.get("/")
    assert server.interrupt() == 0


def test_development_watches_what_the_module_imports(serve, tmp_path):
    (tmp_path / "helper.py").write_text("raise LookupError('in the helper')")
    server = serve("--reload", source=f"import helper\n{SITE}")
    assert "in the helper" in server.get("/")
    change_and_notice(server, tmp_path, "", "helper.py")
    assert '"text":"first"' in server.get("/")
    assert server.interrupt() == 0


def test_mistaken_app_is_not_started_by_halves(serve, tmp_path):
    server = serve("--reload", source=f"{SITE}\nraise LookupError('at the end')")
    assert "at the end" in server.get("/")
    assert server.interrupt() == 0
    assert "started" not in server.log


def test_missing_module_is_told_in_a_line(serve):
    server = serve("-w", "1", name="_and_more")
    assert server.wait() != 0
    assert "There is no module" in server.log
    assert "Traceback" not in server.log


def test_wrong_configuration_is_told_in_a_line(serve):
    server = serve("-w", "1", source=SITE.replace('"SECRET_KEY": "a key"', ""))
    assert server.wait() != 0
    assert "secret_key is NoneType" in server.log
    assert "Traceback" not in server.log


# The settings, as a server that is never started has them.


@pytest.fixture
def settings(run, write_site, monkeypatch):
    base = pytest.importorskip("gunicorn.app.base")
    for name in ("BIND", "THREADS", "WEB_CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)
    ran = []
    monkeypatch.setattr(base.Application, "run", lambda server: ran.append(server))
    monkeypatch.setitem(DEFAULTS, "DEBUG", False)  # and back afterwards

    def settings(*arguments, source=QUIET, **options):
        result = run("serve", write_site(source), *arguments, **options)
        assert result.exit_code == 0, result.output
        return ran[-1]

    return settings


def test_defaults(settings):
    cfg = settings().cfg
    assert cfg.bind == ["127.0.0.1:8000"]
    assert cfg.worker_class_str == "gthread"
    assert cfg.workers == max(2, usable_cores())
    assert cfg.control_socket_disable
    assert cfg.forwarded_allow_ips == []
    assert not cfg.reload


def test_defaults_are_those_of_the_file_that_explains_them(settings, monkeypatch):
    for name in ("KEEPALIVE", "GRACEFUL_TIMEOUT", "MAX_REQUESTS"):
        monkeypatch.delenv(name, raising=False)
    file = runpy.run_path(str(ROOT / "deploy" / "gunicorn.conf.py"))
    explained = Config()
    for name in FIXED:
        explained.set(name, file[name])
    assert {name: getattr(settings().cfg, name) for name in FIXED} == {
        name: getattr(explained, name) for name in FIXED
    }


def test_every_hook_of_the_package_is_set(settings, monkeypatch):
    def called(worker):
        seen.append(worker)

    seen = []
    monkeypatch.setattr(hooks, "post_worker_init", called)
    monkeypatch.setattr(hooks, "nworkers_changed", lambda server, new, old: None, raising=False)
    cfg = settings().cfg
    assert cfg.worker_exit is hooks.worker_exit
    assert cfg.nworkers_changed is hooks.nworkers_changed
    cfg.post_worker_init("a worker")
    assert seen == ["a worker"]


def test_environment_and_options(settings):
    environ = {"BIND": "127.0.0.1:9000", "WEB_CONCURRENCY": "3", "THREADS": "5"}
    cfg = settings(env=environ).cfg
    assert (cfg.bind, cfg.workers, cfg.threads) == (["127.0.0.1:9000"], 3, 5)
    cfg = settings("-b", "unix:a", "-b", "unix:b", "-w", "7", "--threads", "1", env=environ).cfg
    assert (cfg.bind, cfg.workers, cfg.threads) == (["unix:a", "unix:b"], 7, 1)


def test_file_comes_before_the_defaults_and_options_before_the_file(settings, tmp_path):
    file = tmp_path / "own.conf.py"
    file.write_text("workers = 5\nthreads = 6\nkeepalive = 7\ndef worker_exit(server, worker): ...")
    server = settings("-c", str(file), "--threads", "9")
    assert (server.cfg.workers, server.cfg.threads, server.cfg.keepalive) == (5, 9, 7)
    assert server.cfg.worker_exit.__module__ == "__config__"
    file.write_text("keepalive = 8")
    server.reload()  # as at SIGHUP
    assert (server.cfg.threads, server.cfg.keepalive) == (9, 8)


def test_reload_is_for_one_worker_whose_apps_are_in_debug(settings):
    server = settings("--reload", "-w", "4")
    assert (server.cfg.workers, server.cfg.reload, server.cfg.accesslog) == (1, True, "-")
    assert server.load().current_app.config["DEBUG"] is True


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("raise LookupError('not yet')", {"site.py"}),
        ("import helper", {"site.py", "helper.py"}),
        ("import unreadable", {"site.py", "unreadable.py"}),
        ("compile('1 +', None, 'eval')", {"site.py"}),
    ],
)
def test_worker_in_development_shows_what_its_app_raised(
    settings, tmp_path, monkeypatch, source, files
):
    come_up = Workers()
    monkeypatch.setattr("wsgikit.cli.development.come_up", come_up)
    (tmp_path / "helper.py").write_text("raise LookupError('in the helper')")
    (tmp_path / "unreadable.py").write_text("def view(:")
    server, watched, logged = settings("--reload", source=source), [], []
    worker = SimpleNamespace(
        max_requests=sys.maxsize,
        notify=None,
        log=SimpleNamespace(exception=logged.append),
        reloader=SimpleNamespace(add_extra_file=watched.append),
        cfg=server.cfg,
    )
    server.cfg.post_fork(SimpleNamespace(), worker)
    app = TestApp(server.load())
    assert "Traceback" in app.get("/", status=500)
    assert logged == ["The app cannot be imported; waiting for a change"]
    names = {re.sub(r"site_\d+", "site", Path(file).name) for file in watched}
    assert files <= names
    served = SimpleNamespace(age=1)
    server.cfg.post_worker_init(served)  # which starts nothing
    assert served in come_up


def test_app_is_loaded_by_the_workers_alone(settings):
    server = settings(source="raise RuntimeError('imported')")
    with pytest.raises(RuntimeError, match="imported"):
        server.load()


@pytest.mark.parametrize(
    ("source", "told"),
    [("", "neither application nor app"), (QUIET.replace('"a key"', "None"), "secret_key")],
)
def test_error_that_says_what_to_write_ends_the_server_in_a_line(source, told, settings):
    from gunicorn.errors import AppImportError

    with pytest.raises(AppImportError, match=told):
        settings(source=source).load()


def test_missing_gunicorn_names_the_extra(run, monkeypatch):
    monkeypatch.delitem(sys.modules, "wsgikit.cli.server", raising=False)
    monkeypatch.setitem(sys.modules, "gunicorn.app.base", None)
    result = run("serve", "site")
    assert result.exit_code == 1
    assert "pip install 'wsgikit[gunicorn]'" in result.stderr


def test_wrong_number_of_workers_is_refused(run):
    assert "x>=1" in run("serve", "site", "-w", "0").stderr
    assert "'many'" in run("serve", "site", env={"WEB_CONCURRENCY": "many"}).stderr
