"""Templates of both engines: what they know, what they escape, where they are found."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from types import ModuleType
from typing import Any

import jinja2
import mako.exceptions
import mako.lookup
import pytest
from markupsafe import Markup
from werkzeug.test import Client, TestResponse

from wsgikit import (
    App,
    Blueprint,
    flash,
    g,
    render_template,
    render_template_string,
    request,
    session,
    signals,
)
from wsgikit.errors import MissingExtraError
from wsgikit.middleware import standard
from wsgikit.templating import jinja_environment

ENDINGS = {"jinja": ".html", "mako": ".mako"}

each_engine = pytest.mark.parametrize("engine", ["jinja", "mako"])


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def out(engine: str, expression: str) -> str:
    """``expression`` printed, in the language of ``engine``."""
    return f"{{{{ {expression} }}}}" if engine == "jinja" else f"${{{expression}}}"


def either(engine: str, condition: str) -> str:
    """``yes`` or ``no``, in the language of ``engine``."""
    if engine == "jinja":
        return f"{{% if {condition} %}}yes{{% else %}}no{{% endif %}}"
    return f"${{'yes' if {condition} else 'no'}}"


def get(app: App, path: str = "/") -> TestResponse:
    return Client(standard(app, secret_key="for the tests")).get(path, buffered=True)


def show(app: App, source: str, engine: str) -> TestResponse:
    """What a request for / gets from a view that renders ``source``."""
    app.add_url_rule("/", "show", lambda: render_template_string(source, _engine=engine))
    return get(app)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "templates"


@pytest.fixture
def app(folder: Path) -> App:
    return App("site", template_folder=str(folder))


# What is printed


@each_engine
@pytest.mark.parametrize("ending", ["", ".html", ".xml", ".md"])
def test_values_are_escaped_in_files_of_every_ending(
    app: App, folder: Path, engine: str, ending: str
) -> None:
    name = f"page{ending}" + (".mako" if engine == "mako" else "")
    write(folder, name, f"<p>{out(engine, 'value')}")
    with app.app_context():
        assert render_template(name, value="<'&\">") == "<p>&lt;&#39;&amp;&#34;&gt;"


@each_engine
def test_values_are_escaped_in_strings(app: App, engine: str) -> None:
    with app.app_context():
        text = render_template_string(out(engine, "value"), _engine=engine, value="<")
    assert text == "&lt;"


def test_string_is_jinja_by_default(app: App) -> None:
    with app.app_context():
        assert render_template_string("{{ value }} ${value}", value="<") == "&lt; ${value}"


@pytest.mark.parametrize("name", ["mail.txt", "mail.txt.mako"])
def test_text_files_are_not_escaped(app: App, folder: Path, name: str) -> None:
    engine = "mako" if name.endswith(".mako") else "jinja"
    write(folder, name, out(engine, "value"))
    with app.app_context():
        assert render_template(name, value="<&>") == "<&>"


@each_engine
def test_markup_is_not_escaped_again(app: App, engine: str) -> None:
    with app.app_context():
        text = render_template_string(out(engine, "value"), _engine=engine, value=Markup("<b>&lt;"))
    assert text == "<b>&lt;"


@each_engine
def test_explicit_escape_does_not_escape_twice(app: App, engine: str) -> None:
    source = "{{ value|e }}" if engine == "jinja" else "${value | h}"
    with app.app_context():
        assert render_template_string(source, _engine=engine, value="<") == "&lt;"


@each_engine
def test_template_can_print_a_value_unescaped(app: App, engine: str) -> None:
    source = "{{ value|safe }}" if engine == "jinja" else "${value | n}"
    with app.app_context():
        assert render_template_string(source, _engine=engine, value="<") == "<"


@each_engine
def test_output_of_a_macro_is_escaped_once(app: App, engine: str) -> None:
    source = {
        "jinja": "{% macro bold(x) %}<b>{{ x }}</b>{% endmacro %}{{ bold(value) }}",
        "mako": "<%def name='bold(x)' buffered='True'><b>${x}</b></%def>${bold(value)}",
    }[engine]
    with app.app_context():
        assert render_template_string(source, _engine=engine, value="<") == "<b>&lt;</b>"


def test_text_file_included_in_a_page_is_text_and_the_page_stays_escaped(
    app: App, folder: Path
) -> None:
    write(folder, "page.mako", "${v}<%include file='note.txt.mako'/>${v}")
    write(folder, "note.txt.mako", "${v}")
    with app.app_context():
        assert render_template("page.mako", v="<") == "&lt;<&lt;"


@each_engine
def test_files_are_read_as_utf_8(app: App, folder: Path, engine: str) -> None:
    name = f"page{ENDINGS[engine]}"
    write(folder, name, f"żółw {out(engine, 'value')}")
    with app.app_context():
        assert render_template(name, value="ü") == "żółw ü"


def test_jinja_tojson_takes_what_jsonify_takes(app: App) -> None:
    with app.app_context():
        text = render_template_string("{{ value|tojson }}", value={"on": date(2024, 1, 2)})
    assert text == '{"on":"Tue, 02 Jan 2024 00:00:00 GMT"}'


# What templates know


@each_engine
def test_request_session_g_and_current_app_are_there(app: App, engine: str) -> None:
    @app.before_request
    def fill() -> None:
        session["visits"] = 3
        g.user = "ann"

    names = ("request.path", "session['visits']", "g.user", "current_app.name")
    source = "|".join(out(engine, name) for name in names)
    assert show(app, source, engine).text == "/|3|ann|site"


@each_engine
def test_url_for_is_there(app: App, engine: str) -> None:
    app.add_url_rule("/user/<name>", "user", lambda name: name)
    source = out(engine, "url_for('user', name='ann', q='1&2')")
    assert show(app, source, engine).text == "/user/ann?q=1%262"


@each_engine
def test_flashed_messages_are_there_and_escaped(app: App, engine: str) -> None:
    @app.before_request
    def say() -> None:
        flash("<saved>", "info")

    source = {
        "jinja": "{% for kind, text in get_flashed_messages(with_categories=True) %}"
        "{{ kind }}: {{ text }}{% endfor %}",
        "mako": "% for kind, text in get_flashed_messages(with_categories=True):\n"
        "${kind}: ${text}\\\n% endfor\n",
    }[engine]
    assert show(app, source, engine).text == "info: &lt;saved&gt;"


@each_engine
def test_imported_macro_knows_the_standard_names(app: App, folder: Path, engine: str) -> None:
    macro = {
        "jinja": "{% macro here() %}{{ request.path }} {{ url_for('show') }}{% endmacro %}",
        "mako": "<%def name='here()'>${request.path} ${url_for('show')}</%def>",
    }[engine]
    page = {
        "jinja": "{% from 'macros.html' import here %}{{ here() }}",
        "mako": "<%namespace name='macros' file='macros.mako'/>${macros.here()}",
    }[engine]
    write(folder, f"macros{ENDINGS[engine]}", macro)
    assert show(app, page, engine).text == "/ /"


@each_engine
def test_session_that_a_template_does_not_use_stays_untouched(app: App, engine: str) -> None:
    assert "Vary" not in show(app, "plain", engine).headers


@each_engine
def test_session_that_a_template_uses_varies_the_response(app: App, engine: str) -> None:
    response = show(app, either(engine, "session"), engine)
    assert (response.text, response.headers["Vary"]) == ("no", "Cookie")


@each_engine
def test_without_a_request_templates_render_and_the_request_is_false(app: App, engine: str) -> None:
    app.config["SERVER_NAME"] = "example.org"
    app.add_url_rule("/home", "home", lambda: "")
    source = " ".join(
        (
            either(engine, "request"),
            either(engine, "session"),
            out(engine, "current_app.name"),
            out(engine, "g.user"),
            out(engine, "url_for('home')"),
        )
    )
    with app.app_context():
        g.user = "ann"
        text = render_template_string(source, _engine=engine)
    assert text == "no no site ann http://example.org/home"


def test_without_an_app_rendering_says_what_to_write() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)outside of application context.*app_context"):
        render_template("page.html")


@each_engine
def test_streamed_body_renders_to_the_last_chunk(app: App, folder: Path, engine: str) -> None:
    name = f"row{ENDINGS[engine]}"
    row = " ".join(out(engine, value) for value in ("number", "request.path", "session['user']"))
    write(folder, name, row)

    @app.get("/rows")
    def rows() -> Iterator[str]:
        session["user"] = "ann"
        for number in range(3):
            yield render_template(name, number=number) + "\n"

    assert get(app, "/rows").text == "0 /rows ann\n1 /rows ann\n2 /rows ann\n"


# Context processors


@each_engine
def test_arguments_win_over_processors_and_these_over_standard_names(app: App, engine: str) -> None:
    app.context_processor(lambda: {"title": "processor", "g": "processor", "site": "processor"})
    source = " ".join(out(engine, name) for name in ("title", "g", "site"))
    with app.app_context():
        text = render_template_string(source, _engine=engine, title="argument")
    assert text == "argument processor processor"


@each_engine
def test_argument_named_like_a_standard_name_wins(app: App, engine: str) -> None:
    with app.app_context():
        text = render_template_string(out(engine, "request"), _engine=engine, request="mine")
    assert text == "mine"


def test_processors_run_in_the_request_anew_for_each_rendering(app: App) -> None:
    app.context_processor(lambda: {"path": request.path})
    app.add_url_rule("/<name>", "page", lambda name: render_template_string("{{ path }}"))
    assert [get(app, path).text for path in ("/a", "/b")] == ["/a", "/b"]


@pytest.fixture
def nested(app: App) -> App:
    """An app with blueprints one in the other; each adds its name as ``who`` and by its own."""
    app.context_processor(lambda: {"who": "app", "app": 1})
    outer, inner, other = (Blueprint(name, url_prefix=f"/{name}") for name in ("out", "in", "no"))
    for blueprint in (outer, inner, other):
        names = {"who": blueprint.name, blueprint.name: 1}
        blueprint.context_processor(lambda names=names: names)
    source = (
        "{{ who }}{% if app %} app{% endif %}{% if out %} out{% endif %}{% if no %} no{% endif %}"
    )
    for scaffold in (app, outer, inner):
        scaffold.add_url_rule("/page", "page", lambda: render_template_string(source))
    app.register_error_handler(404, lambda error: render_template_string(source))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.register_blueprint(other)
    return app


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/page", "app app"),
        ("/out/page", "out app out"),
        ("/out/in/page", "in app out"),
        ("/nowhere", "app app"),
    ],
)
def test_processors_of_the_routes_blueprints_run_outermost_first(
    nested: App, path: str, text: str
) -> None:
    assert get(nested, path).text == text


def test_other_app_pushed_inside_a_request_uses_its_own_processors_only() -> None:
    outer, inner = App("outer"), App("inner")
    outer.context_processor(lambda: {"outer": "outer "})
    inner.context_processor(lambda: {"inner": "inner "})
    source = "{{ outer }}{{ inner }}{{ current_app.name }}"

    @outer.get("/")
    def view() -> str:
        with inner.app_context():
            return render_template_string(source)

    assert get(outer).text == "inner inner"


# Signals


class Listener:
    """Keeps what the two signals said, in order."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any, Any, dict[str, Any]]] = []

    def before(self, sender: Any, *, template: Any, context: dict[str, Any]) -> None:
        self.heard.append(("before", sender, template, dict(context)))
        context["added"] = "by a listener"

    def after(self, sender: Any, *, template: Any, context: dict[str, Any]) -> None:
        self.heard.append(("after", sender, template, dict(context)))


