"""The request and response classes."""

import io

import pytest
from werkzeug.exceptions import BadRequest, ClientDisconnected, UnsupportedMediaType
from werkzeug.routing import Rule
from werkzeug.test import create_environ

from wsgikit import Blueprint, Request, Response, errors, request
from wsgikit.middleware import standard
from wsgikit.routing import Route


class Body:
    """Chunks that count how often they were closed."""

    def __init__(self, *chunks, error=None):
        self.chunks = chunks
        self.error = error
        self.closed = 0

    def __iter__(self):
        return iter(self.chunks)

    def close(self):
        self.closed += 1
        if self.error is not None:
            raise self.error


def test_request_without_a_route_has_no_view():
    bare = Request(create_environ("/x"))
    assert bare.url_rule is bare.view_args is bare.endpoint is bare.blueprint is None
    assert bare.routing_exception is None
    assert bare.blueprints == []


def test_request_tells_its_route():
    rule = Rule("/<id>", endpoint="a.b.show")
    made = Request(create_environ("/x"), Route(rule, {"id": "x"}))
    assert (made.url_rule, made.endpoint, made.view_args) == (rule, "a.b.show", {"id": "x"})
    assert (made.blueprint, made.blueprints) == ("a.b", ["a.b", "a"])


def test_request_tells_why_nothing_matched(app, client):
    seen = []
    app.before_request(lambda: seen.append((request.view_args, request.routing_exception)))
    client.get("/missing", status=404)
    ((view_args, error),) = seen
    assert view_args is None
    assert error.code == 404


def test_request_in_a_blueprint_names_it(app, client):
    blog = Blueprint("blog", url_prefix="/blog")
    blog.add_url_rule("/<int:id>", "show", lambda id: [request.blueprint, request.endpoint, id])
    app.register_blueprint(blog)
    assert client.get("/blog/3").json == ["blog", "blog.show", 3]


@pytest.mark.parametrize("host", ["xn--a", "xn--99999999.example", "a" * 64])
def test_host_that_no_url_can_name_is_none(host):
    """As werkzeug has it where characters are invalid, and not a 500 for what a client sends."""
    request = Request(create_environ(base_url="http://localhost", headers={"Host": host}))
    assert (request.host, request.url) == ("", "http:///")


def test_host_in_another_alphabet_is_shown_in_urls():
    request = Request(create_environ(headers={"Host": "xn--bcher-kva.example:8000"}))
    assert request.host == "xn--bcher-kva.example:8000"
    assert request.url == "http://bücher.example:8000/"


def test_request_does_not_enter_the_environ():
    environ = create_environ("/")
    before = dict(environ)
    Request(environ)
    assert environ == before


def test_arguments_changed_before_the_view_reach_it(app, client):
    app.add_url_rule("/<lang>/<page>", "page", lambda page: page)
    app.before_request(lambda: request.view_args.pop("lang") and None)
    assert client.get("/en/home").text == "home"


@pytest.fixture
def json_client(app, client):
    app.add_url_rule("/", "echo", lambda: [request.json], methods=["POST"])
    return client


def test_json_is_read(json_client):
    assert json_client.post_json("/", {"a": 1}).json == [{"a": 1}]


NOT_JSON = [b"", b"{", b"\xff", b'{"a": }', b"nope", b'"\x01"']


@pytest.mark.parametrize("body", [*NOT_JSON, pytest.param(b"[" * 100_000, id="deep")])
@pytest.mark.parametrize("testing", [False, True])
def test_malformed_json_is_a_400(app, json_client, body, testing):
    app.config["TESTING"] = testing
    response = json_client.post("/", body, content_type="application/json", status=400)
    assert "not valid JSON" in response.text


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_json_of_another_media_type_is_a_415(json_client, content_type):
    json_client.post("/", b"{}", content_type=content_type, status=415)


@pytest.mark.parametrize("content_type", ["application/problem+json", "APPLICATION/JSON; a=b"])
def test_json_of_a_json_like_media_type_is_read(json_client, content_type):
    assert json_client.post("/", b"{}", content_type=content_type).json == [{}]


def test_json_errors_are_http_exceptions():
    body = {"method": "POST", "data": b"{", "content_type": "application/json"}
    with Request(create_environ(**body)) as bad, pytest.raises(BadRequest) as caught:
        bad.get_json()
    assert isinstance(caught.value.__cause__, ValueError)
    with Request(create_environ()) as bare, pytest.raises(UnsupportedMediaType):
        bare.get_json()


