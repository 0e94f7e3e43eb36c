"""wsgikit check: each mistake that is planted is found, and its fix named."""

import os
import secrets
import subprocess
import sys
import types
from pathlib import Path

import django_settings
import pytest
from real_servers import free_port

ROOT = Path(__file__).parents[2]

SITE = """
import os
import sys

from django.core.wsgi import get_wsgi_application
from flask import Flask
from werkzeug.debug import DebuggedApplication
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from wsgikit import App, Pipeline
from wsgikit.middleware import (
    ContextMiddleware,
    DeadlineMiddleware,
    DrainMiddleware,
    ErrorMiddleware,
    HealthMiddleware,
    HooksMiddleware,
    HostMiddleware,
    HTTPSMiddleware,
    ProxyMiddleware,
    RequestIDMiddleware,
    SessionMiddleware,
    standard,
    standard_pipeline,
)
from wsgikit.sessions import MemoryStore, SQLStore

KEY = os.environ["SITE_KEY"]


class Hider:
    def __init__(self, app):
        self._kept = app

    def __call__(self, environ, start_response):
        return self._kept(environ, start_response)


class Passing:
    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        return self.app(environ, start_response)


class Broken(SQLStore):
    def __init__(self, error=None):
        super().__init__("sqlite:///nowhere.sqlite3")
        self.error = error or OSError("no such disk")

    def load(self, key):
        raise self.error

    def close(self):
        super().close()
        print("closed", file=sys.stderr)


def around(app):
    pipeline = standard_pipeline(app, current_app=App("legacy"), secret_key=KEY)
    return pipeline.run(app)


def flask_app(debug=True):
    app = Flask("old")
    app.debug = debug
    return app


def flask_app_with_wsgi_app_inside():
    app = flask_app()
    app.wsgi_app = around(app.wsgi_app)
    return app


FOREIGN = type("SessionMiddleware", (Passing,), {})  # as Beaker's is called too


def make(edit=lambda pipeline: None, proxies=("10.0.0.0/8",), hosts=("example.org",), **config):
    right = {"SECRET_KEY": KEY, "SESSION_COOKIE_NAME": "__Host-session"}
    app = App("site", config={**right, **config})
    app.before_request(lambda: None)
    pipeline = (
        standard_pipeline(app)
        .insert_before(ContextMiddleware, ProxyMiddleware, trusted=proxies)
        .insert_before(ContextMiddleware, HostMiddleware, trusted=hosts)
    )
    edit(pipeline)
    return pipeline.run(app)


"""

