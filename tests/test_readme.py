"""The README's examples run as they stand."""

import re
import sys
import types
from pathlib import Path

import pytest
from webtest import TestApp

README = (Path(__file__).parents[1] / "README.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.S | re.M)


def run(marker: str) -> dict[str, object]:
    (example,) = [code for code in EXAMPLES if marker in code]
    namespace: dict[str, object] = {"__name__": "readme"}
    exec(compile(example, "README.md", "exec"), namespace)
    return namespace


def test_every_example_is_covered_here() -> None:
    assert len(EXAMPLES) == 5


def test_own_app() -> None:
    client = TestApp(run("def export")["application"])
    assert [client.get("/").json["visits"] for _ in range(2)] == [1, 2]
    assert client.get("/export").text == "one\ntwo\n"


def test_around_an_existing_app(monkeypatch: pytest.MonkeyPatch) -> None:
    def mysite(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"mysite"]

    module = types.ModuleType("mysite.wsgi")
    module.application = mysite
    monkeypatch.setitem(sys.modules, "mysite", types.ModuleType("mysite"))
    monkeypatch.setitem(sys.modules, "mysite.wsgi", module)
    client = TestApp(run("django_app")["application"])
    client.get("/")
    response = client.get("/")
    assert (response.text, response.headers["X-Visits"]) == ("mysite", "2")


def test_webtest_example() -> None:
    namespace = run("def test_me")
    namespace["test_me"]()
    namespace["test_what_needs_a_request_and_no_view"]()


def test_battery() -> None:
    namespace = run("conformance.CASES")
    namespace["conformance"].check(namespace["MyMiddleware"])


def test_example_of_the_page_on_the_life_of_a_request() -> None:
    page = (Path(__file__).parents[1] / "docs" / "lifecycle.md").read_text()
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.S | re.M)
    namespace: dict[str, object] = {"__name__": "docs"}
    exec(compile(example, "lifecycle.md", "exec"), namespace)
    answer = TestApp(namespace["application"]).get("/greet")
    assert answer.text == "Hello Ada, from /greet\nHello Grace, from /greet"
    namespace["app"].shutdown()


def test_edited_chain(capsys: pytest.CaptureFixture[str]) -> None:
    run("insert_before")
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == [
        "Pipeline",
        "ProxyFix(x_for=1)",
        "ContextMiddleware(current_app=<App 'readme'>)",
    ]
    assert "GMiddleware(site='example.org')" in lines


def test_examples_have_at_most_twenty_lines() -> None:
    for example in EXAMPLES:
        assert sum(bool(line.strip()) for line in example.splitlines()) <= 20
