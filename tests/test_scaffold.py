"""What an app and a blueprint have in common."""

import http
import sys
import types
from pathlib import Path

import pytest
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound

from wsgikit import App, Blueprint
from wsgikit.scaffold import Scaffold


@pytest.fixture(params=[App, Blueprint], ids=["App", "Blueprint"])
def scaffold(request):
    return request.param("tests")


def answer(*args):
    return "x"


@pytest.mark.parametrize(
    ("decorator", "functions"),
    [
        ("before_request", "before_request_funcs"),
        ("after_request", "after_request_funcs"),
        ("teardown_request", "teardown_request_funcs"),
        ("context_processor", "context_processors"),
    ],
)
def test_decorator_registers_and_returns_the_function(scaffold, decorator, functions):
    assert getattr(scaffold, decorator)(answer) is answer
    assert getattr(scaffold, functions) == [answer]


@pytest.mark.parametrize("decorator", ["before_first_request", "teardown_appcontext"])
def test_decorator_of_an_app_returns_the_function(decorator):
    assert getattr(App("tests"), decorator)(answer) is answer


def test_error_handler_decorator_returns_the_function(scaffold):
    assert scaffold.errorhandler(404)(answer) is answer
    assert scaffold.errorhandler(LookupError)(answer) is answer


@pytest.mark.parametrize("method", ["route", "get", "post", "put", "patch", "delete"])
def test_route_decorators_return_the_function(scaffold, method):
    assert getattr(scaffold, method)("/")(answer) is answer


@pytest.mark.parametrize(
    ("wanted", "code", "cls"),
    [
        (404, 404, NotFound),
        (http.HTTPStatus.NOT_FOUND, 404, NotFound),
        (NotFound, 404, NotFound),
        (500, 500, InternalServerError),
        (HTTPException, None, HTTPException),
        (Exception, None, Exception),
        (LookupError, None, LookupError),
    ],
)
def test_handlers_are_kept_by_code_and_class(scaffold, wanted, code, cls):
    scaffold.register_error_handler(wanted, answer)
    assert scaffold.error_handlers == {code: {cls: answer}}


def test_later_handler_replaces_an_earlier_one(scaffold):
    scaffold.register_error_handler(404, len)
    scaffold.register_error_handler(NotFound, answer)
    assert scaffold.error_handlers == {404: {NotFound: answer}}


@pytest.mark.parametrize("code", [0, 200, 302, 600, True])
def test_code_of_no_error_is_refused(scaffold, code):
    with pytest.raises(ValueError, match="no HTTP error"):
        scaffold.register_error_handler(code, answer)


@pytest.mark.parametrize("wrong", [KeyboardInterrupt, LookupError("x"), "404", int, None])
def test_what_is_no_exception_class_is_refused(scaffold, wrong):
    with pytest.raises(ValueError, match="errorhandler") as caught:
        scaffold.errorhandler(wrong)(answer)
    assert repr(wrong) in str(caught.value)


def test_root_is_the_folder_of_the_module():
    app = App(__name__)
    assert app.root_path == Path(__file__).resolve().parent
    assert app.template_folder == app.root_path / "templates"
    assert app.config.root_path == app.root_path


@pytest.mark.parametrize("module", [None, types.ModuleType("without_a_file")])
def test_root_without_a_module_file_is_the_working_folder(tmp_path, monkeypatch, module):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "without_a_file", module)
    assert App("without_a_file").root_path == tmp_path


def test_template_folder_may_be_named_absolute_or_left_out(tmp_path):
    assert App(__name__, template_folder="pages").template_folder.name == "pages"
    assert Blueprint("blog", template_folder=str(tmp_path)).template_folder == tmp_path
    assert Blueprint("blog").template_folder is None


def test_blueprint_finds_its_own_folder():
    blueprint = Blueprint("blog", __name__, template_folder="pages")
    assert blueprint.template_folder == Path(__file__).resolve().parent / "pages"


def test_bare_scaffold_has_no_routes():
    with pytest.raises(NotImplementedError):
        Scaffold("tests", "tests", None).get("/")(answer)
