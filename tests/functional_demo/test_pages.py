"""All pages of the demo: visits, headers, errors, links, and the apps that are mounted."""

import sqlite3
from contextlib import closing
from urllib.parse import urljoin, urlsplit

import pytest
from webtest import TestApp

from wsgikit.errors import ConfigurationError

PAGES = ["/", "/request", "/bottle/", "/plain/"]
PATHS = [*PAGES, "/api/entries", "/export.csv"]


def terms(page):
    names, values = page.html.select("dt"), page.html.select("dd")
    return {n.get_text(): v.get_text() for n, v in zip(names, values, strict=True)}


def links(page):
    return [a["href"] for a in page.html.select("a[href]")]


def test_every_part_counts_as_a_visit_the_mounted_apps_too(demo):
    for path in PATHS:
        demo.get(path)
    assert demo.get("/api/entries").json["visits"] == len(PATHS) + 1


def test_the_style_sheet_and_head_requests_are_no_visits(demo):
    demo.get("/style.css")
    demo.head("/")
    assert demo.get("/api/entries").json["visits"] == 1


def test_each_visitor_has_a_count_of_his_own(wsgi, demo):
    demo.get("/")
    assert TestApp(wsgi.application).get("/api/entries").json["visits"] == 1


def test_a_forged_session_cookie_counts_from_one(demo):
    demo.get("/")
    cookie = demo.cookies["wsgikit_session"]
    demo.reset()
    header = {"Cookie": f"wsgikit_session=x{cookie}"}
    assert demo.get("/api/entries", headers=header).json["visits"] == 1


@pytest.mark.parametrize("path", [*PATHS, "/style.css"])
def test_head_answers_as_get_does_without_a_body(demo, path):
    got, head = demo.get(path), demo.head(path)
    assert (head.status, head.content_type, head.body) == (got.status, got.content_type, b"")


@pytest.mark.parametrize("path", [*PATHS, "/style.css", "/nowhere", "/bottle/nowhere"])
def test_every_response_has_the_security_headers_and_its_request_id(demo, path):
    headers = demo.get(path, expect_errors=True).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert len(headers["X-Request-Id"]) == 8


@pytest.mark.parametrize("path", PAGES)
def test_the_request_id_on_the_page_is_that_of_the_header(demo, path):
    page = demo.get(path)
    assert page.headers["X-Request-Id"] in page.html.footer.get_text()


@pytest.mark.parametrize("path", PAGES)
def test_no_link_of_a_page_is_dead(demo, path):
    targets = {urljoin(path, href) for href in links(demo.get(path))}
    assert set(PATHS) <= targets
    for target in targets:
        demo.get(target, status=200)


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_below_the_prefix_that_the_demo_is_served_under(demo, path):
    page = demo.get(path, extra_environ={"SCRIPT_NAME": "/demo"})
    targets = [*links(page), page.html.find("link", rel="stylesheet")["href"]]
    targets += [form["action"] for form in page.html.select("form")]
    assert all(target.startswith("/demo/") for target in targets)


@pytest.mark.parametrize("path", PAGES)
def test_the_navigation_marks_the_current_part(demo, path):
    assert demo.get(path).html.select_one("nav a[aria-current=page]")["href"] == path


def test_a_page_has_the_layers_of_the_chain_in_their_order(demo):
    names = [title.get_text() for title in demo.get("/").html.select(".layer h3")]
    assert names[:7] == [
        "ProxyFix",
        "ContextMiddleware",
        "ErrorMiddleware",
        "SessionMiddleware",
        "GMiddleware",
        "HooksMiddleware",
        "DispatcherMiddleware",
    ]
    assert names[7:] == ["App", "Bottle", "plain_app"]


def test_the_mako_page_shows_what_the_four_names_hold(demo):
    shown = terms(demo.get("/request", headers={"User-Agent": "<b>curl</b>"}))
    assert (shown["path"], shown["endpoint"]) == ("/request", "this_request")
    assert shown["user_agent"] == "<b>curl</b>"
    assert shown["visits"] == "1"
    assert shown["db"].startswith("not opened")
    assert shown["name"] == "deploy.wsgi"


def test_an_unknown_page_is_404_in_the_layout(demo):
    page = demo.get("/nowhere", status=404)
    assert page.html.h1.get_text() == "404 Not Found"
    assert page.html.nav is not None


def test_a_wrong_method_is_405_and_says_which_are_allowed(demo):
    page = demo.delete("/", status=405)
    assert {*page.headers["Allow"].split(", ")} == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize("path", ["/bottle/", "/plain/"])
def test_a_mounted_app_sees_the_session_and_the_g_of_the_chain(demo, path):
    demo.post("/", {"name": "Ada", "message": "Hello"})
    page = demo.get(path)
    shown = terms(page)
    assert shown["Its own path"] == "/"
    assert shown['session["visits"]'] == "1"
    assert shown['session["name"]'] == "Ada"
    assert shown["g.db"] == "1 entry in the guestbook"
    assert shown["g.request_id"] == page.headers["X-Request-Id"]


def test_a_mounted_app_answers_without_the_last_slash_too(demo):
    assert "An existing app: Bottle" in demo.get("/bottle")
    assert "An existing app: plain WSGI" in demo.get("/plain")


def test_a_name_that_bottle_keeps_is_in_the_form_of_the_guestbook(demo):
    form = demo.get("/bottle/").form
    form["name"] = "Grace Höpper"
    answer = form.submit(status=303)
    assert urlsplit(answer.headers["Location"]).path == "/bottle/"
    assert "Bottle put “Grace Höpper” into the session" in answer.follow()
    assert demo.get("/").forms["sign"]["name"].value == "Grace Höpper"


@pytest.mark.parametrize("name", ["", "x" * 41])
def test_bottle_keeps_no_empty_or_long_name(demo, name):
    page = demo.post("/bottle/name", {"name": name}, status=303).follow()
    assert page.html.select_one(".flash.error") is not None
    assert terms(page)['session["name"]'] == "not set yet"


@pytest.mark.parametrize("path", ["/bottle/", "/plain/", "/"])
def test_an_error_in_any_app_becomes_the_page_of_the_chain(demo, database, path):
    demo.get("/")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DROP TABLE entry")
    page = demo.get(path, status=500)
    assert page.html.h1.get_text() == "500 Internal Server Error"
    assert "entry" not in page.html.main.get_text()


def test_without_a_secret_key_the_demo_says_how_to_make_one(load, monkeypatch):
    monkeypatch.delenv("WSGIKIT_SECRET_KEY")
    with pytest.raises(ConfigurationError, match=r"secrets\.token_hex"):
        load()


@pytest.mark.parametrize(("proxies", "address"), [("0", "10.0.0.1"), ("1", "192.0.2.7")])
def test_only_a_configured_proxy_is_believed(load, monkeypatch, proxies, address):
    monkeypatch.setenv("WSGIKIT_PROXIES", proxies)
    demo = TestApp(load().application, extra_environ={"REMOTE_ADDR": "10.0.0.1"})
    page = demo.get("/request", headers={"X-Forwarded-For": "192.0.2.7"})
    assert terms(page)["remote_addr"] == address
