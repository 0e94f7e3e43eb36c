"""The names that users import, and what importing them costs."""

import importlib
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).resolve().parents[1]

CORE = [
    "App",
    "Blueprint",
    "Config",
    "Pipeline",
    "Request",
    "Response",
    "AppContext",
    "RequestContext",
    "current_app",
    "g",
    "request",
    "session",
    "has_app_context",
    "has_request_context",
    "copy_current_request_context",
    "after_this_request",
    "abort",
    "redirect",
    "url_for",
    "jsonify",
    "make_response",
    "send_file",
    "flash",
    "get_flashed_messages",
    "render_template",
    "render_template_string",
    "__version__",
    "signals",
]
MIDDLEWARES = [
    "ContextMiddleware",
    "ErrorMiddleware",
    "SessionMiddleware",
    "GMiddleware",
    "HooksMiddleware",
    "DeadlineMiddleware",
    "DrainMiddleware",
    "HealthMiddleware",
    "HostMiddleware",
    "HTTPSMiddleware",
    "ProxyMiddleware",
    "RequestIDMiddleware",
    "AccessLogMiddleware",
    "MetricsMiddleware",
    "standard",
]
OF_APP = [
    "route",
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "add_url_rule",
    "register_blueprint",
    "errorhandler",
    "before_first_request",
    "before_request",
    "after_request",
    "teardown_request",
    "teardown_appcontext",
    "on_startup",
    "on_shutdown",
    "startup",
    "shutdown",
    "on_commit",
    "on_sent",
    "on_finish",
    "app_context",
    "request_context",
    "test_request_context",
    "url_for",
    "name",
    "config",
    "extensions",
    "logger",
    "cli",
]
OF_PIPELINE = ["use", "run", "insert_before", "insert_after", "replace", "without"]

OPTIONAL = [
    "click",
    "gunicorn",
    "jinja2",
    "mako",
    "prometheus_client",
    "redis",
    "sqlalchemy",
    "webtest",
]
UNUSED = ["tomllib", "wsgikit.sessions.outage", "wsgikit.sessions.store_keeper"]


@pytest.mark.parametrize(
    ("module", "name"),
    [("wsgikit", name) for name in CORE]
    + [("wsgikit.middleware", name) for name in MIDDLEWARES]
    + [("wsgikit.testing", "TestApp"), ("wsgikit.testing.conformance", "check")]
    + [
        ("wsgikit.gunicorn", name)
        for name in (
            "on_starting",
            "when_ready",
            "post_fork",
            "post_worker_init",
            "worker_exit",
            "child_exit",
        )
    ],
)
def test_name_is_importable(module, name):
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("name", OF_APP)
def test_app_has(name):
    assert hasattr(importlib.import_module("wsgikit").App("tests"), name)


@pytest.mark.parametrize("name", OF_PIPELINE)
def test_pipeline_has(name):
    assert hasattr(importlib.import_module("wsgikit").Pipeline(), name)


@pytest.mark.parametrize("name", ["push", "pop", "__enter__", "__exit__"])
def test_contexts_have(name):
    wsgikit = importlib.import_module("wsgikit")
    assert hasattr(wsgikit.AppContext, name)
    assert hasattr(wsgikit.RequestContext, name)


def run(code, cwd):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=cwd, capture_output=True, text=True
    )


@pytest.mark.parametrize("module", ["wsgikit", "wsgikit.middleware"])
def test_importing_brings_no_optional_package(module, tmp_path):
    code = f"import sys, {module}; print([m for m in {OPTIONAL} if m in sys.modules])"
    process = run(code, tmp_path)
    assert (process.returncode, process.stdout.strip()) == (0, "[]"), process.stderr


def test_importing_the_core_brings_no_middleware(tmp_path):
    code = "import sys, wsgikit; print([m for m in sys.modules if m.startswith('wsgikit.middle')])"
    assert run(code, tmp_path).stdout.strip() == "[]"


def test_chain_with_sessions_in_cookies_brings_no_store_and_no_reader_of_toml():
    code = (
        "import sys; from wsgikit import App; from wsgikit.middleware import standard; "
        "standard(App('app', config={'SECRET_KEY': 'key'})); "
        f"print([m for m in {UNUSED} if m in sys.modules])"
    )
    process = run(code, ROOT)
    assert (process.returncode, process.stdout.strip()) == (0, "[]"), process.stderr


def test_folder_of_the_middlewares_is_no_package_of_its_own():
    process = run("import middleware", ROOT)
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].startswith("ImportError: import wsgikit.middleware")


def test_folder_of_the_middlewares_says_what_to_import():
    spec = spec_from_file_location("middleware", ROOT / "middleware" / "__init__.py")
    with pytest.raises(ImportError, match=r"import wsgikit\.middleware"):
        spec.loader.exec_module(module_from_spec(spec))


def test_types_are_as_promised(monkeypatch):
    monkeypatch.chdir(ROOT)
    samples = sorted(str(path) for path in (ROOT / "tests" / "typing").glob("*.py"))
    assert samples
    report, errors, status = api.run(["--strict", *samples])
    assert (status, errors) == (0, ""), report
