"""JSON as Flask's provider writes it."""

import dataclasses
import decimal
import enum
import uuid
from datetime import UTC, date, datetime

import flask
import pytest
from markupsafe import Markup

from wsgikit import json_response


@dataclasses.dataclass
class Point:
    x: int
    when: date


class Html:
    def __html__(self):
        return "<i>x</i>"


VALUES = [
    date(2024, 2, 29),
    datetime(2024, 2, 29, 12, 30, 1),
    datetime(2024, 2, 29, 12, 30, 1, tzinfo=UTC),
    decimal.Decimal("1.10"),
    uuid.UUID("12345678123456781234567812345678"),
    Point(1, date(2024, 1, 1)),
    Markup("<b>é</b>"),
    Html(),
    "é",
    (1, 2),
    {"nested": [decimal.Decimal(1), {"p": Point(2, date(2024, 1, 2))}]},
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_value_reads_back_as_what_flask_writes(value):
    with flask.Flask("legacy").app_context():
        expected = flask.json.dumps(value)
    assert json_response.loads(json_response.dumps(value)) == flask.json.loads(expected)


def test_output_is_compact():
    assert json_response.dumps({"a": [1, 2], "b": 1}) == '{"a":[1,2],"b":1}'


def test_options_are_those_of_json_dumps():
    assert json_response.dumps({"b": "é"}, ensure_ascii=False, indent=1) == '{\n "b":"é"\n}'
    assert json_response.dumps([1], separators=(" , ", " : ")) == "[1]"
    assert json_response.dumps([1, 2], separators=(" , ", " : ")) == "[1 , 2]"


@pytest.mark.parametrize("value", [{1}, b"x", object(), Point, enum.Enum("E", "A").A])
def test_other_types_are_refused_by_name(value):
    with pytest.raises(TypeError, match=f"type {type(value).__name__} is not JSON"):
        json_response.dumps(value)


def test_reading_takes_text_and_bytes():
    assert json_response.loads('{"a": 1.5}', parse_float=decimal.Decimal) == {
        "a": decimal.Decimal("1.5")
    }
    assert json_response.loads(b"[1]") == [1]


@pytest.mark.parametrize("text", ["", "{", b"\xff", pytest.param("[" * 100_000, id="deep")])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - each reader words it its own way
        json_response.loads(text)