@pytest.fixture
def listener(app: App) -> Iterator[Listener]:
    listener = Listener()
    with (
        signals.before_render_template.connected_to(listener.before, app),
        signals.template_rendered.connected_to(listener.after, app),
    ):
        yield listener


@each_engine
def test_signals_tell_app_template_and_context(
    app: App, folder: Path, engine: str, listener: Listener
) -> None:
    name = f"page{ENDINGS[engine]}"
    write(folder, name, out(engine, "added"))
    app.context_processor(lambda: {"site": "s"})
    with app.app_context():
        assert render_template(name, page=1) == "by a listener"
    (before, *first), (after, *second) = listener.heard
    template = first[1]
    assert (before, after) == ("before", "after")
    assert getattr(template, "name" if engine == "jinja" else "uri") == name
    assert first == [app, template, {"site": "s", "page": 1}]
    assert second == [app, template, {"site": "s", "page": 1, "added": "by a listener"}]
    assert first[0] is app  # not the proxy, by which no one could be connected


@each_engine
def test_template_that_fails_is_not_told_as_rendered(
    app: App, engine: str, listener: Listener
) -> None:
    with app.app_context(), pytest.raises(ZeroDivisionError):
        render_template_string(out(engine, "1 / 0"), _engine=engine)
    assert [each[0] for each in listener.heard] == ["before"]


