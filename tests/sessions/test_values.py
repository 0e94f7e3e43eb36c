"""TaggedJSON: values come back as they were, and whatever else is refused with a word of help."""

import json
import random
import subprocess
import sys
from collections import OrderedDict, defaultdict, namedtuple
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from wsgikit.errors import ConfigurationError, SessionValueError
from wsgikit.sessions import TaggedJSON, tagged_json
from wsgikit.sessions.values import dump_values, join_values

CET = timezone(timedelta(hours=1))


def exact(value):
    """``value`` in a form that differs wherever a type does, and that NaN equals itself in."""
    if isinstance(value, dict):
        return (dict, [(exact(key), exact(item)) for key, item in value.items()])
    if isinstance(value, (list, tuple)):
        return (type(value), [exact(item) for item in value])
    if isinstance(value, (set, frozenset)):
        return (type(value), sorted(repr(exact(item)) for item in value))
    return (type(value), repr(value))


def assert_comes_back(value):
    text = tagged_json.dumps(value)
    assert text.isascii()
    assert exact(tagged_json.loads(text)) == exact(value)
    assert tagged_json.dumps(tagged_json.loads(text)) == text


def is_utf_16(text):
    """Whether no two surrogates make a pair: JSON has no other text for the character they make."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") == text


TEXTS = st.text(st.characters()).filter(is_utf_16)
OFFSETS = st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)))
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300)
    | st.floats()
    | TEXTS
    | st.binary()
    | st.dates()
    | st.datetimes(timezones=st.none() | OFFSETS).map(lambda moment: moment.replace(fold=0))
    | st.uuids()
    | st.decimals()
    | TEXTS.map(Markup)
)
HASHABLE = st.recursive(
    ATOMS.filter(lambda atom: not (isinstance(atom, Decimal) and atom.is_snan())),
    lambda items: st.tuples(items, items) | st.frozensets(items, max_size=3),
    max_leaves=5,
)
VALUES = st.recursive(
    ATOMS,
    lambda items: (
        st.lists(items, max_size=4)
        | st.lists(items, max_size=4).map(tuple)
        | st.sets(HASHABLE, max_size=3)
        | st.frozensets(HASHABLE, max_size=3)
        | st.dictionaries(TEXTS, items, max_size=4)
        | st.dictionaries(HASHABLE, items, max_size=3)
        | st.dictionaries(st.sampled_from(["$date", "$dict", "$set", "$", "$x", ""]), items)
    ),
    max_leaves=15,
)


@given(VALUES)
def test_any_value_comes_back(value):
    assert_comes_back(value)


@given(st.dictionaries(TEXTS | st.sampled_from(["$date", "$"]), VALUES, max_size=3))
def test_values_of_a_session_come_back_one_by_one_and_joined(values):
    texts = dump_values(values)
    assert exact({key: tagged_json.loads(text) for key, text in texts.items()}) == exact(values)
    assert join_values(texts) == tagged_json.dumps(values)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, None, True]}, '{"a":[1,null,true]}'),
        (datetime(2024, 2, 29, 1, 2, 3, 4), '{"$datetime":"2024-02-29T01:02:03.000004"}'),
        (datetime(2024, 2, 29, tzinfo=CET), '{"$datetime":"2024-02-29T00:00:00+01:00"}'),
        (date(2024, 2, 29), '{"$date":"2024-02-29"}'),
        (UUID(int=1), '{"$uuid":"00000000-0000-0000-0000-000000000001"}'),
        (Decimal("1.10"), '{"$decimal":"1.10"}'),
        ((1, ()), '{"$tuple":[1,{"$tuple":[]}]}'),
        ({10, 9}, '{"$set":[10,9]}'),
        (frozenset("a"), '{"$frozenset":["a"]}'),
        (b"\x00\xff", '{"$bytes":"AP8="}'),
        (Markup("<b>"), '{"$markup":"<b>"}'),
        ({1: "a", "1": "b"}, '{"$dict":[[1,"a"],["1","b"]]}'),
        ({"$date": "today"}, '{"$dict":[["$date","today"]]}'),
        ({"$date": 1, "b": 2}, '{"$date":1,"b":2}'),
        ("Gr\u00fc\ud800", '"Gr\\u00fc\\ud800"'),
        (10**300, "1" + "0" * 300),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
    ],
    ids=repr,
)
def test_text_stays_what_stored_sessions_have(value, text):
    assert tagged_json.dumps(value) == text
    assert_comes_back(value)


def test_order_of_a_dict_is_kept_and_that_of_a_set_does_not_count():
    assert list(tagged_json.loads(tagged_json.dumps({"b": 1, "a": 2}))) == ["b", "a"]
    script = (
        "from wsgikit.sessions import tagged_json\n"
        "print(tagged_json.dumps({frozenset('abcdefgh'), *'ijklmnop'}))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


class Shade(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "base"),
    [
        (Shade.RED, "red"),
        ({Shade.RED: Level.HIGH}, {"red": 3}),
        (Point(1, 2), (1, 2)),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (type("Moment", (datetime,), {})(2024, 1, 2), datetime(2024, 1, 2)),
    ],
    ids=repr,
)
def test_subclass_comes_back_as_the_nearest_known_base(value, base):
    assert tagged_json.dumps(value) == tagged_json.dumps(base)


# What cannot be kept


@pytest.mark.parametrize(
    ("cart", "path"),
    [
        (Fraction(1), "session['cart']"),
        ([0, 1, {"when": Fraction(1)}], "session['cart'][2]['when']"),
        ({1: (2, Fraction(1))}, "session['cart'][1][1]"),
        ({Fraction(1): 1}, "session['cart'][Fraction(1, 1)]"),
        ([{Fraction(1)}], "session['cart'][0][0]"),
    ],
    ids=repr,
)
def test_unknown_type_is_named_with_the_way_to_it_and_what_to_write(cart, path):
    with pytest.raises(SessionValueError) as raised:
        dump_values({"fine": 1, "cart": cart})
    assert str(raised.value).startswith(f"{path} is a Fraction, which a session cannot keep.\n")
    assert "tagged_json.register('fraction', Fraction, dump, load)" in str(raised.value)


def test_plain_enum_is_an_unknown_type():
    with pytest.raises(SessionValueError, match=r"^value\[0\] is a Color"):
        tagged_json.dumps([Enum("Color", "RED").RED])


def test_value_that_holds_itself_is_refused():
    ring: list[object] = [1]
    ring.append({"again": ring})
    with pytest.raises(SessionValueError, match=r"64 levels deep, or holds itself") as raised:
        dump_values({"ring": ring})
    assert str(raised.value).startswith("session['ring'][1]['again'][1]['again'][1]['again']")
    assert "['again']… is nested" in str(raised.value)


def nested(kind, depth):
    value = kind()
    for _ in range(depth - 1):
        value = kind([value])
    return value


@pytest.mark.parametrize("kind", [list, lambda items=(): {1: items}])
def test_depth_has_a_bound(kind):
    assert_comes_back(nested(list, 64))
    with pytest.raises(SessionValueError, match="more than 64 levels"):
        tagged_json.dumps(nested(list, 65))
    with pytest.raises(SessionValueError, match="more than 64 levels"):
        tagged_json.dumps(nested(list, 100_000))


def test_nested_sets_take_no_more_time_than_lists():
    deepest = nested(frozenset, 32)
    assert tagged_json.loads(tagged_json.dumps(deepest)) == deepest
    with pytest.raises(SessionValueError, match="more than 64 levels"):
        tagged_json.dumps(nested(frozenset, 100))


def call_deeply(function, depth):
    return call_deeply(function, depth - 1) if depth else function()


def test_what_is_written_can_be_read_on_a_full_stack():
    deepest = {1: nested(list, 60)}
    text = call_deeply(lambda: tagged_json.dumps(deepest), 500)
    assert call_deeply(lambda: tagged_json.loads(text), 500) == deepest


def test_stack_without_room_is_a_value_error():
    room = sys.getrecursionlimit() - len_of_stack() - 60
    with pytest.raises(SessionValueError, match="recursion"):
        call_deeply(lambda: tagged_json.dumps(nested(list, 60)), room)


def len_of_stack():
    frame, length = sys._getframe(), 0
    while frame is not None:
        frame, length = frame.f_back, length + 1
    return length


@pytest.mark.parametrize("value", [10**5000, [{10**5000}]], ids=["int", "set"])
def test_int_of_more_digits_than_python_writes_is_refused(value):
    with pytest.raises(SessionValueError, match=r"^session\['n'\] cannot be written: .* digits"):
        dump_values({"n": value})


# What was not written by it


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        '{"a":' * 100_000,
        "1" * 5000,
        "\ud800",
        '{"$unknown":1}',
        '{"$":1}',
        '{"$datetime":1}',
        '{"$datetime":"noon"}',
        '{"$date":[]}',
        '{"$uuid":"1"}',
        '{"$uuid":1}',
        '{"$decimal":"one"}',
        '{"$decimal":{}}',
        '{"$tuple":1}',
        '{"$set":[[]]}',
        '{"$set":[{}]}',
        '{"$frozenset":null}',
        '{"$bytes":"AP 8="}',
        '{"$bytes":1}',
        '{"$dict":[1]}',
        '{"$dict":[[[],1]]}',
        '{"$dict":[[1,2,3]]}',
    ],
    ids=lambda text: text[:20],
)
def test_other_text_is_a_value_error(text):
    with pytest.raises(ValueError, match="no text of a session") as raised:
        tagged_json.loads(text)
    assert type(raised.value) is ValueError


def test_unknown_tag_is_named():
    with pytest.raises(ValueError, match="no type is registered for the tag 'money'"):
        tagged_json.loads('[{"$money":1}]')


def test_mutated_texts_raise_nothing_but_value_errors():
    moment = datetime(2024, 1, 2, tzinfo=CET)
    values = [moment, date.min, UUID(int=5), Decimal(1), (1,), {2}, b"x", {3: 4}, Markup("<b>")]
    text = tagged_json.dumps(values)
    choose = random.Random(1)
    for _ in range(3000):
        start, end = sorted(choose.choices(range(len(text)), k=2))
        inserted = choose.choice(["", "$", '"', "[", "{", "0", text[end:]])
        with suppress(ValueError):
            tagged_json.loads(text[:start] + inserted + text[end:])


# Types of one's own


def dump_fraction(value):
    return (value.numerator, value.denominator)


def load_fraction(pair):
    return Fraction(*pair)


@pytest.fixture
def registry():
    registry = TaggedJSON()
    registry.register("fraction", Fraction, dump_fraction, load_fraction)
    return registry


def test_registered_type_comes_back_also_inside_of_others(registry):
    value = {"rates": [Fraction(1, 3), {Fraction(1, 2)}], Fraction(2): ()}
    assert registry.loads(registry.dumps(value)) == value
    assert registry.dumps(Fraction(1, 3)) == '{"$fraction":{"$tuple":[1,3]}}'


def test_registered_subclass_goes_before_its_base(registry):
    registry.register("point", Point, Point._asdict, lambda fields: Point(**fields))
    assert type(registry.loads(registry.dumps(Point(1, (2,))))) is Point


def test_registering_the_same_again_is_allowed(registry):
    registry.register("fraction", Fraction, str, Fraction)
    assert registry.dumps(Fraction(1, 3)) == '{"$fraction":"1/3"}'


def test_function_that_gives_its_argument_back_is_told_of(registry):
    registry.register("complex", complex, lambda value: value, complex)
    with pytest.raises(SessionValueError, match="more than 64 levels deep"):
        registry.dumps(1j)


@pytest.mark.parametrize("tag", ["fraction", "date", "dict"])
def test_tag_is_not_for_two_classes(registry, tag):
    with pytest.raises(ConfigurationError, match=f"The tag '{tag}' for complex is taken"):
        registry.register(tag, complex, str, complex)


def test_class_has_one_tag(registry):
    with pytest.raises(ConfigurationError, match="or Fraction has another one"):
        registry.register("ratio", Fraction, str, Fraction)


@pytest.mark.parametrize("cls", [dict, list, str, int, float, bool, type(None)])
def test_types_of_json_have_no_tag(registry, cls):
    with pytest.raises(ConfigurationError, match="JSON has it"):
        registry.register("mine", cls, str, cls)


def test_type_is_unknown_where_it_is_not_registered(registry):
    with pytest.raises(ValueError, match="'fraction'"):
        tagged_json.loads(registry.dumps(Fraction(1)))


def test_one_text_is_one_json_value():
    assert json.loads(tagged_json.dumps({"a": (1,)})) == {"a": {"$tuple": [1]}}
