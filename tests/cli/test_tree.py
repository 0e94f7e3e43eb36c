"""wsgikit tree: the chain as it is built, foreign layers and mounted apps too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FOREIGN = """
from wsgiref.validate import validator
import flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from wsgikit import App, Pipeline
from wsgikit.middleware import ContextMiddleware, HooksMiddleware, standard

class Hider:
    def __init__(self, app):
        self._kept = app
    def __call__(self, environ, start_response):
        return self._kept(environ, start_response)

def plain(environ, start_response):
    ...

flask_app = flask.Flask("old")
flask_app.wsgi_app = ProxyFix(flask_app.wsgi_app)
router = App("router", fallback=flask_app)
router.get("/new")(lambda: "new")
closure = Pipeline().use(validator).use(ContextMiddleware).run(router)

app = App("hidden")
hidden = Pipeline().use(Hider).use(ContextMiddleware).use(HooksMiddleware).run(app)

mounted = DispatcherMiddleware(plain, {"/a": plain, "/b": standard(App("b"), secret_key="k")})
loop = ProxyFix(plain)
loop.app = loop
alone = App("alone")
"""


def rows(text):
    """Each line as depth and its words."""
    return [(len(line) - len(line.lstrip()), " ".join(line.split())) for line in text.splitlines()]


@pytest.fixture
def tree(write_site, run):
    site = write_site(FOREIGN)

    def tree(name):
        result = run("tree", f"{site}:{name}")
        assert result.exit_code == 0, result.output
        return rows(result.stdout.replace(site, "site"))

    return tree


def test_layer_in_a_closure_and_the_fallback_of_an_app(tree):
    assert tree("closure") == [
        (0, "validator wsgiref.validate"),
        (2, "ContextMiddleware provides wsgikit.context"),
        (4, "App 'router' 1 route"),
        (6, "fallback Flask flask.app"),
        (8, "ProxyFix werkzeug.middleware.proxy_fix"),
        (10, "Flask.wsgi_app flask.app"),
    ]


def test_what_a_layer_hides_is_found_by_the_pipeline(tree):
    assert tree("hidden") == [
        (0, "Hider site; hides what it calls"),
        (2, "ContextMiddleware provides wsgikit.context"),
        (4, "HooksMiddleware requires wsgikit.context; uses wsgikit.session, wsgikit.g"),
        (6, "App 'hidden' 0 routes"),
    ]


def test_mounted_apps_each_with_its_own_chain(tree):
    shown = tree("mounted")
    assert shown[:3] == [
        (0, "DispatcherMiddleware werkzeug.middleware.dispatcher"),
        (2, "/a plain site"),
        (2, "/b ContextMiddleware provides wsgikit.context"),
    ]
    assert shown[-2:] == [(12, "App 'b' 0 routes"), (2, "plain site")]


def test_demo():
    environ = {**os.environ, "WSGIKIT_SECRET_KEY": "a key"}
    command = [sys.executable, "-m", "wsgikit", "tree", "deploy.wsgi"]
    process = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    shown = [line for _, line in rows(process.stdout)]
    assert "ContextMiddleware provides wsgikit.context" in shown
    assert shown[-4:-1] == [
        "DispatcherMiddleware werkzeug.middleware.dispatcher",
        "/bottle Bottle bottle",
        "/plain plain_app deploy.mounted",
    ]
    assert shown[-1].startswith("App 'deploy.wsgi' ")


def test_layer_around_itself_ends(tree):
    assert tree("loop") == [(0, "ProxyFix werkzeug.middleware.proxy_fix")]


def test_app_without_a_pipeline_is_told_what_to_write(tree):
    assert tree("alone")[-1] == (0, "Write: application = standard(app)")


def test_app_beside_its_pipeline_is_told_what_to_name(tree):
    assert tree("app")[-1][1].endswith("name what Pipeline.run() or standard() returned.")
