"""What views may return, and the functions that make responses."""

from datetime import timedelta

import pytest
import werkzeug
from markupsafe import Markup

from wsgikit import (
    Response,
    abort,
    flash,
    get_flashed_messages,
    jsonify,
    make_response,
    redirect,
    request,
    send_file,
    session,
)
from wsgikit.middleware import standard

HTML = "text/html"
JSON = "application/json"


@pytest.fixture
def get(app, client):
    """Serve what a view returns; ``make`` is called in the view."""

    def serve(make, **options):
        app.add_url_rule("/", "view", make)
        return client.get("/", **options)

    return serve


class Body:
    """Chunks that count how often they were closed."""

    def __init__(self, *chunks):
        self.chunks = chunks
        self.closed = 0

    def __iter__(self):
        return iter(self.chunks)

    def close(self):
        self.closed += 1


@pytest.mark.parametrize(
    ("value", "content_type", "body"),
    [
        ("é", HTML, "é".encode()),
        ("", HTML, b""),
        (Markup("<b>"), HTML, b"<b>"),
        (b"\xff", HTML, b"\xff"),
        (bytearray(b"raw"), HTML, b"raw"),
        ({"a": [1]}, JSON, b'{"a":[1]}\n'),
        ([1, None], JSON, b"[1,null]\n"),
        ({}, JSON, b"{}\n"),
        (Response("own", mimetype="text/plain"), "text/plain", b"own"),
        (werkzeug.Response("werkzeug's", mimetype="text/plain"), "text/plain", b"werkzeug's"),
        (iter(["é", b"!"]), HTML, "é!".encode()),
    ],
)
def test_view_returns_a_body(get, value, content_type, body):
    response = get(lambda: value)
    assert (response.status_int, response.content_type, response.body) == (200, content_type, body)


@pytest.mark.parametrize(
    ("value", "status", "header"),
    [
        (("x", 201), "201 CREATED", None),
        (("x", "299 Custom"), "299 Custom", None),
        (("x", {"X-A": "1"}), "200 OK", "1"),
        (("x", [("X-A", "1")]), "200 OK", "1"),
        (("x", 202, {"X-A": "1"}), "202 ACCEPTED", "1"),
        (("x", None, {"X-A": "1"}), "200 OK", "1"),
        (("x", 203, None), "203 NON AUTHORITATIVE INFORMATION", None),
        (("x", None), "200 OK", None),
    ],
)
def test_view_returns_a_tuple(get, value, status, header):
    response = get(lambda: value)
    assert (response.status, response.body) == (status, b"x")
    assert response.headers.get("X-A") == header


def test_tuple_changes_the_response_in_it(get):
    made = Response("x", headers={"X-A": "own", "X-B": "own"})
    response = get(lambda: (made, 201, {"X-A": "tuple"}))
    assert (response.status_int, response.headers["X-A"]) == (201, "tuple")
    assert response.headers["X-B"] == "own"


def test_headers_of_a_tuple_may_repeat_a_name(get):
    response = get(lambda: ("x", {"X-A": ["1", "2"]}))
    assert response.headers.getall("X-A") == ["1", "2"]


def test_tuple_takes_a_dict_and_a_generator(app, client):
    app.add_url_rule("/dict", "dict", lambda: ({"a": 1}, 201))
    app.add_url_rule("/stream", "stream", lambda: (iter(["a", "b"]), 202))
    assert (client.get("/dict").status_int, client.get("/dict").json) == (201, {"a": 1})
    assert (client.get("/stream").status_int, client.get("/stream").text) == (202, "ab")


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (None, "None"),
        (7, "int: 7"),
        ({1, 2}, "set"),
        (object(), "object"),
        ((None, 204), "None"),
        ((), "tuple of 0"),
        (("x",), "tuple of 1"),
        (("x", 200, {}, "more"), "tuple of 4"),
    ],
)
def test_other_results_are_refused_with_what_is_expected(get, value, named):
    with pytest.raises(TypeError, match=r"A view returned[^\n]*" + named) as caught:
        get(lambda: value)
    assert "(body, status, headers)" in str(caught.value)


@pytest.mark.parametrize("value", [("x", 4.5), ("x", {"X-A": "1"}, 201), ("x", 200, "nonsense")])
def test_tuple_of_wrong_types_is_refused_with_what_is_expected(get, value):
    with pytest.raises(TypeError, match=r"\(body, status, headers\)"):
        get(lambda: value)


def test_long_wrong_value_is_shortened_in_the_error(get):
    with pytest.raises(TypeError) as caught:
        get(lambda: set(range(10_000)))
    assert len(str(caught.value)) < 600