PLANTED = [
    ("debug", "around(flask_app())", "Leave debug out of Flask"),
    ("debug", "flask_app_with_wsgi_app_inside()", "Leave debug out of Flask"),
    ("store-unreachable", "make(SESSION_STORE=Broken())", "Start it, or correct SESSION_STORE"),
    ("chain-none", "make", "write a factory as module:make_app()"),
    ("secret-placeholder", "make(SECRET_KEY='change-me-' + KEY)", "wsgikit secret"),
    ("secret-short", "make(SECRET_KEY='f3a9c04e71')", "wsgikit secret"),
    ("secret-guessable", "make(SECRET_KEY='abab' * 16)", "wsgikit secret"),
    ("secret-short", "make(SECRET_KEY_FALLBACKS=['f3a9c04e71'])", "wsgikit secret"),
    (
        "secret-in-source",
        "make(SECRET_KEY='9f8e3b1c55d04a7786ab20f1e3c9d7b4')",
        "app.config.from_prefixed_env()",
    ),
    ("secret-unchanged", "make(SECRET_KEY_FALLBACKS=[KEY])", "wsgikit secret"),
    (
        "cookie-secure",
        "make(SESSION_COOKIE_NAME='plain')",
        "SESSION_COOKIE_SECURE = True",
    ),
    ("cookie-httponly", "make(SESSION_COOKIE_HTTPONLY=False)", "SESSION_COOKIE_HTTPONLY = True"),
    ("cookie-samesite", "make(SESSION_COOKIE_SAMESITE=None)", "SESSION_COOKIE_SAMESITE = 'Lax'"),
    ("cookie-samesite", "make(SESSION_COOKIE_SAMESITE='None')", "SESSION_COOKIE_SAMESITE = 'Lax'"),
    ("cookie-host", "make(SESSION_COOKIE_NAME='plain')", "SESSION_COOKIE_NAME = '__Host-session'"),
    (
        "cookie-host",
        "make(SESSION_COOKIE_NAME='plain', SESSION_COOKIE_DOMAIN='example.org')",
        "leave the domain out",
    ),
    ("debugger", "make(DEBUG=True)", "unset WSGIKIT_DEBUG"),
    (
        "debugger",
        "make(lambda p: p.insert_before(ErrorMiddleware, DebuggedApplication))",
        "Take it out of the chain",
    ),
    (
        "debugger",
        "make(lambda p: p.replace(HostMiddleware, HostMiddleware, trusted=['a.b'], debug=True))",
        "Leave debug out of its options",
    ),
    ("debug", "make(DEBUG=True)", "Leave DEBUG out"),
    ("testing", "make(TESTING=True)", "Leave TESTING out"),
    (
        "propagate-exceptions",
        "make(PROPAGATE_EXCEPTIONS=True)",
        "Leave PROPAGATE_EXCEPTIONS out",
    ),
    (
        "proxy-none",
        "make(lambda p: p.without(ProxyMiddleware))",
        ".use(ProxyMiddleware, trusted=",
    ),
    (
        "proxy-any",
        "make(lambda p: p.replace(ProxyMiddleware, ProxyFix, x_for=1))",
        ".use(ProxyMiddleware, trusted=",
    ),
    ("proxy-trust", "make(proxies=['0.0.0.0/0'])", "the addresses of your proxies"),
    (
        "proxy-trust",
        "make(lambda p: p.insert_after(ProxyMiddleware, RequestIDMiddleware, trusted=['::/0']))",
        "the addresses of your proxies",
    ),
    ("proxy-trust", "make(proxies=['::/0'])", "the addresses of your proxies"),
    ("proxy-none", "make(proxies=())", ".use(ProxyMiddleware, trusted="),
    (
        "debug",
        "make(lambda p: p.insert_before(ContextMiddleware, FOREIGN), DEBUG=True)",
        "Leave DEBUG out",
    ),
    ("host-none", "make(lambda p: p.without(HostMiddleware))", ".use(HostMiddleware, trusted="),
    ("host-wildcard", "make(hosts=['.com'])", "the names of your site"),
    ("host-wildcard", "make(hosts=['0.0.0.0/0'])", "the names of your site"),
    (
        "chain-order",
        "make(lambda p: p.insert_after(ContextMiddleware, DrainMiddleware))",
        "Move it out: .use(DrainMiddleware, …) before .use(ContextMiddleware, …)",
    ),
    (
        "chain-order",
        "make(lambda p: p.insert_before(ProxyMiddleware, Passing))",
        "Move it in: .use(Passing, …) after that layer",
    ),
    (
        "chain-hidden",
        "make(lambda p: p.insert_before(ContextMiddleware, Hider))",
        "Keep the app inside in an attribute app",
    ),
    ("chain-none", "App('alone')", "Name what standard(app) or Pipeline.run(app) returned"),
    (
        "hooks-idle",
        "make(lambda p: p.without(HooksMiddleware))",
        ".use(HooksMiddleware) as the innermost layer",
    ),
    ("store-memory", "make(SESSION_STORE=MemoryStore())", "SESSION_STORE = 'redis://"),
    (
        "store-unreachable",
        "make(SESSION_STORE=f'redis://127.0.0.1:{os.environ[\"DEAD_PORT\"]}')",
        "Start it, or correct SESSION_STORE",
    ),
    ("not-built", "make(SECRET_KEY=None)", "Make a key with"),
    (
        "not-built",
        "make(lambda p: p.replace(ProxyMiddleware, ProxyMiddleware, trusted=None))",
        "Write ['10.0.0.0/8']",
    ),
    ("not-built", "make(lambda p: p.use(DeadlineMiddleware, seconds='50s'))", "Write seconds"),
    ("not-built", "make(SESSION_STORE='nowhere')", "Write memory:, sqlite:///"),
]

WORST = """make(
    lambda p: p.without(HooksMiddleware)
    .replace(ProxyMiddleware, ProxyMiddleware, trusted=["0.0.0.0/0"])
    .insert_before(ProxyMiddleware, Passing),
    hosts=[".com"],
    SECRET_KEY="dev",
    SESSION_COOKIE_NAME="plain",
    SESSION_COOKIE_HTTPONLY=False,
    SESSION_COOKIE_SAMESITE=None,
    SESSION_STORE=MemoryStore(),
    DEBUG=True,
    TESTING=True,
)"""


@pytest.fixture
def environ(monkeypatch):
    monkeypatch.setenv("SITE_KEY", secrets.token_hex(32))
    monkeypatch.setenv("DEAD_PORT", str(free_port()))


