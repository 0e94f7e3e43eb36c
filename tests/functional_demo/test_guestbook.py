"""Signing the guestbook: what is kept, what is refused, and what is rolled back."""

import sqlite3
from contextlib import closing
from secrets import token_hex

import pytest
from werkzeug.test import EnvironBuilder

from wsgikit import g

HOSTILE = "<script>alert('x')</script>"


def entries(demo):
    return [(entry["name"], entry["message"]) for entry in demo.get("/api/entries").json["entries"]]


def sign(demo, name="Ada", message="Hello", **options):
    return demo.post("/", {"name": name, "message": message}, **options)


def stored(database):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT name, message FROM entry").fetchall()


def flashes(page):
    return [paragraph.get_text() for paragraph in page.html.select(".flash")]


def test_the_first_request_makes_the_file_and_its_folder(demo, database):
    assert not database.parent.exists()
    assert "No one has written yet" in demo.get("/")
    assert stored(database) == []


def test_signing_redirects_with_303_to_a_page_that_shows_the_entry(demo):
    answer = sign(demo, "Ada", "Hello, world")
    assert (answer.status_int, answer.headers["Location"]) == (303, "/")
    page = answer.follow()
    assert page.html.select_one(".entry strong").get_text() == "Ada"
    assert page.html.select_one(".entry p").get_text() == "Hello, world"


def test_the_thanks_are_shown_once(demo):
    page = sign(demo).follow()
    assert flashes(page) == ["Thank you, Ada: your entry is in the book."]
    assert flashes(demo.get("/")) == []


def test_the_entry_is_stored_before_the_response_has_been_sent(wsgi, demo, database):
    environ = EnvironBuilder(method="POST", data={"name": "Ada", "message": "Hi"}).get_environ()
    statuses = []
    body = wsgi.application(environ, lambda status, headers, exc_info=None: statuses.append(status))
    try:
        assert statuses == ["303 SEE OTHER"]
        assert stored(database) == [("Ada", "Hi")]
    finally:
        body.close()


def test_the_name_is_kept_for_the_next_entry(demo):
    page = sign(demo, "Ada").follow()
    assert page.forms["sign"]["name"].value == "Ada"
    assert page.forms["sign"]["message"].value == ""


@pytest.mark.parametrize(("how", "status"), [("abort", 400), ("raise", 500)])
def test_an_entry_whose_view_fails_is_rolled_back(demo, how, status):
    sign(demo)
    page = demo.post(f"/undone/{how}", status=status)
    assert str(status) in page.html.h1.get_text()
    assert entries(demo) == [("Ada", "Hello")]


def test_a_script_that_ends_well_is_committed(wsgi, demo):
    demo.get("/")
    with wsgi.app.app_context():
        wsgi.guestbook.add(g.db, "cron", "Hello")
    assert entries(demo) == [("cron", "Hello")]


def test_a_script_that_fails_is_rolled_back(wsgi, demo):
    demo.get("/")
    context = wsgi.app.app_context()
    context.push()
    wsgi.guestbook.add(g.db, "cron", "Hello")
    context.pop(RuntimeError("half way"))
    assert entries(demo) == []


def test_a_failed_view_leaves_the_database_open_to_others(demo):
    demo.post("/undone/raise", status=500)
    sign(demo)
    assert entries(demo) == [("Ada", "Hello")]


@pytest.mark.parametrize(
    ("name", "message", "fault"),
    [
        ("", "Hello", "Please give a name."),
        (" \t", "Hello", "Please give a name."),
        ("Ada", "", "Please write a message."),
        ("Ada", "\r\n", "Please write a message."),
        ("x" * 41, "Hello", "A name has at most 40 characters; this one has 41."),
        ("Ada", "x" * 501, "A message has at most 500 characters; this one has 501."),
    ],
)
def test_an_entry_that_is_empty_or_too_long_is_refused_with_a_message(demo, name, message, fault):
    page = sign(demo, name, message, status=400)
    assert flashes(page) == [fault]
    assert entries(demo) == []


def test_both_faults_of_an_entry_are_told(demo):
    assert len(flashes(demo.post("/", status=400))) == 2


def test_a_refused_entry_stays_in_the_form(demo):
    page = sign(demo, "", "A long story", status=400)
    assert page.forms["sign"]["message"].value == "A long story"
    assert flashes(demo.get("/")) == []


def test_the_longest_entry_is_taken(demo):
    name, message = "ü" * 40, "😀" * 500
    sign(demo, name, message, status=303)
    assert entries(demo) == [(name, message)]


def test_an_entry_whose_form_is_too_large_is_refused(demo):
    sign(demo, message="x" * 20_000, status=413)
    assert entries(demo) == []


@pytest.mark.parametrize("path", ["/", "/request", "/bottle/", "/plain/"])
def test_what_visitors_write_is_escaped_on_every_page(demo, path):
    demo.post("/", {"name": HOSTILE, "message": HOSTILE}, status=303)
    page = demo.get(path)
    assert flashes(page) == [f"Thank you, {HOSTILE}: your entry is in the book."]
    assert HOSTILE in page.html.main.get_text()
    assert page.html.find("script") is None


def test_a_refused_entry_is_escaped_in_the_form(demo):
    page = sign(demo, '"><script>', "</textarea><script>" + "x" * 500, status=400)
    assert page.html.find("script") is None
    assert page.forms["sign"]["name"].value == '"><script>'


def test_the_page_shows_the_newest_entries_and_where_the_others_are(demo):
    for number in range(12):
        sign(demo, f"visitor {number}")
    page = demo.get("/")
    names = [name.get_text() for name in page.html.select(".entry strong")]
    assert names == [f"visitor {number}" for number in range(11, 1, -1)]
    assert "The newest 10 of 12" in page


@pytest.mark.parametrize(
    ("query", "count"), [("?limit=2", 2), ("", 3), ("?limit=-1", 0), ("?limit=x", 3)]
)
def test_the_json_endpoint_gives_the_newest_entries_up_to_a_limit(demo, query, count):
    for number in range(3):
        sign(demo, str(number))
    names = [entry["name"] for entry in demo.get(f"/api/entries{query}").json["entries"]]
    assert names == ["2", "1", "0"][:count]


def test_messages_that_nobody_looks_at_pile_up_to_no_error(demo):
    names = [token_hex(16) for _ in range(150)]  # nothing for zlib to shorten
    assert {sign(demo, name=name).status_int for name in names} == {303}
    assert sign(demo, name="Ada").follow().status_int == 200