def test_wrong_result_is_a_500_outside_tests(app, get):
    app.config["TESTING"] = False
    assert get(lambda: None, status=500).status_int == 500


def test_generator_runs_to_its_first_yield_before_the_headers_leave(get, client):
    def view():
        session["seen"] = session.get("seen", 0) + 1
        flash("hello")
        yield f"{session['seen']} {get_flashed_messages()} "
        yield request.path

    assert get(view).text == "1 ['hello'] /"
    assert client.get("/").text == "2 ['hello'] /"


def test_generator_that_aborts_before_its_first_yield(get):
    def view():
        abort(418)
        yield "never"

    assert get(view, status=418).status_int == 418


def test_generator_without_a_chunk(get):
    assert get(lambda: iter(())).body == b""


def test_generator_is_closed_after_its_last_chunk(get):
    events = []

    def view():
        try:
            yield "a"
            events.append(request.path)
        finally:
            events.append("closed")

    get(view)
    assert events == ["/", "closed"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_iterator_of_a_view_is_closed_once(app, client, method):
    class Chunks(Body):
        def __iter__(self):
            return self

        def __next__(self):
            if not self.chunks:
                raise StopIteration
            chunk, *self.chunks = self.chunks
            return chunk

    body = Chunks(b"a", b"b")
    app.add_url_rule("/", "view", lambda: body)
    response = client.request("/", method=method)
    assert response.body == (b"ab" if method == "GET" else b"")
    assert body.closed == 1


def test_wsgi_callable_answers_as_it_is(get):
    body = Body(b"a", b"b")

    def inner(environ, start_response):
        start_response("299 Own", [("Content-Type", "text/x"), ("X-Path", environ["PATH_INFO"])])
        return body

    response = get(lambda: inner)
    assert (response.status, response.body, response.headers["X-Path"]) == ("299 Own", b"ab", "/")
    assert response.headers["Content-Type"] == "text/x"
    assert body.closed == 1


def test_wsgi_callable_in_a_tuple(get):
    def inner(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/x")])
        return [b"inner"]

    response = get(lambda: (inner, 202, {"X-A": "1"}))
    assert (response.status_int, response.body) == (202, b"inner")
    assert (response.headers["Content-Type"], response.headers["X-A"]) == ("text/x", "1")


def test_hook_may_answer_with_a_wsgi_callable(app, get):
    app.before_request(lambda: werkzeug.exceptions.Gone())
    assert get(lambda: "never", status=410).status_int == 410


def test_response_class_of_the_app_is_used(app, client):
    class Plain(Response):
        default_mimetype = "text/plain"

    app.response_class = Plain
    with app.test_request_context():
        for made in (make_response("x"), make_response(), make_response(iter("x")), redirect("/")):
            assert type(made) is Plain
        assert type(jsonify(1)) is Plain
        assert type(make_response(bytearray(b"x"))) is Plain
        assert type(make_response(werkzeug.exceptions.Gone())) is Plain
        with send_file(__file__) as sent:
            assert type(sent) is Plain


def test_make_response_takes_what_a_view_returns(app, client):
    with app.test_request_context():
        assert make_response().get_data() == b""
        assert make_response("x", 201).status_code == 201
        assert make_response(("x", 201)).status_code == 201
        assert make_response("x", 201, {"X-A": "1"}).headers["X-A"] == "1"
        made = Response("x")
        assert make_response(made) is made
        with pytest.raises(TypeError, match="None"):
            make_response(None)


def test_jsonify_takes_one_value_several_or_keywords(app):
    with app.app_context():
        assert jsonify([1]).get_data() == b"[1]\n"
        assert jsonify(1, 2).get_data() == b"[1,2]\n"
        assert jsonify(a=1).get_data() == b'{"a":1}\n'
        assert jsonify(None).get_data() == b"null\n"
        assert jsonify(a=1).mimetype == JSON


def test_jsonify_refuses_both_and_what_is_not_json(app):
    with app.app_context():
        with pytest.raises(TypeError, match="not both"):
            jsonify(1, a=1)
        with pytest.raises(TypeError, match="set"):
            jsonify({1})


@pytest.mark.parametrize("code", [301, 302, 303, 305, 307, 308])
def test_redirect_sends_the_code_and_location(get, code):
    response = get(lambda: redirect("/é?a=1", code))
    assert (response.status_int, response.headers["Location"]) == (code, "/%C3%A9?a=1")


def test_redirect_is_302_by_default(get):
    assert get(lambda: redirect("/there")).status_int == 302


def test_redirect_cannot_inject_a_header(app):
    with app.app_context(), pytest.raises(ValueError, match="newline"):
        redirect("/a\r\nX-Evil: 1")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes(b"0123456789")
    return path


class Opened:
    """An open file that tells whether it was closed; a client gets it by ``send_file``."""

    def __init__(self, path):
        self.file = path.open("rb")

    def view(self):
        return send_file(self.file, download_name="file.txt", etag="the-tag")


@pytest.fixture
def opened(file):
    opened = Opened(file)
    yield opened
    opened.file.close()


def test_send_file_sends_a_path(get, file):
    response = get(lambda: send_file(file))
    assert response.body == b"0123456789"
    assert response.content_type == "text/plain"
    assert response.content_length == 10
    assert response.headers["ETag"]
    assert response.headers["Last-Modified"]


def test_send_file_takes_the_root_path_for_relative_names(app, get, file):
    app.root_path = file.parent
    assert get(lambda: send_file("file.txt")).body == b"0123456789"


def test_send_file_as_attachment(get, file):
    response = get(lambda: send_file(file, "text/csv", as_attachment=True, download_name="n.csv"))
    assert response.headers["Content-Disposition"] == "attachment; filename=n.csv"
    assert response.content_type == "text/csv"


def test_send_file_answers_a_range_with_206(get, file):
    response = get(lambda: send_file(file), headers={"Range": "bytes=2-4"})
    assert (response.status_int, response.body) == (206, b"234")
    assert response.headers["Content-Range"] == "bytes 2-4/10"
    assert response.content_length == 3


def test_send_file_answers_the_first_byte_alone(get, file):
    response = get(lambda: send_file(file), headers={"Range": "bytes=0-0"})
    assert (response.status_int, response.body) == (206, b"0")


def test_send_file_answers_an_impossible_range_with_416(get, file):
    response = get(lambda: send_file(file), headers={"Range": "bytes=20-"}, status=416)
    assert response.headers["Content-Range"] == "bytes */10"


@pytest.mark.parametrize("tag", ['"the-tag"', 'W/"the-tag"', '"other", "the-tag"', "*"])
def test_send_file_answers_a_known_tag_with_304(get, opened, tag):
    response = get(opened.view, headers={"If-None-Match": tag}, status=304)
    assert response.body == b""
    assert response.headers["ETag"] == '"the-tag"'
    assert opened.file.closed


def test_send_file_unconditionally(get, file):
    made = get(lambda: send_file(file, conditional=False), headers={"Range": "bytes=2-4"})
    assert (made.status_int, made.body) == (200, b"0123456789")


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=2-4"}])
def test_send_file_closes_the_file(get, opened, headers):
    get(opened.view, headers=headers)
    assert opened.file.closed


def test_send_file_answers_head_without_the_body(app, client, opened):
    app.add_url_rule("/", "view", opened.view)
    response = client.head("/")
    assert response.body == b""
    assert response.headers["ETag"] == '"the-tag"'
    assert opened.file.closed


def test_send_file_head_of_a_path_tells_its_length(app, client, file):
    app.add_url_rule("/", "view", lambda: send_file(file))
    assert client.head("/").headers["Content-Length"] == "10"


def test_send_file_of_a_missing_file_raises(get, tmp_path):
    with pytest.raises(FileNotFoundError):
        get(lambda: send_file(tmp_path / "missing"))


def test_send_file_cache_age(app, get, file):
    assert get(lambda: send_file(file, max_age=60)).cache_control.max_age == 60


def test_send_file_cache_age_by_config(app, get, file):
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 90
    assert get(lambda: send_file(file)).cache_control.max_age == 90


def test_send_file_cache_age_of_zero_wins_over_the_config(app, get, file):
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 90
    assert get(lambda: send_file(file, max_age=0)).cache_control.max_age == 0


def test_send_file_cache_age_by_config_may_be_a_timedelta(app, get, file):
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = timedelta(minutes=2)
    assert get(lambda: send_file(file)).cache_control.max_age == 120


def test_file_goes_out_by_the_file_wrapper_of_the_server(app, file):
    class Wrapper:
        def __init__(self, file, size=8192):
            self.file = file
            self.close = file.close

        def __iter__(self):
            return iter(lambda: self.file.read(4), b"")

    app.add_url_rule("/", "view", lambda: send_file(file))
    environ = {**werkzeug.test.create_environ("/"), "wsgi.file_wrapper": Wrapper}
    body = standard(app)(environ, lambda *args: None)
    assert isinstance(body, Wrapper)
    assert b"".join(body) == b"0123456789"
    body.close()
    assert body.file.closed


@pytest.mark.parametrize("result", ["hello", ("hello", 200)])
def test_text_has_the_media_type_of_the_response_class(monkeypatch, get, result):
    monkeypatch.setattr(Response, "default_mimetype", "text/plain")
    assert get(lambda: result).content_type == "text/plain"
