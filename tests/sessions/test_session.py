"""Session: loaded at first touch, and it knows whether it changed."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from wsgikit.errors import SessionCommitted, SessionValueError
from wsgikit.sessions import ReadOnlySession, Session, StoredSession

DATA = {"a": 1, "items": [1, [2]], "mapping": {"deep": [3]}, "text": "é", "none": None}


def dump(data):
    return json.dumps(data, separators=(",", ":"))


def stored_session(data=DATA):
    text = dump(data)
    return StoredSession(json.loads(text), text, 0.0, False)


def make_session(data=DATA):
    """A session that a request brought."""
    return Session(lambda: stored_session(data))


def make_new_session():
    return Session(lambda: None)


# Loaded at first touch


def untouchable():
    pytest.fail("the session was loaded")


def test_untouched_session_is_neither_loaded_nor_accessed_nor_modified():
    session = Session(untouchable)
    assert not session.accessed
    assert not session.modified
    assert not session.committed


def test_repr_loads_nothing_but_shows_what_is_loaded():
    session = Session(untouchable)
    assert repr(session) == "<Session, not loaded>"
    session = make_session({"a": 1})
    assert session["a"] == 1
    assert repr(session) == "<Session {'a': 1}>"


READS = {
    "getitem": lambda session: session["a"],
    "get": lambda session: session.get("missing"),
    "in": lambda session: "missing" in session,
    "len": len,
    "bool": bool,
    "iter": iter,
    "keys": lambda session: list(session.keys()),
    "values": lambda session: list(session.values()),
    "items": lambda session: list(session.items()),
    "equality": lambda session: session == {},
    "new": lambda session: session.new,
    "permanent": lambda session: session.permanent,
    "stored": lambda session: session.stored,
    "text": lambda session: session.text,
    "pop with a default": lambda session: session.pop("missing", None),
    "setdefault of a known key": lambda session: session.setdefault("a", 2),
    "update with nothing": lambda session: session.update(),
}


@pytest.mark.parametrize("read", [name for name in READS if name != "update with nothing"])
def test_reading_is_access_and_no_change(read):
    session = make_session()
    READS[read](session)
    assert session.accessed
    assert not session.modified


def test_update_with_nothing_is_no_change():
    session = make_session()
    session.update()
    session |= {}
    assert not session.modified


def test_missing_key_is_access_too():
    session = make_session()
    with pytest.raises(KeyError, match="missing"):
        _ = session["missing"]
    assert session.accessed
    assert not session.modified


def test_load_is_called_once():
    loads = []
    session = Session(lambda: loads.append(1))
    _ = len(session), session.get("a"), session.new, session.stored
    session["a"] = 1
    assert loads == [1]


def as_handed_over(session):
    return ReadOnlySession(session, lambda: False)


def as_inherited(session):
    return session


@pytest.mark.parametrize("seen_by_the_thread", [as_handed_over, as_inherited])
def test_thread_whose_load_ends_late_undoes_no_write(seen_by_the_thread):
    loading, go_on = threading.Event(), threading.Event()

    def load():
        if not loading.is_set():  # the thread's
            loading.set()
            go_on.wait()
        return stored_session({"a": 1})

    session = Session(load)
    with ThreadPoolExecutor(1) as executor:
        read = executor.submit(lambda: dict(seen_by_the_thread(session)))
        loading.wait()
        try:
            session["b"] = 2
        finally:
            go_on.set()
        assert read.result() == {"a": 1, "b": 2}
    assert dict(session) == {"a": 1, "b": 2}
    assert session.stored.data is session._values


def test_new_session_that_two_threads_load_is_one():
    loading, go_on = threading.Event(), threading.Event()

    def load():
        if not loading.is_set():
            loading.set()
            go_on.wait()

    session = Session(load)
    with ThreadPoolExecutor(1) as executor:
        read = executor.submit(session.get, "a")
        loading.wait()
        try:
            session["a"] = 1
        finally:
            go_on.set()
        assert read.result() == 1


def test_what_the_request_brought_is_there():
    session = make_session()
    assert dict(session) == DATA
    assert session == DATA
    assert not session.new
    assert session.stored == stored_session()


def test_membership_is_that_of_the_data():
    session = make_session()
    assert "a" in session
    assert "none" in session
    assert "missing" not in session


def test_new_session_is_empty():
    session = make_new_session()
    assert session.new
    assert session.stored is None
    assert not session
    assert session.text == "{}"


# Changes


def ior(session):
    session |= {"b": 1}


WRITES = {
    "setitem": lambda session: session.__setitem__("b", 1),
    "setitem of the same value": lambda session: session.__setitem__("a", 1),
    "delitem": lambda session: session.__delitem__("a"),
    "pop": lambda session: session.pop("a"),
    "popitem": lambda session: session.popitem(),
    "clear": lambda session: session.clear(),
    "update": lambda session: session.update({"b": 1}),
    "update with pairs": lambda session: session.update([("b", 1)]),
    "update by keyword": lambda session: session.update(b=1),
    "setdefault": lambda session: session.setdefault("b", 1),
    "|=": ior,
    "permanent": lambda session: setattr(session, "permanent", True),
    "not permanent": lambda session: setattr(session, "permanent", False),
    "modified": lambda session: setattr(session, "modified", True),
}


@pytest.mark.parametrize("write", WRITES)
def test_every_way_to_change_is_noticed(write):
    session = make_session()
    WRITES[write](session)
    assert session.modified
    assert session.accessed


@pytest.mark.parametrize("write", WRITES)
def test_every_change_does_what_a_dicts_would(write):
    session, expected = make_session(), dict(DATA)
    WRITES[write](session)
    if "permanent" in write:
        expected["_permanent"] = write == "permanent"
    elif write == "popitem":  # of which item is open
        expected = {key: DATA[key] for key in session}
        assert len(expected) == len(DATA) - 1
    elif write != "modified":
        WRITES[write](expected)
    assert dict(session) == expected


def test_or_equals_keeps_the_session_and_changes_it():
    session = same = make_session({})
    session |= {"a": 1}
    assert session is same
    assert session == {"a": 1}


def test_clearing_a_new_session_is_no_change():
    session = make_new_session()
    session.clear()
    assert not session.modified


@pytest.mark.parametrize(
    "failing", [lambda s: s.pop("missing"), lambda s: s.__delitem__("missing")]
)
def test_removing_what_is_not_there_is_no_change(failing):
    session = make_session()
    with pytest.raises(KeyError, match="missing"):
        failing(session)
    assert not session.modified


def test_popitem_of_an_empty_session_raises():
    with pytest.raises(KeyError):
        make_new_session().popitem()


def test_modified_can_be_forced_and_taken_back():
    session = make_session()
    session.modified = True
    assert session.modified
    session.modified = False
    assert not session.modified


def test_forcing_a_write_loads_the_session_so_that_nothing_is_lost():
    session = make_session()
    session.modified = True
    assert session.text == dump(DATA)


# Changes inside of values

NESTED_CHANGES = {
    "getitem": lambda session: session["items"].append(4),
    "get": lambda session: session.get("items").append(4),
    "deeper list": lambda session: session["items"][1].append(4),
    "dict": lambda session: session["mapping"].update(b=1),
    "deeper in a dict": lambda session: session["mapping"]["deep"].pop(),
    "items": lambda session: dict(session.items())["items"].append(4),
    "values": lambda session: [v.append(4) for v in session.values() if isinstance(v, list)],
    "setdefault": lambda session: session.setdefault("items", []).append(4),
    "match": lambda session: _match(session),
    "copy to a dict": lambda session: dict(session)["items"].append(4),
}


def _match(session):
    match session:
        case {"items": items}:
            items.append(4)


@pytest.mark.parametrize("change", NESTED_CHANGES)
def test_change_inside_of_a_value_is_noticed(change):
    session = make_session()
    NESTED_CHANGES[change](session)
    assert session.modified
    assert session.text != dump(DATA)


def test_change_inside_is_noticed_after_the_question_was_asked_once():
    session = make_session()
    items = session["items"]
    assert not session.modified
    items.append(4)
    assert session.modified


def test_change_inside_that_is_undone_is_none():
    session = make_session()
    session["items"].append(4)
    session["items"].pop()
    assert not session.modified


@pytest.mark.parametrize("key", ["items", "mapping"])
def test_reading_a_mutable_value_without_a_change_is_none(key):
    session = make_session()
    assert session[key] == DATA[key]
    assert not session.modified


def test_change_inside_of_a_value_set_before_is_kept():
    session, items = make_new_session(), [1]
    session["items"] = items
    items.append(2)
    assert session.text == '{"items":[1,2]}'


def test_change_inside_is_noticed_though_modified_was_set_to_false():
    session = make_session()
    session["items"].append(4)
    session.modified = False
    assert session.modified


# permanent


def test_session_is_not_permanent_at_first():
    assert not make_new_session().permanent


@pytest.mark.parametrize("value", [True, False])
def test_permanent_is_kept_in_the_data_under_flasks_key(value):
    session = make_new_session()
    session.permanent = value
    assert session.permanent is value
    assert session.text == dump({"_permanent": value})
    assert make_session(dict(session)).permanent is value


def test_permanent_keeps_only_whether_it_is_true():
    session = make_new_session()
    session.permanent = "yes"
    assert session["_permanent"] is True


# After the headers have left


@pytest.mark.parametrize("write", WRITES)
def test_change_after_the_headers_have_left_raises_and_changes_nothing(write):
    session = make_session()
    session.committed = True
    with pytest.raises(SessionCommitted, match="before the first yield"):
        WRITES[write](session)
    assert dict(session) == DATA
    assert not session.modified


@pytest.mark.parametrize("read", READS)
def test_reading_after_the_headers_have_left_is_fine(read):
    session = make_session()
    session.committed = True
    READS[read](session)
    assert not session.modified


# What JSON can hold


@pytest.mark.parametrize("key", [1, None, b"bytes", ("tuple",), 1.5, True])
def test_key_that_is_no_str_is_refused_at_once(key):
    session = make_session()
    with pytest.raises(SessionValueError, match=f"not {type(key).__name__}"):
        session[key] = 1
    with pytest.raises(SessionValueError):
        session.setdefault(key, 1)
    with pytest.raises(SessionValueError):
        session.update({key: 1})
    assert dict(session) == DATA
    assert not session.modified


def circular():
    items = []
    items.append(items)
    return items


def too_deep():
    items = []
    for _ in range(100_000):
        items = [items]
    return items


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (object(), " is a object"),
        ([1, {"deep": object()}], r"\[1\]\['deep'\] is a object"),
        (circular(), r"(\[0\])+… is nested"),
    ],
)
def test_value_that_cannot_be_kept_is_named_by_its_key(value, kind):
    session = make_session()
    session["bad"] = value
    with pytest.raises(SessionValueError, match=rf"session\['bad'\]{kind}"):
        _ = session.text


def test_value_too_deep_for_json_is_named_by_its_key():
    session = make_session()
    session["deep"] = too_deep()
    with pytest.raises(SessionValueError, match=r"session\['deep'\].* nested more than"):
        _ = session.text


def test_bad_value_put_inside_of_a_stored_one_is_named_when_asked_for_changes():
    session = make_session()
    session["items"].append(object())
    with pytest.raises(SessionValueError, match=r"session\['items'\]"):
        _ = session.modified


def test_sessions_share_no_data():
    first, second = make_session(), make_session()
    first["items"].append(4)
    first["a"] = 2
    assert dict(second) == DATA


def test_request_data_of_one_load_are_not_those_of_the_text():
    session = make_session()
    session["a"] = 2
    assert session.stored.text == dump(DATA)