@pytest.fixture
def check(environ, write_site, run):
    def check(expression, *options):
        return run("check", write_site(f"{SITE}application = {expression}\n"), *options)

    return check


def found(stdout):
    """Each finding's line, by its name."""
    return {line.partition(": ")[0]: line for line in stdout.splitlines()}


def test_nothing_is_found_in_a_site_without_mistakes(check):
    result = check("make()")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith(": nothing found.\n")


@pytest.mark.parametrize(("name", "expression", "fix"), PLANTED)
def test_mistake_is_found_and_its_fix_named(name, expression, fix, check):
    result = check(expression)
    assert result.exit_code == 1, result.output
    assert fix in found(result.stdout)[name]


def test_command_finds_all_mistakes_of_one_site(environ, write_site, tmp_path):
    site = write_site(f"{SITE}application = {WORST}\n")
    command = [sys.executable, "-m", "wsgikit", "check", site]
    process = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (process.returncode, process.stderr) == (1, "")
    assert set(found(process.stdout)) == {
        "chain-order",
        "hooks-idle",
        "secret-placeholder",
        "cookie-secure",
        "cookie-httponly",
        "cookie-samesite",
        "cookie-host",
        "debugger",
        "debug",
        "testing",
        "proxy-trust",
        "host-wildcard",
        "store-memory",
    }


def test_finding_can_be_skipped(check):
    expression = "make(TESTING=True, SESSION_COOKIE_HTTPONLY=False)"
    assert set(found(check(expression, "--skip", "testing").stdout)) == {"cookie-httponly"}
    result = check(expression, "--skip", "testing", "--skip", "cookie-httponly")
    assert result.exit_code == 0


def test_key_itself_is_never_printed(check, monkeypatch):
    monkeypatch.setenv("SITE_KEY", "a1b2c3" * 4)
    result = check("make()")
    assert "secret-short" in result.stdout
    assert "a1b2c3" not in result.output


def test_https_layer_makes_the_cookie_secure(check):
    result = check(
        "make(lambda p: p.insert_after(HostMiddleware, HTTPSMiddleware), "
        "SESSION_COOKIE_NAME='plain')"
    )
    assert set(found(result.stdout)) == {"cookie-host"}


def test_https_layer_makes_any_cookie_secure(check):
    result = check(
        "make(lambda p: p.insert_after(HostMiddleware, HTTPSMiddleware), "
        "SESSION_COOKIE_NAME='plain', SESSION_COOKIE_SECURE=False)"
    )
    assert set(found(result.stdout)) == {"cookie-host"}


@pytest.mark.parametrize("name", ["__Secure-a", "__secure-a"])
def test_name_makes_the_cookie_secure(name, check):
    assert set(found(check(f"make(SESSION_COOKIE_NAME={name!r})").stdout)) == {"cookie-host"}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("OSError('no such disk.')", "no such disk"),
        ("OSError('one line\\nand another')", "one line"),
        ("TimeoutError()", "TimeoutError"),
    ],
)
def test_reason_of_a_store_is_told_in_a_sentence(error, told, check):
    result = check(f"make(SESSION_STORE=Broken({error}))")
    assert f"does not answer: {told}. Start it" in result.stdout


def test_random_key_may_have_three_times_the_same_letter(check, monkeypatch):
    monkeypatch.setenv("SITE_KEY", "q7XxxA9dK2mYour_Vt0LrZ4cB8eHnJwP5sUfGiYoTk1")
    assert check("make()").exit_code == 0


@pytest.mark.parametrize("debug", [True, False])
def test_debug_mode_of_django_is_found(debug, check, monkeypatch):
    monkeypatch.setattr(django_settings.settings, "DEBUG", debug)
    result = check("around(get_wsgi_application())")
    assert ("debug" in found(result.stdout)) == debug
    if debug:
        assert "Set DEBUG = False in Django's settings" in result.stdout


def test_flask_without_debug_mode_is_no_finding(check):
    assert "debug" not in found(check("around(flask_app(debug=False))").stdout)


def test_partitioned_cookie_may_go_with_requests_of_other_sites(check):
    result = check("make(SESSION_COOKIE_SAMESITE='None', SESSION_COOKIE_PARTITIONED=True)")
    assert result.exit_code == 0


def test_store_that_answers_is_no_finding(check, tmp_path):
    assert check(f"make(SESSION_STORE='sqlite:///{tmp_path}/sessions')").exit_code == 0


def test_connections_of_a_store_are_closed(check):
    assert check("make(SESSION_STORE=Broken())").stderr == "closed\n"