def test_silent_json_is_none():
    with Request(create_environ()) as bare:
        assert bare.get_json(silent=True) is None


def test_query_of_other_bytes_is_read_as_if_it_were_quoted():
    with (
        Request({**create_environ(), "QUERY_STRING": "a=\xe9&b=1"}) as bare,
        Request({**create_environ(), "QUERY_STRING": "a=%E9&b=1"}) as quoted,
    ):
        assert bare.args == quoted.args
        assert bare.args["b"] == "1"


def wsgi_body(response, method="GET", **environ):
    return response.get_app_iter({**create_environ(method=method), **environ})


def test_response_is_html_by_default():
    assert Response("x").content_type == "text/html; charset=utf-8"


def test_response_reads_its_own_json():
    assert Response('{"a": 1}', mimetype="application/json").json == {"a": 1}


@pytest.mark.parametrize(
    ("value", "chunks"),
    [("é", ["é".encode()]), (["a", b"b"], [b"a", b"b"]), (("a",), [b"a"]), ([], []), (b"", [b""])],
)
def test_complete_body_keeps_its_length(value, chunks):
    body = wsgi_body(Response(value))
    assert len(body) == len(chunks)
    assert list(body) == chunks


def test_stream_has_no_length():
    body = wsgi_body(Response(iter(["a", b"b"])))
    assert not hasattr(body, "__len__")
    assert list(body) == [b"a", b"b"]
    body.close()


@pytest.mark.parametrize(
    ("method", "status"),
    [("HEAD", 200), ("GET", 204), ("GET", 304), ("GET", 101), ("GET", 103)],
)
@pytest.mark.parametrize("passthrough", [False, True])
def test_bodyless_response_closes_the_body_once(method, status, passthrough):
    inner = Body(b"x")
    body = wsgi_body(Response(inner, status, direct_passthrough=passthrough), method)
    assert list(body) == []
    body.close()
    body.close()
    assert inner.closed == 1


@pytest.mark.parametrize("status", [200, 205, 404])
@pytest.mark.parametrize("passthrough", [False, True])
def test_other_response_sends_and_closes_the_body_once(status, passthrough):
    inner = Body(b"x")
    body = wsgi_body(Response(inner, status, direct_passthrough=passthrough))
    assert list(body) == [b"x"]
    body.close()
    body.close()
    assert inner.closed == 1


@pytest.mark.parametrize("status", [100, 204, 304])
def test_bodyless_status_sends_no_length(app, client, status):
    app.add_url_rule("/", "view", lambda: ("dropped", status))
    started = []
    environ = create_environ("/")
    body = standard(app)(environ, lambda *args: started.append(args))
    assert b"".join(body) == b""
    body.close()
    ((_, headers),) = [start[:2] for start in started]
    if status != 304:
        assert "content-length" not in {name.lower() for name, _ in headers}


@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_close_runs_every_callback_also_after_one_has_raised(passthrough, method):
    log = []

    def fail(name):
        log.append(name)
        raise OSError(name)

    inner = Body(b"x", error=OSError("inner"))
    response = Response(inner, direct_passthrough=passthrough)
    response.call_on_close(lambda: fail("first"))
    response.call_on_close(lambda: log.append("second"))
    body = wsgi_body(response, method)
    list(body)
    with pytest.raises((OSError, BaseExceptionGroup)):
        body.close()
    assert (inner.closed, log) == (1, ["first", "second"])


def test_callbacks_of_a_sequence_run_at_close():
    log = []
    response = Response("x")
    response.call_on_close(lambda: log.append("closed"))
    body = wsgi_body(response)
    assert list(body) == [b"x"]
    assert log == []
    body.close()
    assert log == ["closed"]


@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize(("method", "chunks"), [("GET", [b"x"]), ("HEAD", [])])
def test_complete_response_can_be_sent_again_with_its_callbacks(passthrough, method, chunks):
    log = []
    response = Response([b"x"], direct_passthrough=passthrough)
    response.call_on_close(lambda: log.append("closed"))
    for count in (1, 2, 3):
        body = wsgi_body(response, method)
        assert (len(body), list(body)) == (len(chunks), chunks)
        body.close()
        body.close()
        assert log == ["closed"] * count


def test_response_whose_start_is_refused_is_closed():
    def refuse(status, headers):
        raise OSError("refused")

    inner = Body(b"x")
    with pytest.raises(OSError, match="refused") as raised:
        Response(inner)(create_environ(), refuse)
    assert inner.closed == 1
    assert raised.tb is not None  # it keeps the body: nothing was left to the collector


