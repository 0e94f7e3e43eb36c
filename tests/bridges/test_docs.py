"""The examples of docs/sessions-across-frameworks.md run as they stand."""

from __future__ import annotations

import re
import sys
import types
import warnings
from pathlib import Path

import flask
from django.http import JsonResponse
from django.urls import path
from webtest import TestApp

from wsgikit import App
from wsgikit.middleware import standard

PAGE = (Path(__file__).parents[2] / "docs" / "sessions-across-frameworks.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)


def run(marker):
    (example,) = [code for code in EXAMPLES if marker in code]
    namespace = {"__name__": "__main__"}  # Pyramid looks its caller up
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
        warnings.filterwarnings("ignore", "Deprecated call to `pkg_resources", DeprecationWarning)
        exec(compile(example, "sessions-across-frameworks.md", "exec"), namespace)
    return namespace


def visits(application):
    client = TestApp(application)
    return [client.get("/").json["visits"] for _ in range(2)]


def count(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse({"visits": request.session["visits"]})


def test_every_example_is_covered_here():
    assert len(EXAMPLES) == 5


def test_examples_have_at_most_twenty_lines():
    for example in EXAMPLES:
        assert sum(bool(line.strip()) for line in example.splitlines()) <= 20


def test_flask():
    app = run("flask.Flask(")["app"]
    assert visits(app) == [1, 2]
    client = app.test_client()
    with client.session_transaction() as session:
        session["visits"] = 41
    assert client.get("/", buffered=True).json == {"visits": 42}


def test_django(django_site):
    settings = {name: value for name, value in run("SESSION_ENGINE").items() if name.isupper()}
    site = django_site([path("", count)], **settings)
    assert visits(standard(site, current_app=App("shop"), secret_key="a key for tests")) == [1, 2]


def test_bottle():
    assert visits(run("bottle.Bottle")["application"]) == [1, 2]


def test_pyramid():
    assert visits(run("Configurator")["application"]) == [1, 2]


def test_several(django_site, monkeypatch):
    flask_app = flask.Flask("shop")

    @flask_app.get("/")
    def index():
        flask.session["visits"] = flask.session.get("visits", 0) + 1
        return {"visits": flask.session["visits"]}

    modules = {
        "mysite.wsgi": {"django_app": django_site([path("", count)])},
        "mysite": {},
        "shop": {"flask_app": flask_app},
    }
    for name, content in modules.items():
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        vars(sys.modules[name]).update(content)
    client = TestApp(run("DispatcherMiddleware")["application"])
    assert client.get("/").json == {"visits": 1}
    assert client.get("/admin/").json == {"visits": 2}
    assert client.get("/").json == {"visits": 3}