def test_listener_of_one_app_hears_nothing_of_another(listener: Listener) -> None:
    with App("other").app_context():
        render_template_string("")
    assert listener.heard == []


# Where templates are found


@each_engine
def test_apps_folder_comes_before_the_blueprints_in_their_order(
    app: App, folder: Path, tmp_path: Path, engine: str
) -> None:
    names = [f"{name}{ENDINGS[engine]}" for name in ("one", "two", "three")]
    for count, place in enumerate((folder, tmp_path / "first", tmp_path / "second"), 1):
        for name in names[:count]:
            write(place, name, place.name)
    for name in ("first", "second"):
        app.register_blueprint(Blueprint(name, template_folder=str(tmp_path / name)))
    with app.app_context():
        found = [render_template(name) for name in names]
    assert found == ["templates", "first", "second"]


@each_engine
def test_blueprint_without_a_folder_adds_none(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    name = f"page{ENDINGS[engine]}"
    write(tmp_path / "None", name, "a folder of that name is not searched")
    monkeypatch.chdir(tmp_path)
    app.register_blueprint(Blueprint("bare"))
    errors = (jinja2.TemplateNotFound, mako.exceptions.TemplateLookupException)
    with app.app_context(), pytest.raises(errors):
        render_template(name)


@each_engine
def test_blueprint_registered_after_the_first_rendering_is_searched(
    app: App, tmp_path: Path, engine: str
) -> None:
    name = f"page{ENDINGS[engine]}"
    write(tmp_path / "late", name, "late")
    with app.app_context():
        render_template_string("", _engine=engine)
        app.register_blueprint(Blueprint("late", template_folder=str(tmp_path / "late")))
        assert render_template(name) == "late"


def test_folders_are_relative_to_the_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("some_site", "some_blog"):
        module = ModuleType(name)
        module.__file__ = str(write(tmp_path / name, "views.py", ""))
        monkeypatch.setitem(sys.modules, name, module)
    write(tmp_path / "some_site/templates", "page.html", "site")
    write(tmp_path / "some_blog/pages", "post.html", "blog")
    app = App("some_site")
    app.register_blueprint(Blueprint("blog", "some_blog", template_folder="pages"))
    with app.app_context():
        assert [render_template(name) for name in ("page.html", "post.html")] == ["site", "blog"]


@each_engine
def test_template_inherits_and_includes_across_folders(
    app: App, folder: Path, tmp_path: Path, engine: str
) -> None:
    base, page = {
        "jinja": (
            "<{% block body %}{% endblock %}>{% include 'parts/foot.html' %}",
            "{% extends 'base.html' %}{% block body %}{{ value }}{% endblock %}",
        ),
        "mako": (
            "<${self.body()}><%include file='/parts/foot.mako'/>",
            "<%inherit file='/base.mako'/>${value}",
        ),
    }[engine]
    ending = ENDINGS[engine]
    write(folder, f"base{ending}", base)
    write(folder, f"parts/foot{ending}", out(engine, "value"))
    write(tmp_path / "blog", f"blog/page{ending}", page)
    app.register_blueprint(Blueprint("blog", template_folder=str(tmp_path / "blog")))
    with app.app_context():
        assert render_template(f"blog/page{ending}", value="&") == "<&amp;>&amp;"
        assert render_template_string(page, _engine=engine, value="&") == "<&amp;>&amp;"


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["no.html", "page.html", "page.mako"], "jinja"),
        (["no.mako", "no.html", "page.mako", "page.html"], "mako"),
        (("page.mako",), "mako"),
    ],
)
def test_first_template_of_a_list_that_exists_is_rendered(
    app: App, folder: Path, names: list[str], text: str
) -> None:
    write(folder, "page.html", "jinja")
    write(folder, "page.mako", "mako")
    with app.app_context():
        assert render_template(names) == text


