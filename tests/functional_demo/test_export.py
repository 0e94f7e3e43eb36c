"""The CSV export: a stream that reads request, session and g to its last chunk."""

import csv
import gc
import io
import sqlite3
from contextlib import closing

import pytest
from werkzeug.test import EnvironBuilder

ENTRIES = 250


@pytest.fixture
def full_book(demo, database):
    demo.get("/")
    with closing(sqlite3.connect(database)) as connection, connection:
        rows = [(f"visitor {number}", f"message {number}") for number in range(ENTRIES)]
        connection.executemany("INSERT INTO entry (name, message) VALUES (?, ?)", rows)
    return demo


def lines(text):
    return list(csv.DictReader(io.StringIO(text)))


def start(application, path):
    """Call the app as a server does and return its body, of which nothing is read yet."""
    return application(EnvironBuilder(path).get_environ(), lambda *args: None)


def open_connections():
    return sum(is_open(each) for each in gc.get_objects() if type(each) is sqlite3.Connection)


def is_open(connection):
    try:
        return connection.total_changes >= 0
    except sqlite3.ProgrammingError:  # it is closed
        return False


def test_the_export_has_all_entries_oldest_first(full_book):
    names = [line["name"] for line in lines(full_book.get("/export.csv").text)]
    assert names == [f"visitor {number}" for number in range(ENTRIES)]


def test_the_export_is_a_download(demo):
    answer = demo.get("/export.csv")
    assert answer.content_type == "text/csv"
    assert answer.headers["Content-Disposition"] == "attachment; filename=guestbook.csv"


def test_every_line_reads_request_session_and_g(full_book):
    answer = full_book.get("/export.csv")
    seen = {(line["path"], line["visits"], line["request_id"]) for line in lines(answer.text)}
    assert seen == {("/export.csv", "2", answer.headers["X-Request-Id"])}


def test_the_export_comes_in_chunks(wsgi, full_book):
    body = start(wsgi.application, "/export.csv")
    chunks = list(body)
    body.close()
    assert [chunk.count(b"\r\n") for chunk in chunks] == [1, 100, 100, 50]


def test_others_can_write_while_a_slow_client_reads(wsgi, full_book):
    body = start(wsgi.application, "/export.csv")
    chunks = iter(body)
    text = next(chunks) + next(chunks)
    full_book.post("/", {"name": "late", "message": "Hello"}, status=303)
    text += b"".join(chunks)
    body.close()
    assert lines(text.decode())[-1]["name"] == "late"


def test_a_client_that_leaves_closes_the_database(wsgi, full_book):
    before = open_connections()
    body = start(wsgi.application, "/export.csv")
    chunks = iter(body)
    assert next(chunks) + next(chunks)
    assert open_connections() == before + 1
    body.close()
    assert open_connections() == before


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(1)"])
def test_a_spreadsheet_takes_no_cell_for_a_formula(demo, cell):
    demo.post("/", {"name": cell, "message": "Hello"})
    assert lines(demo.get("/export.csv").text)[0]["name"] == f"'{cell}"


def test_a_cell_with_commas_quotes_and_line_feeds_stays_one_cell(demo):
    demo.post("/", {"name": "Ada", "message": 'a, "b"\nc'})
    assert lines(demo.get("/export.csv").text)[0]["message"] == 'a, "b"\nc'
