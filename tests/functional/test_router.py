"""What the router app answers beyond what every app does."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from wsgikit import (
    App,
    Blueprint,
    Response,
    abort,
    g,
    jsonify,
    redirect,
    request,
    send_file,
    session,
    url_for,
)

KEY = "a key for tests"


@pytest.fixture
def app():
    return App("little", config={"SECRET_KEY": KEY, "PROPAGATE_EXCEPTIONS": False})


@pytest.mark.parametrize(
    ("result", "status", "content_type", "body"),
    [
        ("text", 200, "text/html; charset=utf-8", b"text"),
        (b"bytes", 200, "text/html; charset=utf-8", b"bytes"),
        ({"a": [1, None]}, 200, "application/json", b'{"a":[1,null]}\n'),
        (["a", "b"], 200, "application/json", b'["a","b"]\n'),
        (("made", 201), 201, "text/html; charset=utf-8", b"made"),
        (("made", "201 MADE"), 201, "text/html; charset=utf-8", b"made"),
        (("a,b", {"Content-Type": "text/csv"}), 200, "text/csv", b"a,b"),
        (("no", 403, {"Content-Type": "text/plain"}), 403, "text/plain", b"no"),
    ],
)
def test_view_result_becomes_a_response(app, router, result, status, content_type, body):
    app.add_url_rule("/", "view", lambda: result)
    response = router(app).browser().get("/", status=status)
    assert response.headers["Content-Type"] == content_type
    assert response.body == body
    assert response.headers["Content-Length"] == str(len(body))


def test_view_that_returns_nothing_is_an_error_that_says_what_to_return(app, router, caplog):
    app.add_url_rule("/", "view", lambda: None)
    router(app).browser().get("/", status=500)
    assert "A view returned NoneType" in str(caplog.records[-1].exc_info[1])


@pytest.mark.parametrize("status", [HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED])
def test_response_without_content_has_no_body(app, router, status):
    app.add_url_rule("/", "view", lambda: ("left out", status))
    answer = router(app).fetch("/")
    assert answer.error is None
    assert answer.status.startswith(str(int(status)))
    assert answer.body == b""
    assert answer.values("Content-Length") == []
    assert answer.values("Content-Type") == []


def test_wsgi_callable_is_a_view_result(app, router):
    def inner(environ, start_response):
        start_response("299 As Is", [("Content-Type", "text/plain"), ("X-Inner", "yes")])
        return [b"one", environ["PATH_INFO"].encode()]

    app.add_url_rule("/inner", "view", lambda: inner)
    answer = router(app).fetch("/inner")
    assert answer.status == "299 As Is"
    assert answer.headers == [("Content-Type", "text/plain"), ("X-Inner", "yes")]
    assert answer.chunks == [b"one", b"/inner"]


def test_generator_view_streams_with_its_context(app, router):
    @app.get("/<word>")
    def lines(word):
        session["word"] = word
        yield "first\n"
        for number in range(2):
            yield f"{number} {request.path} {session['word']} {g.db}\n"

    site = router(app)
    answer = site.fetch("/tea")
    assert answer.chunks == [b"first\n", b"0 /tea tea db\n", b"1 /tea tea db\n"]
    assert len(answer.values("Set-Cookie")) == 1
    assert site.outcomes == [None]


def test_generator_view_may_abort_before_its_first_chunk(app, router):
    @app.get("/")
    def lines():
        abort(410)
        yield "never"

    router(app).browser().get("/", status=410)


def test_json_is_read_and_returned(app, router):
    @app.post("/")
    def echo():
        return jsonify(got=request.get_json())

    response = router(app).browser().post_json("/", {"word": "café", "many": [1, 2]})
    assert response.json == {"got": {"word": "café", "many": [1, 2]}}


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b'{"a": }', b"[" * 100_000])
def test_malformed_json_is_400(app, router, body):
    app.add_url_rule("/", "view", lambda: jsonify(request.get_json()), methods=["POST"])
    answer = router(app).fetch("/", "POST", body, CONTENT_TYPE="application/json")
    assert answer.status.startswith("400 ")


def test_json_of_another_media_type_is_415(app, router):
    app.add_url_rule("/", "view", lambda: jsonify(request.get_json()), methods=["POST"])
    router(app).browser().post("/", "{}", content_type="text/plain", status=415)


def test_body_over_the_limit_is_413(app, router):
    app.config["MAX_CONTENT_LENGTH"] = 10
    app.add_url_rule("/", "view", lambda: request.form["word"], methods=["POST"])
    browser = router(app).browser()
    browser.post("/", {"word": "too long a word"}, status=413)
    assert browser.post("/", {"word": "tea"}).text == "tea"


def test_missing_form_key_is_400(app, router):
    app.add_url_rule("/", "view", lambda: request.form["word"], methods=["POST"])
    router(app).browser().post("/", {"other": "tea"}, status=400)


def test_unknown_path_is_404(app, router):
    site = router(app)
    assert "Not Found" in site.browser().get("/nowhere", status=404).text
    assert site.outcomes == [None]


def test_wrong_method_is_405_with_allow(app, router):
    app.add_url_rule("/", "view", lambda: "ok", methods=["GET", "PUT"])
    response = router(app).browser().post("/", status=405)
    assert allowed(response) == {"GET", "HEAD", "OPTIONS", "PUT"}


def test_options_is_answered_with_allow(app, router):
    app.add_url_rule("/", "view", lambda: "ok", methods=["GET"])
    app.add_url_rule("/", "change", lambda: "ok", methods=["POST"])
    response = router(app).browser().options("/")
    assert allowed(response) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert response.body == b""


def allowed(response):
    return set(response.headers["Allow"].split(", "))


def test_options_can_be_a_views_own(app, router):
    app.add_url_rule("/", "view", lambda: request.method, methods=["GET", "OPTIONS"])
    assert router(app).browser().options("/").text == "OPTIONS"


def test_head_has_the_headers_of_get_and_no_body(app, router):
    app.add_url_rule("/", "view", lambda: "twelve bytes")
    site = router(app)
    got, headed = site.fetch("/"), site.fetch("/", "HEAD")
    assert headed.headers == got.headers
    assert headed.values("Content-Length") == ["12"]
    assert (got.body, headed.body) == (b"twelve bytes", b"")


def test_missing_slash_is_redirected_with_308(app, router):
    app.add_url_rule("/pages/", "pages", lambda: request.form["word"], methods=["POST"])
    site = router(app)
    response = site.browser().post("/pages?a=1", {"word": "tea"}, status=308)
    assert response.headers["Location"].endswith("/pages/?a=1")
    assert site.outcomes == [None]


def test_converters_give_views_their_arguments(app, router):
    @app.get("/<int:number>/<path:rest>")
    def view(number, rest):
        return jsonify([number + 1, rest, request.view_args, request.endpoint])

    browser = router(app).browser()
    assert browser.get("/1/a/b").json == [2, "a/b", {"number": 1, "rest": "a/b"}, "view"]
    browser.get("/one/a", status=404)


def test_decorators_route_their_methods(app, router):
    for name in ("get", "post", "put", "patch", "delete"):
        getattr(app, name)(f"/{name}", endpoint=name)(lambda: request.method)
    browser = router(app).browser()
    for name in ("get", "post", "put", "patch", "delete"):
        assert getattr(browser, name)(f"/{name}").text == name.upper()
    browser.get("/delete", status=405)


def test_blueprints_nest_with_their_hooks_and_urls(app, router):
    order = []
    shop, cart = Blueprint("shop", url_prefix="/shop"), Blueprint("cart", url_prefix="/cart")
    for name, scaffold in (("app", app), ("shop", shop), ("cart", cart)):
        scaffold.before_request(lambda name=name: order.append(f"before {name}"))
        scaffold.after_request(lambda response, name=name: order.append(f"after {name}"))
        scaffold.teardown_request(lambda outcome, name=name: order.append(f"teardown {name}"))

    @cart.get("/<item>")
    def show(item):
        return jsonify(request.endpoint, request.blueprints, url_for(".show", item="pear"))

    shop.register_blueprint(cart)
    app.register_blueprint(shop)
    response = router(app).browser().get("/shop/cart/apple")
    assert response.json == ["shop.cart.show", ["shop.cart", "shop"], "/shop/cart/pear"]
    assert order == [
        *("before app", "before shop", "before cart"),
        *("after cart", "after shop", "after app"),
        *("teardown cart", "teardown shop", "teardown app"),
    ]


def test_blueprint_hooks_leave_other_routes_alone(app, router):
    shop = Blueprint("shop", url_prefix="/shop")
    shop.before_request(lambda: "closed")
    shop.add_url_rule("/", view_func=lambda: "open", endpoint="index")
    app.add_url_rule("/", "index", lambda: "home")
    app.register_blueprint(shop)
    browser = router(app).browser()
    assert (browser.get("/").text, browser.get("/shop/").text) == ("home", "closed")


def test_blueprint_error_handler_comes_before_the_apps(app, router):
    shop = Blueprint("shop", url_prefix="/shop")
    shop.register_error_handler(404, lambda error: ("no such item", 404))
    app.register_error_handler(404, lambda error: ("no such page", 404))
    shop.add_url_rule("/", view_func=lambda: abort(404), endpoint="index")
    app.register_blueprint(shop)
    browser = router(app).browser()
    assert browser.get("/shop/", status=404).text == "no such item"
    assert browser.get("/nowhere", status=404).text == "no such page"


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (KeyError("k"), "lookup KeyError"),
        (LookupError("l"), "lookup LookupError"),
        (ZeroDivisionError(), "zero"),
    ],
)
def test_error_handlers_are_found_by_class(app, router, error, answer):
    def view():
        raise error

    app.add_url_rule("/", "view", view)
    app.register_error_handler(LookupError, lambda e: (f"lookup {type(e).__name__}", 400))
    app.register_error_handler(ZeroDivisionError, lambda e: ("zero", 400))
    app.register_error_handler(Exception, lambda e: ("any", 400))
    site = router(app)
    assert site.browser().get("/", status=400).text == answer
    assert site.outcomes == [error]


def test_error_handler_by_code_takes_aborts(app, router):
    app.add_url_rule("/", "view", lambda: abort(403, "not you"))
    app.register_error_handler(403, lambda error: (f"refused: {error.description}", 403))
    assert router(app).browser().get("/", status=403).text == "refused: not you"


def test_abort_with_a_response_is_that_response(app, router):
    app.add_url_rule("/", "view", lambda: abort(Response("busy", 503)))
    assert router(app).browser().get("/", status=503).text == "busy"


def test_500_handler_gets_the_original_exception(app, router):
    @app.get("/")
    def view():
        return 1 / 0

    @app.errorhandler(500)
    def explain(error):
        return f"broken by {type(error.original_exception).__name__}", 500

    site = router(app)
    assert site.browser().get("/", status=500).text == "broken by ZeroDivisionError"
    assert [type(outcome) for outcome in site.outcomes] == [ZeroDivisionError]


def test_testing_lets_errors_through_to_the_test(app, router):
    app.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=None)
    app.add_url_rule("/", "view", lambda: 1 / 0)
    site = router(app)
    with pytest.raises(ZeroDivisionError):
        site.browser().get("/")
    assert [type(outcome) for outcome in site.outcomes] == [ZeroDivisionError]


def test_redirect_to_a_url_of_the_app(app, router):
    app.add_url_rule("/old", "old", lambda: redirect(url_for("new", word="tea"), 303))
    app.add_url_rule("/new/<word>", "new", lambda word: word)
    browser = router(app).browser()
    response = browser.get("/old", status=303)
    assert response.headers["Location"].endswith("/new/tea")
    assert response.follow().text == "tea"


@pytest.fixture
def file_site(app, router, views):
    app.add_url_rule("/", "file", lambda: send_file(views.FILE, mimetype="text/plain"))
    return router(app)


def test_file_comes_whole(file_site, views):
    response = file_site.browser().get("/")
    assert response.body == views.FILE.read_bytes()
    assert response.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "start", "stop"), [("bytes=0-0", 0, 1), ("bytes=5-9", 5, 10), ("bytes=-4", -4, None)]
)
def test_range_of_a_file(file_site, views, asked, start, stop):
    content = views.FILE.read_bytes()
    response = file_site.browser().get("/", headers={"Range": asked}, status=206)
    assert response.body == content[start:stop]
    first = start if start >= 0 else len(content) + start
    last = first + len(response.body) - 1
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/{len(content)}"


def test_range_beyond_the_file_is_416(file_site, views):
    headers = {"Range": f"bytes={views.FILE.stat().st_size}-"}
    file_site.browser().get("/", headers=headers, status=416)
    assert file_site.outcomes[0].code == 416


def test_file_with_a_known_etag_is_304(file_site):
    browser = file_site.browser()
    etag = browser.get("/").headers["ETag"]
    response = browser.get("/", headers={"If-None-Match": etag}, status=304)
    assert response.body == b""
    assert response.headers["ETag"] == etag
    browser.get("/", headers={"If-None-Match": '"another"'}, status=200)


def test_session_value_that_cannot_be_stored_is_an_error_that_names_the_key(app, router, caplog):
    @app.get("/")
    def view():
        session["visitor"] = object()
        return "ok"

    site = router(app)
    response = site.browser().get("/", status=500)
    assert "Set-Cookie" not in response.headers
    assert "session['visitor'] is a object" in str(caplog.records[-1].exc_info[1])
    assert [type(outcome).__name__ for outcome in site.outcomes] == ["SessionValueError"]


def test_session_written_in_a_stream_is_an_error_not_a_loss(app, router):
    @app.get("/")
    def lines():
        yield "first"
        session["late"] = True
        yield "second"

    site = router(app)
    answer = site.fetch("/")
    assert answer.chunks == [b"first"]
    assert "after the response's headers had left" in str(answer.error.__cause__)
    assert site.outcomes == [answer.error.__cause__]


def test_permanent_session_outlives_the_browser(app, router):
    @app.get("/")
    def view():
        session.permanent = True
        return json.dumps(dict(session))

    (cookie,) = router(app).fetch("/").values("Set-Cookie")
    assert "Max-Age=2678400" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_cookie_is_secure_over_https(app, router, views):
    app.add_url_rule("/", "count", views.count)
    (cookie,) = router(app).fetch("/", **{"wsgi.url_scheme": "https"}).values("Set-Cookie")
    assert "; Secure" in cookie