@pytest.mark.parametrize(
    ("names", "error"),
    [
        ("no.html", jinja2.TemplateNotFound),
        ("no.mako", mako.exceptions.TemplateLookupException),
        (["no.mako", "no.html"], jinja2.TemplateNotFound),
        (["no.html", "no.mako"], mako.exceptions.TemplateLookupException),
    ],
)
def test_missing_template_raises_the_engines_error(
    app: App, names: Any, error: type[Exception]
) -> None:
    with app.app_context(), pytest.raises(error, match="no"):
        render_template(names)


def test_list_without_names_says_what_to_give(app: App) -> None:
    with app.app_context(), pytest.raises(ValueError, match="at least one name"):
        render_template([])


@pytest.mark.parametrize(
    ("name", "source", "error"),
    [
        ("page.html", "{% if %}", jinja2.TemplateSyntaxError),
        ("page.mako", "<%def>", mako.exceptions.CompileException),
    ],
)
def test_syntax_error_raises_the_engines_error_also_in_a_list(
    app: App, folder: Path, name: str, source: str, error: type[Exception]
) -> None:
    write(folder, name, source)
    write(folder, "good.html", "")
    with app.app_context(), pytest.raises(error):
        render_template([name, "good.html"])


@pytest.mark.parametrize("name", ["../secret.html", "../secret.mako", "a/../../secret.mako"])
def test_name_that_leaves_the_folder_is_refused(app: App, folder: Path, name: str) -> None:
    write(folder.parent, "secret.html", "secret")
    write(folder.parent, "secret.mako", "secret")
    errors = (jinja2.TemplateNotFound, mako.exceptions.TemplateLookupException)
    with app.app_context(), pytest.raises(errors):
        render_template(name)


