"""The response to an HTTP error, in the format that the client asked for (RFC 9457)."""

import json
import re

import pytest
from werkzeug.exceptions import (
    BadRequestKeyError,
    Forbidden,
    HTTPException,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
)
from werkzeug.test import create_environ

from wsgikit import App, Response, abort, request
from wsgikit.environ import REQUEST_ID
from wsgikit.error_page import error_page

HTML, PROBLEM, TEXT = "text/html", "application/problem+json", "text/plain"


@pytest.fixture
def app():
    return App("pages", config={"SECRET_KEY": "k"})


def page(error, accept=None, **values):
    environ = {**create_environ("/"), **values}
    if accept is not None:
        environ["HTTP_ACCEPT"] = accept
    return error_page(error, environ)


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        (None, HTML),
        ("", HTML),
        ("*/*", HTML),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        ("application/json", PROBLEM),
        ("application/problem+json", PROBLEM),
        ("application/*", PROBLEM),
        ("application/json, text/plain, */*", PROBLEM),
        ("text/html;q=0.5, application/json", PROBLEM),
        ("application/json;q=0.5, text/html", HTML),
        ("text/plain", TEXT),
        ("text/plain, text/html;q=0", TEXT),
        ("image/png", HTML),
        ("nonsense;;;q=x,\xff", HTML),
    ],
)
def test_format_is_the_one_that_the_client_prefers(accept, mimetype):
    response = page(NotFound(), accept)
    assert (response.status_code, response.mimetype) == (404, mimetype)
    assert "Accept" in response.vary


def test_problem_has_the_members_of_the_standard():
    response = page(Forbidden("Not for <you>."), "application/json")
    assert json.loads(response.get_data()) == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": "Not for <you>.",
    }


def test_text_has_name_and_description():
    response = page(Forbidden("Not for <you>."), "text/plain")
    assert response.get_data(as_text=True) == "403 Forbidden\n\nNot for <you>.\n"


def test_html_is_escaped():
    assert b"Not for &lt;you&gt;." in page(Forbidden("Not for <you>.")).get_data()


@pytest.mark.parametrize("accept", ["application/json", "text/plain", "text/html"])
def test_headers_of_the_error_are_kept_and_the_length_is_right(accept):
    response = page(MethodNotAllowed(["GET", "PUT"]), accept)
    assert response.headers["Allow"] == "GET, PUT"
    assert response.headers.getlist("Content-Type") == [response.content_type]
    assert int(response.headers["Content-Length"]) == len(response.get_data())
    retry = page(ServiceUnavailable(retry_after=7), accept)
    assert retry.headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("accept", "shown"),
    [
        ("application/json", '"request_id": "abc"'),
        ("text/plain", "\n\nRequest abc\n"),
        ("text/html", "<p>Request abc</p>"),
    ],
)
def test_page_of_a_server_error_names_the_request(accept, shown):
    values = {REQUEST_ID: "abc"}
    assert shown in page(ServiceUnavailable(), accept, **values).get_data(as_text=True)
    assert "abc" not in page(NotFound(), accept, **values).get_data(as_text=True)
    assert "Request" not in page(ServiceUnavailable(), accept).get_data(as_text=True)


def test_id_is_escaped_in_html():
    text = page(ServiceUnavailable(), **{REQUEST_ID: "<b>"}).get_data(as_text=True)
    assert "<p>Request &lt;b&gt;</p>" in text


def test_error_with_a_response_of_its_own_is_that():
    response = Response("own", 409)
    error = NotFound(response=response)
    assert page(error, "application/json") is response


@pytest.mark.parametrize("method", ["get_body", "get_response"])
def test_error_that_makes_its_own_body_is_left_to_it(method):
    class Own(NotFound):
        def get_body(self, environ=None, scope=None):
            return "own"

    if method == "get_response":
        del Own.get_body
        Own.get_response = lambda self, environ=None, scope=None: Response("own", 404)
    assert page(Own(), "application/json").get_data() == b"own"


def test_key_of_a_form_is_not_shown():
    assert "password" not in page(BadRequestKeyError("password"), "application/json").get_data(
        as_text=True
    )


def test_500_of_a_view_is_a_problem_with_the_id_that_the_log_has(app, client, caplog):
    app.config["TESTING"] = False
    app.add_url_rule("/", "view", lambda: 1 / 0)
    answer = client.get("/", headers={"Accept": "application/json"}, status=500)
    assert answer.content_type == PROBLEM
    assert answer.json["title"] == "Internal Server Error"
    (logged,) = re.findall(r"request (\w+)$", caplog.records[0].getMessage())
    assert answer.json["request_id"] == logged
    assert "division" not in answer.text


def test_404_and_abort_are_problems_too(app, client):
    app.add_url_rule("/gone", "view", lambda: abort(410, "It was here."))
    json_please = {"Accept": "application/json"}
    assert client.get("/", headers=json_please, status=404).json["status"] == 404
    assert client.get("/gone", headers=json_please, status=410).json["detail"] == "It was here."


def test_redirect_and_handled_error_are_not_negotiated(app, client):
    app.add_url_rule("/slash/", "view", lambda: request.args["missing"])
    app.register_error_handler(400, lambda error: ("own page", 400))
    json_please = {"Accept": "application/json"}
    assert client.get("/slash", headers=json_please).status_int == 308
    answer = client.get("/slash/", headers=json_please, status=400)
    assert (answer.text, "Vary" in answer.headers) == ("own page", False)


class Teapot(HTTPException):
    """An error without a description."""

    code = 418


@pytest.mark.parametrize("accept", ["application/json", "text/plain"])
def test_error_without_a_description_has_none(accept):
    text = page(Teapot(), accept).get_data(as_text=True)
    assert text in (
        "418 I'm a teapot\n",
        json.dumps({"type": "about:blank", "title": "I'm a teapot", "status": 418}) + "\n",
    )
