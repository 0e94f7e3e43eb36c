"""For each case of request bodies, a naive middleware that it catches."""

import io
from functools import partial

import pytest
from werkzeug.wrappers import Request

from wsgikit.testing.conformance import CASES, ConformanceError, check, contents


def layer(function):
    return lambda app: partial(function, app)


def replaces_input(make):
    @layer
    def replaces(app, environ, start_response):
        environ["wsgi.input"] = make(environ["wsgi.input"], environ)
        return app(environ, start_response)

    return replaces


@layer
def reads_the_body(app, environ, start_response):
    environ["my.form"] = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH", 0)))
    return app(environ, start_response)


@layer
def peeks_at_the_body(app, environ, start_response):
    environ["my.has_body"] = environ["wsgi.input"].read(1) != b""
    return app(environ, start_response)


def eats(read, when=lambda environ: True):
    @layer
    def eats_the_body(app, environ, start_response):
        if when(environ):
            with Request(environ) as request:
                read(request)
        return app(environ, start_response)

    return eats_the_body


def eats_form(when=lambda environ: True):
    """As method overrides, CSRF checks and audit logs do: it leaves nothing for the app."""
    return eats(lambda request: request.form.get("csrf_token"), when)


eats_json = eats(lambda request: request.get_json(silent=True))


@layer
def puts_the_form_back(app, environ, start_response):
    if environ.get("CONTENT_TYPE", "").partition(";")[0] in FORMS:
        with Request(environ) as request:
            body = request.get_data()
            environ["my.body"] = body
        environ["wsgi.input"] = io.BytesIO(body)
    return app(environ, start_response)


class OnlyReads:
    def __init__(self, stream, environ):
        self.read = stream.read


class FailsAtTheEnd(io.BufferedReader):
    def __init__(self, stream, environ):
        self.ended = False
        super().__init__(stream)

    def read(self, size=-1):
        data = super().read(size)
        if self.ended:
            raise EOFError("read past the end")
        self.ended = data == b""
        return data


class Exacting(io.BufferedReader):
    def __init__(self, stream, environ):
        self.left = int(environ["CONTENT_LENGTH"])
        super().__init__(stream)

    def read(self, size=-1):
        data = super().read(size)
        self.left -= len(data)
        if not data and self.left:
            raise ValueError("the body is too short")
        return data


@replaces_input
def keep_body(stream, environ):
    return io.BytesIO(stream.read(int(environ.get("CONTENT_LENGTH", 0))))


FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
NAIVE = {
    "form": (eats_form(), "by POST with a Content-Length as application/x-www-form-urlencoded"),
    "multipart_form": (eats_form(), "by POST with a Content-Length as multipart/form-data"),
    "json": (eats_json, "by POST with a Content-Length as application/json"),
    "read_whole": (reads_the_body, "let the app read something else than what was sent"),
    "read_in_pieces": (peeks_at_the_body, "let the app read something else than what was sent"),
    "read_by_lines": (replaces_input(OnlyReads), "let the request fail with AttributeError"),
    "read_again": (replaces_input(FailsAtTheEnd), "let the request fail with EOFError"),
    "left_unread": (keep_body, "bytes of a body that the app left unread"),
    "unreadable": (keep_body, "let the request fail with OSError"),
    "shorter_than_declared": (replaces_input(Exacting), "let the request fail with ValueError"),
    "of_unknown_length": (keep_body, "let the app read something else than what was sent"),
}


INPUTS = {case.title: case for case in CASES if case.topic == "inputs"}


@pytest.mark.parametrize("case", INPUTS.values(), ids=str)
def test_case_catches(case):
    naive, text = NAIVE[case.title]
    with pytest.raises(ConformanceError) as caught:
        case.check(naive)
    assert text in str(caught.value)


def test_check_catches_what_eats_forms():
    with pytest.raises(ExceptionGroup) as caught:
        check(eats_form())
    names = {str(error).partition(":")[0] for error in caught.value.exceptions}
    assert {"inputs.form", "inputs.multipart_form"} <= names


WAYS = {
    "POST": lambda environ: environ["REQUEST_METHOD"] == "POST",
    "PUT": lambda environ: environ["REQUEST_METHOD"] == "PUT",
    "PATCH": lambda environ: environ["REQUEST_METHOD"] == "PATCH",
    "Content-Length": lambda environ: "wsgi.input_terminated" not in environ,
    "Content-Length and wsgi.input_terminated": lambda environ: (
        "CONTENT_LENGTH" in environ and "wsgi.input_terminated" in environ
    ),
    "chunks": lambda environ: "CONTENT_LENGTH" not in environ,
}


@pytest.mark.parametrize("title", ["form", "multipart_form"])
@pytest.mark.parametrize("way", WAYS)
def test_form_is_sent_in_each_way(title, way):
    def when(environ):
        return environ["REQUEST_METHOD"] != "GET" and WAYS[way](environ)

    with pytest.raises(ConformanceError, match=f" {way} "):
        INPUTS[title].check(eats_form(when))


@pytest.mark.parametrize("title", ["read_whole", "read_in_pieces", "read_by_lines", "read_again"])
def test_form_is_read_in_each_manner(title):
    with pytest.raises(ConformanceError, match="as application/x-www-form-urlencoded"):
        INPUTS[title].check(eats_form())


def test_content_type_belongs_to_the_form():
    @layer
    def loses_the_boundary(app, environ, start_response):
        environ["CONTENT_TYPE"] = environ["CONTENT_TYPE"].partition(";")[0]
        return app(environ, start_response)

    with pytest.raises(ConformanceError, match="something else than what was sent"):
        INPUTS["multipart_form"].check(loses_the_boundary)


@pytest.mark.parametrize("case", INPUTS.values(), ids=str)
def test_form_may_be_read_and_put_back(case):
    case.check(puts_the_form_back)


def parsed(content):
    length = str(len(content.body))
    environ = {"CONTENT_TYPE": content.type, "CONTENT_LENGTH": length, "REQUEST_METHOD": "POST"}
    return Request({**environ, "wsgi.input": io.BytesIO(content.body)})


def test_contents_are_what_their_types_say():
    fields = {"name": "caf\xe9", "text": "two\r\nlines"}
    assert parsed(contents.FORM).form.to_dict() == fields
    assert parsed(contents.JSON).json == fields
    with parsed(contents.MULTIPART) as request:
        assert request.form.to_dict() == {"name": "caf\xe9"}
        assert request.files["upload"].read() == contents.BYTES.body