def test_proxy_fix_that_trusts_nobody_is_no_proxy_layer(check):
    result = check("make(lambda p: p.replace(ProxyMiddleware, ProxyFix, 0, 0, 0))")
    assert set(found(result.stdout)) == {"proxy-none"}


@pytest.mark.parametrize("make", [secrets.token_hex, secrets.token_urlsafe])
def test_random_keys_are_no_finding(make, check, monkeypatch):
    for length in (16, 24, 32):
        monkeypatch.setenv("SITE_KEY", make(length).ljust(32, secrets.choice("0123456789")))
        assert check("make()").exit_code == 0


def test_cookie_is_not_secure_where_http_is_served_too(check):
    result = check(
        "make(lambda p: p.insert_after(HostMiddleware, HTTPSMiddleware, redirect=False), "
        "SESSION_COOKIE_NAME='plain')"
    )
    assert set(found(result.stdout)) == {"cookie-host", "cookie-secure"}


MOUNTED = """
def mounted(pipeline):
    def part(name):
        return standard(App(name, config={"SECRET_KEY": KEY, "SESSION_COOKIE_NAME": "__Host-a"}))

    pipeline.use(DispatcherMiddleware, mounts={"/a": part("a"), "/b": part("b")})

application = make(mounted)
"""


def test_pipelines_side_by_side_and_one_in_another_are_in_order(environ, write_site, run):
    result = run("check", write_site(SITE + MOUNTED))
    assert (result.exit_code, result.stdout) == (0, "")


WHOLE = """
def whole(name, edit=lambda pipeline: None, fallback=None, inner=None, **options):
    config = {"SECRET_KEY": KEY, "SESSION_COOKIE_NAME": f"__Host-{name}"}
    app = App(name, config={**config, **options}, fallback=fallback)
    pipeline = (
        standard_pipeline(app)
        .insert_before(ContextMiddleware, ProxyMiddleware, trusted=["10.0.0.0/8"])
        .insert_before(ContextMiddleware, HostMiddleware, trusted=["example.org"])
    )
    edit(pipeline)
    return pipeline.run(inner or app)


def unhosted(name):
    return whole(name, lambda p: p.without(HostMiddleware))


def unproxied(name):
    return whole(name, lambda p: p.without(ProxyMiddleware))


def calling(environ, start_response):
    return SITE(environ, start_response)


def unfinished():
    def call(environ, start_response):
        return never(environ, start_response)

    if False:
        never = None
    return call


def within(site):
    def call(environ, start_response):
        return site(environ, start_response)

    return call


SITE = whole("a")
"""


@pytest.fixture
def check_whole(environ, write_site, run):
    def check_whole(expression):
        return run("check", write_site(f"{SITE}{WHOLE}application = {expression}\n"))

    return check_whole


@pytest.mark.parametrize(
    "expression",
    [
        "DispatcherMiddleware(whole('a'), {'/b': whole('b')})",
        "whole('a', fallback=whole('b'))",
        "whole('a', inner=whole('b'))",
        "whole('a', lambda p: p.use(DispatcherMiddleware, mounts={'/b': whole('b')}))",
        "whole('a', lambda p: p.use(lambda app: DispatcherMiddleware(whole('b'), {'/a': app})))",
    ],
)
def test_whole_sites_under_one_roof_are_each_in_order(expression, check_whole):
    result = check_whole(expression)
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize(
    ("expression", "name", "told"),
    [
        ("DispatcherMiddleware(whole('a'), {'/b': unhosted('b')})", "host-none", "App 'b'"),
        ("DispatcherMiddleware(unhosted('a'), {'/b': whole('b')})", "host-none", "App 'a'"),
        ("DispatcherMiddleware(whole('a'), {'/b': unproxied('b')})", "proxy-none", "App 'b'"),
        (
            "DispatcherMiddleware(whole('a'), {'/b': whole('b', TESTING=True)})",
            "testing",
            "Leave TESTING out",
        ),
        (
            "DispatcherMiddleware(HTTPSMiddleware(whole('a')), "
            "{'/b': whole('b', SESSION_COOKIE_NAME='b')})",
            "cookie-secure",
            "The cookie b ",
        ),
        (
            "Passing(DispatcherMiddleware(whole('a'), {'/b': whole('b')}))",
            "chain-order",
            "Passing stands outside the proxy layer",
        ),
        (
            "DispatcherMiddleware(whole('a'), {'/b': whole('b', lambda p: "
            "p.insert_after(ContextMiddleware, DrainMiddleware))})",
            "chain-order",
            ".use(DrainMiddleware, …) before .use(ContextMiddleware, …)",
        ),
    ],
)
def test_mistake_of_one_site_of_two_is_found(expression, name, told, check_whole):
    result = check_whole(expression)
    assert told in found(result.stdout)[name]