def test_body_made_complete_by_a_reader_is_closed_once():
    inner = Body(b"a", b"b")
    response = Response(inner)
    assert response.get_data() == b"ab"
    body = wsgi_body(response)
    assert (len(body), list(body)) == (2, [b"a", b"b"])
    body.close()
    assert inner.closed == 1


def test_from_wsgi_keeps_status_headers_and_body():
    inner = Body(b"x")
    headers = [("X-A", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("content-type", "t/x")]
    response = Response.from_wsgi(create_environ(), inner, "299 Own Words", headers)
    assert (response.status, response.headers.to_wsgi_list()) == ("299 Own Words", headers)
    assert response.response is inner
    assert not response.direct_passthrough


def test_from_wsgi_adds_no_content_type():
    response = Response.from_wsgi(create_environ(), [], "204 No Content", [("X-A", "1")])
    assert response.headers.to_wsgi_list() == [("X-A", "1")]


def test_from_wsgi_edits_a_copy_of_the_headers():
    headers = [("X-A", "1")]
    Response.from_wsgi(create_environ(), [], "200 OK", headers).headers["X-B"] = "2"
    assert headers == [("X-A", "1")]


def test_from_wsgi_passes_a_file_of_the_server_through():
    environ = {**create_environ(), "wsgi.file_wrapper": Body}
    inner = Body(b"x")
    response = Response.from_wsgi(environ, inner, "200 OK", [])
    assert response.direct_passthrough
    body = response.get_app_iter(environ)
    assert body is inner
    body.close()


def test_location_stays_relative(app, client):
    app.add_url_rule("/", "view", lambda: ("", 302, {"Location": "there"}))
    started = []
    body = standard(app)(create_environ("/"), lambda *args: started.append(args))
    body.close()
    assert ("Location", "there") in started[0][1]


@pytest.mark.parametrize("value", ["Basic \xff", "Basic !", "Basic", "Nonsense", "Basic YQ=="])
def test_authorization_that_cannot_be_read_is_no_error(value):
    request = Request(create_environ(headers={"Authorization": value}))
    assert request.authorization is None or not request.authorization.password
    assert Request(create_environ(auth=("ada", "x"))).authorization.username == "ada"


class Broken:
    """An input that ends, or breaks, after a few bytes."""

    def __init__(self, error=None):
        self.chunks = [b"short"]
        self.error = error

    def read(self, size):
        if self.chunks:
            return self.chunks.pop()
        if self.error is not None:
            raise self.error
        return b""


def test_body_that_a_server_ends_early_is_no_body():
    environ = {**create_environ(method="POST"), "CONTENT_LENGTH": "100", "wsgi.input": Broken()}
    with (
        Request({**environ, "wsgi.input_terminated": True}) as request,
        pytest.raises(errors.ClientDisconnected),
    ):
        request.get_data()


def test_view_that_reads_is_told_that_the_client_has_left():
    error = ConnectionResetError("gone")
    environ = {**create_environ(method="POST"), "CONTENT_LENGTH": "100"}
    values = {"wsgi.input": Broken(error), "wsgi.input_terminated": True}
    with (
        Request({**environ, **values}) as request,
        pytest.raises(errors.ClientDisconnected) as raised,
    ):
        request.get_data()
    assert raised.value.__cause__ is error


def test_body_is_read_no_further_than_it_is_long():
    environ = create_environ(method="POST", data=b"one")
    values = {"wsgi.input": io.BytesIO(b"one, and the next"), "wsgi.input_terminated": True}
    with Request({**environ, **values}) as request:
        assert request.get_data() == b"one"


def test_app_inside_finds_an_early_end_as_the_server_has_it():
    environ = {**create_environ(method="POST"), "CONTENT_LENGTH": "100", "wsgi.input": Broken()}
    request = Request(environ)
    with pytest.raises(ClientDisconnected):
        request.get_data()
    assert environ["wsgi.input"].read(1000) == b"short"
    assert environ["wsgi.input"].read(1000) == b""


def test_app_inside_gets_the_server_s_own_error():
    error = ConnectionResetError("gone")
    environ = {**create_environ(method="POST"), "CONTENT_LENGTH": "100"}
    environ["wsgi.input"] = Broken(error)
    with pytest.raises(ClientDisconnected):
        Request(environ).get_data()
    with pytest.raises(ConnectionResetError) as raised:
        environ["wsgi.input"].read(1000)
    assert raised.value is error
    environ["wsgi.input"].close()
