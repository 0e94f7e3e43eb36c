"""deploy/gunicorn.conf.py: what the environment makes of it, and what its log lines hold."""

import json
import os
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from wsgikit import gunicorn as hooks

CONF = Path(__file__).parents[1] / "deploy" / "gunicorn.conf.py"
VARIABLES = [
    "BIND",
    "WEB_CONCURRENCY",
    "THREADS",
    "KEEPALIVE",
    "GRACEFUL_TIMEOUT",
    "MAX_REQUESTS",
    "ACCESS_LOG",
    "FORWARDED_ALLOW_IPS",
    "CONTROL_SOCKET",
]


@pytest.fixture
def load(monkeypatch):
    """Read the file with these variables set, as gunicorn does: ``load(THREADS="4").threads``."""

    def load(**environ):
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        config = Config()
        for name, value in runpy.run_path(str(CONF)).items():
            if name in config.settings:
                config.set(name, value)
        return config

    return load


def test_production_needs_no_variable(load):
    config = load()
    assert config.worker_class_str == "gthread"
    assert config.workers >= 2
    assert config.address == [("127.0.0.1", 8000)]
    assert not config.preload_app
    assert 0 < config.max_requests_jitter < config.max_requests
    assert config.graceful_timeout > 30


def test_nobody_s_forwarded_headers_are_believed_unless_asked(load):
    assert load().forwarded_allow_ips == []
    assert load(FORWARDED_ALLOW_IPS="10.0.0.0/8").forwarded_allow_ips == ["10.0.0.0/8"]


def test_nothing_commands_the_server_unless_asked(load):
    assert load().control_socket_disable
    asked = load(CONTROL_SOCKET="/run/app/control")
    assert (asked.control_socket_disable, asked.control_socket) == (False, "/run/app/control")


def test_nothing_is_logged_twice_unless_asked(load):
    assert load().accesslog is None
    assert load(ACCESS_LOG="").accesslog is None
    assert load(ACCESS_LOG="-").accesslog == "-"


@pytest.mark.parametrize(
    ("variable", "setting"),
    [
        ("WEB_CONCURRENCY", "workers"),
        ("THREADS", "threads"),
        ("KEEPALIVE", "keepalive"),
        ("GRACEFUL_TIMEOUT", "graceful_timeout"),
        ("MAX_REQUESTS", "max_requests"),
    ],
)
def test_numbers_come_from_the_environment(load, variable, setting):
    assert getattr(load(**{variable: "17"}), setting) == 17
    assert getattr(load(**{variable: ""}), setting) == getattr(load(), setting)


def test_apps_start_and_end_and_the_server_drains_by_its_hooks(load, monkeypatch):
    config, followed = load(), []
    assert config.post_fork is hooks.post_fork
    assert config.post_worker_init is hooks.post_worker_init
    assert config.worker_exit is hooks.worker_exit
    assert config.child_exit is hooks.child_exit
    monkeypatch.setattr(hooks, "when_ready", followed.append)
    server = SimpleNamespace(app=SimpleNamespace(app_uri="another:app"))
    config.when_ready(server)
    assert followed == [server]


@pytest.fixture
def log(load, tmp_path):
    """Log a request as gunicorn does and return the line: ``log(status, **environ)``."""

    def log(status, **environ):
        config = load(ACCESS_LOG=str(tmp_path / "log"))
        logger = config.logger_class(config)
        response = SimpleNamespace(status=status, sent=5)
        request = SimpleNamespace(method="GET", path='/a"\\b')
        logger.access(response, request, environ, timedelta(seconds=0.25))
        for handler in logger.access_log.handlers[:]:
            logger.access_log.removeHandler(handler)
            handler.close()
        (line,) = (tmp_path / "log").read_text().splitlines()
        return json.loads(line)

    return log


def test_log_has_one_object_a_request(log):
    line = log("404 Not Found", REMOTE_ADDR="1.2.3.4", HTTP_USER_AGENT='"\\\x7f\x85\u2028 \n')
    assert datetime.fromisoformat(line.pop("time")).tzinfo is UTC
    assert line == {
        "client": "1.2.3.4",
        "method": "GET",
        "path": '/a"\\b',
        "status": 404,
        "bytes": 5,
        "seconds": 0.25,
        "user_agent": '"\\\x7f\x85\u2028 \n',
    }


def test_log_has_requests_that_no_app_has_answered(log):
    line = log(None)
    assert (line["status"], line["client"]) == (None, None)


def test_nothing_is_logged_by_default(load):
    config = load()
    logger = config.logger_class.__new__(config.logger_class)
    logger.cfg = config
    assert logger.access(None, None, None, None) is None


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """What a former server has counted."""
    file = tmp_path / "metrics" / "counter_1.db"
    file.parent.mkdir()
    file.touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(file.parent))
    for name in ("GUNICORN_PID", "LISTEN_FDS"):
        monkeypatch.delenv(name, raising=False)
    return file


def start(config):
    cfg = SimpleNamespace(address=[], uid=os.geteuid(), gid=os.getegid())
    config.on_starting(SimpleNamespace(cfg=cfg))


def test_metrics_begin_anew_at_each_start(load, counted):
    other = counted.with_name("notes.txt")
    other.touch()
    start(load())
    assert (counted.exists(), other.exists()) == (False, True)


def test_metrics_go_on_in_a_server_that_takes_over(load, counted, monkeypatch):
    monkeypatch.setenv("GUNICORN_PID", "1")
    start(load())
    assert counted.exists()


def test_folder_of_the_metrics_is_made(load, tmp_path, monkeypatch, counted):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "a" / "b"))
    monkeypatch.setenv("LISTEN_FDS", "1")
    start(load())
    assert (tmp_path / "a" / "b").is_dir()


def test_gunicorn_reads_no_scheme_or_path_from_headers(load):
    config = load()
    assert (config.secure_scheme_headers, config.forwarder_headers) == ({}, [])


def test_empty_variable_names_no_control_socket(load):
    assert load(CONTROL_SOCKET="").control_socket_disable