def test_mistake_of_both_sites_is_told_once(check_whole):
    result = check_whole("Passing(DispatcherMiddleware(whole('a'), {'/b': whole('b')}))")
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize("expression", ["Hider(whole('a'))", "calling", "within(whole('a'))"])
def test_pipeline_is_looked_into_where_a_layer_hides_it(expression, check_whole):
    result = check_whole(expression)
    assert set(found(result.stdout)) == {"chain-hidden", "chain-order"}
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "expression", ["Hider(App('a'))", "lambda environ, start_response: []", "unfinished()"]
)
def test_where_no_layer_is_seen_that_is_the_only_finding(expression, check_whole):
    result = check_whole(expression)
    assert set(found(result.stdout)) == {"chain-none"}
    assert "no layer of wsgikit" in result.stdout
    assert result.exit_code == 1


def test_probes_may_be_answered_outside_the_proxy_layer(check):
    result = check("make(lambda p: p.insert_before(ProxyMiddleware, HealthMiddleware))")
    assert (result.exit_code, result.stdout) == (0, "")


def test_app_without_hooks_needs_no_layer_for_them(check):
    result = check(
        "Pipeline().use(ProxyMiddleware, trusted=['::1']).use(HostMiddleware, trusted=['a.b'])"
        ".use(ContextMiddleware).run(App('bare'))"
    )
    assert (result.exit_code, result.stdout) == (0, "")


KEY_IN_SOURCE = "9f8e3b1c55d04a7786ab20f1e3c9d7b4"
SITE_OF_SEVERAL_FILES = """
from wsgikit import App
from wsgikit.middleware import standard

from {package}.conf import KEY

application = standard(App("site", config={{"SECRET_KEY": KEY}}))
"""


@pytest.mark.parametrize(
    ("target", "keys"),
    [
        ("{name}.web", "{name}/conf.py"),
        ("{name}", "{name}/conf.py"),
        ("{name}.web", "{name}_settings.py"),
        ("{name}_wsgi", "{name}/conf.py"),
        ("{name}_wsgi", "{name}_settings.py"),
    ],
)
def test_key_is_found_in_other_modules_of_the_site(target, keys, write_site, tmp_path, run):
    name = f"{write_site('')}_package"
    files = {
        f"{name}/__init__.py": "",
        f"{name}/conf.py": f"from {name}_settings import KEY",
        f"{name}_settings.py": "KEY = ''",
        f"{name}/web.py": SITE_OF_SEVERAL_FILES.format(package=name),
        f"{name}_wsgi.py": f"from {name}.web import application",
        keys.format(name=name): f"KEY = {KEY_IN_SOURCE!r}",
    }
    if target == "{name}":
        files[f"{name}/__init__.py"] = f"from {name}.web import application"
    (tmp_path / name).mkdir()
    for path, text in files.items():
        (tmp_path / path).write_text(f"{text}\n")
    result = run("check", target.format(name=name))
    module = keys.format(name=name).removesuffix(".py").replace("/", ".")
    assert f"SECRET_KEY is written in {module}." in found(result.stdout)["secret-in-source"]


def test_what_packages_have_in_their_source_is_not_the_sites(
    write_site, tmp_path, run, monkeypatch
):
    packages = tmp_path / ".venv" / "site-packages"
    packages.mkdir(parents=True)
    monkeypatch.syspath_prepend(packages)
    package = f"{write_site('')}_package"
    (packages / package).mkdir()
    (packages / package / "__init__.py").write_text("")
    (packages / package / "conf.py").write_text(f"KEY = {KEY_IN_SOURCE!r}")
    result = run("check", write_site(SITE_OF_SEVERAL_FILES.format(package=package)))
    assert "secret-in-source" not in found(result.stdout)
    (packages / package / "web.py").write_text(SITE_OF_SEVERAL_FILES.format(package=package))
    result = run("check", f"{package}.web")  # the site itself is installed
    assert "secret-in-source" in found(result.stdout)


def test_site_that_has_no_file_has_no_key_in_its_source(environ, run, monkeypatch):
    site = types.ModuleType("site_in_memory")
    exec(f"{SITE}application = make()", vars(site))
    monkeypatch.setitem(sys.modules, "site_in_memory", site)
    result = run("check", "site_in_memory")
    assert (result.exit_code, result.stdout) == (0, "")