@each_engine
@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({}, "old"),
        ({"DEBUG": True}, "new"),
        ({"DEBUG": True, "TEMPLATES_AUTO_RELOAD": False}, "old"),
        ({"TEMPLATES_AUTO_RELOAD": True}, "new"),
    ],
)
def test_changed_file_is_read_again_when_the_config_says_so(
    app: App, folder: Path, engine: str, config: dict[str, Any], text: str
) -> None:
    app.config.from_mapping(config)
    name = f"page{ENDINGS[engine]}"
    write(folder, name, "old")
    with app.app_context():
        assert render_template(name) == "old"
        later = time.time() + 10
        os.utime(write(folder, name, "new"), (later, later))
        assert render_template(name) == text


# The engines


def test_unknown_engine_says_what_to_write(app: App) -> None:
    with app.app_context(), pytest.raises(ValueError, match=r"'genshi'.*\n\n.*_engine='mako'"):
        render_template_string("", _engine="genshi")  # type: ignore[arg-type]


def test_environment_takes_filters_and_globals_before_blueprints_are_registered(
    app: App, tmp_path: Path
) -> None:
    environment = jinja_environment(app)
    environment.filters["shout"] = str.upper
    environment.globals["url_for"] = lambda endpoint: f"/static/{endpoint}"
    write(tmp_path / "blog", "page.html", "{{ 'a'|shout }} {{ url_for('b') }}")
    app.register_blueprint(Blueprint("blog", template_folder=str(tmp_path / "blog")))
    with app.app_context():
        assert render_template("page.html") == "A /static/b"


@each_engine
def test_each_app_has_engines_of_its_own(tmp_path: Path, engine: str) -> None:
    name = f"page{ENDINGS[engine]}"
    apps = [App(each, template_folder=str(tmp_path / each)) for each in ("a", "b")]
    for each in apps:
        write(tmp_path / each.name, name, each.name)
    texts = []
    for each in apps:
        with each.app_context():
            texts.append(render_template(name))
    assert texts == ["a", "b"]
    assert jinja_environment(apps[0]) is not jinja_environment(apps[1])


def remove(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``package`` seem not to be installed."""
    for name in [each for each in sys.modules if each.partition(".")[0] == package]:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.parametrize(
    ("package", "extra", "render"),
    [
        ("jinja2", "jinja", lambda app: render_template("page.html")),
        ("jinja2", "jinja", lambda app: render_template_string("")),
        ("jinja2", "jinja", jinja_environment),
        ("mako", "mako", lambda app: render_template("page.mako")),
        ("mako", "mako", lambda app: render_template_string("", _engine="mako")),
    ],
)
def test_missing_engine_names_the_extra(
    app: App,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    extra: str,
    render: Callable[[App], object],
) -> None:
    remove(package, monkeypatch)
    with app.app_context(), pytest.raises(MissingExtraError) as raised:
        render(app)
    assert f"package '{package}'" in str(raised.value)
    assert f"wsgikit[{extra}]" in str(raised.value)


@pytest.mark.parametrize(("missing", "name"), [("jinja2", "page.mako"), ("mako", "page.html")])
def test_one_engine_works_without_the_other(
    app: App, folder: Path, monkeypatch: pytest.MonkeyPatch, missing: str, name: str
) -> None:
    write(folder, name, "fine")
    remove(missing, monkeypatch)
    with app.app_context():
        assert render_template(name) == "fine"


def test_importing_wsgikit_imports_no_engine() -> None:
    code = "import sys, wsgikit.middleware; print({'jinja2', 'mako'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("engine", "module", "name"),
    [("jinja", jinja2, "Environment"), ("mako", mako.lookup, "TemplateLookup")],
)
def test_threads_that_render_first_together_build_one_engine(
    app: App, folder: Path, monkeypatch: pytest.MonkeyPatch, engine: str, module: Any, name: str
) -> None:
    page = f"page{ENDINGS[engine]}"
    write(folder, page, out(engine, "value"))
    start, second_builder, built = Barrier(8), Barrier(2), []

    class Counted(getattr(module, name)):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            built.append(self)
            with suppress(BrokenBarrierError):  # a second builder must have time to come
                second_builder.wait(timeout=0.3)
            super().__init__(*args, **options)

    def render(value: int) -> str:
        with app.app_context():
            start.wait(timeout=10)
            return render_template(page, value=value)

    monkeypatch.setattr(module, name, Counted)
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(render, range(8)))
    assert texts == [str(value) for value in range(8)]
    assert len(built) == 1
