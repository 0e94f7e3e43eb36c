"""wsgikit sessions: list, show, revoke and purge, in real stores."""

import json
import time
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from wsgikit.sessions import Owner, TaggedJSON, key_of, make_store, tagged_json

ADA = Owner("ada", "192.0.2.1", "Firefox")
KEYS = [key_of(f"id {number}") for number in range(3)]


def keep(store, number, owner=None, ttl=60, **values):
    texts = {name: tagged_json.dumps(value) for name, value in values.items()}
    assert store.create(KEYS[number], texts, ttl=ttl, owner=owner)


def keys(store):
    return {record.key for record in store.iterate()}


# list


def test_table_has_a_line_for_each_session(store, sessions):
    keep(store, 0, ADA)
    keep(store, 1)
    heading, *lines = sessions("list").splitlines()
    assert " ".join(heading.split()) == "key user created last seen address user agent"
    by_key = {line.split()[0]: line.split()[1:] for line in lines}
    assert by_key.keys() == {KEYS[0][:16], KEYS[1][:16]}
    user, created, seen, *others = by_key[KEYS[0][:16]]
    assert (user, others) == ("ada", ["192.0.2.1", "Firefox"])
    for text in (created, seen):
        at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        assert abs(at.timestamp() - time.time()) < 60
    assert len(by_key[KEYS[1][:16]]) == 2


def test_columns_are_aligned(store, sessions):
    keep(store, 0, Owner("a" * 40, "192.0.2.1"))
    keep(store, 1, Owner("b", "192.0.2.2"))
    lines = sessions("list").splitlines()[1:]
    assert len({line.index("192.0.2.") for line in lines}) == 1


def test_last_used_is_at_the_top(store, sessions, monkeypatch):
    now = time.time()
    for number, age in enumerate((20, 10, 30)):
        monkeypatch.setattr(time, "time", lambda age=age: now - age)
        keep(store, number)
    monkeypatch.undo()
    listed = [line.split()[0] for line in sessions("list").splitlines()[1:]]
    assert listed == [KEYS[number][:16] for number in (1, 0, 2)]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_only_those_of_a_user(options, store, sessions):
    keep(store, 0, ADA)
    keep(store, 1, Owner("bob"))
    keep(store, 2)
    printed = sessions("list", "--user", "ada", *options)
    assert KEYS[0][:16] in printed
    assert KEYS[1][:16] not in printed
    assert KEYS[2][:16] not in printed


def test_json_has_an_object_a_line_with_the_whole_key(store, sessions):
    keep(store, 0, ADA, a=1)
    keep(store, 1)
    by_key = {
        each["key"]: each for each in map(json.loads, sessions("list", "--json").split("\n")[:-1])
    }
    assert by_key.keys() == {KEYS[0], KEYS[1]}
    listed = by_key[KEYS[0]]
    assert listed["created"] == listed["last_seen"]
    del listed["created"], listed["last_seen"], listed["key"]
    assert listed == {"user": "ada", "address": "192.0.2.1", "user_agent": "Firefox"}
    assert by_key[KEYS[1]]["user"] == ""


def test_no_sessions_is_nothing_on_stdout(run, url, store):
    assert store.purge() == 0  # makes the database
    result = run("sessions", "list", "--store", url)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "There are no sessions.\n"


ATTACKS = [
    ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),  # sets the terminal's title
    ("\x1b[2J", r"\x1b[2J"),  # clears it
    ("a\nb\r\tc", r"a\nb\r\tc"),
    ("\x9b31m\x7f", r"\x9b31m\x7f"),  # CSI in one character
    ("\u202eneddih", r"\u202eneddih"),  # turns the direction of writing
    ("\ud800\u2028", r"\ud800\u2028"),  # cannot be encoded; a line's end
]


@pytest.mark.parametrize(("text", "shown"), ATTACKS)
@pytest.mark.parametrize("command", [["list"], ["show", KEYS[0]]])
def test_foreign_text_never_reaches_the_terminal_as_it_is(command, text, shown, store, sessions):
    keep(store, 0, Owner(f"u{text}", f"a{text}", f"w{text}"), **{f"v{text}": text})
    printed = sessions(*command)
    for start in ("u", "a", "w", *(["v"] if command[0] == "show" else [])):
        assert f"{start}{shown}" in printed
    assert all(character.isprintable() or character == "\n" for character in printed)
    assert len(printed.splitlines()) == (2 if command[0] == "list" else 7)


@pytest.mark.parametrize(("text", "shown"), ATTACKS)
def test_json_is_ascii(text, shown, store, sessions):
    keep(store, 0, Owner("ada", "", text))
    printed = sessions("list", "--json")
    assert all(" " <= character <= "~" for character in printed[:-1])
    assert json.loads(printed)["user_agent"] == text


def test_letters_of_any_language_are_shown_as_they_are(store, sessions):
    keep(store, 0, Owner("Müller"), name="李")
    assert "Müller" in sessions("list")
    assert 'name = "李"' in sessions("show", KEYS[0])


# show


def test_metadata_and_values(store, sessions):
    keep(store, 0, ADA, cart=[1, 2], name="Ada", nested={"a": None})
    lines = sessions("show", KEYS[0]).splitlines()
    assert lines[0] == f"key             {KEYS[0]}"
    assert lines[1] == "user            ada"
    assert [line.split()[0] for line in lines[2:4]] == ["created", "last"]
    assert lines[4:6] == ["address         192.0.2.1", "user agent      Firefox"]
    assert sorted(lines[6:]) == ["cart = [1, 2]", 'name = "Ada"', 'nested = {"a": null}']


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (date(2024, 2, 29), "datetime.date(2024, 2, 29)"),
        (UUID(int=1), "UUID('00000000-0000-0000-0000-000000000001')"),
        (b"\x1b", r"b'\x1b'"),
        ({1}, "{1}"),
        ((1, "a"), '[1, "a"]'),
        ({("a", 1): 2}, "{('a', 1): 2}"),
    ],
)
def test_value_that_json_lacks_is_shown_as_python_has_it(value, shown, store, sessions):
    keep(store, 0, value=value)
    assert sessions("show", KEYS[0]).splitlines()[-1] == f"value = {shown}"


def test_value_of_an_unknown_type_is_shown_as_it_is_stored(store, sessions):
    class Money(str):
        pass

    registry = TaggedJSON()
    registry.register("money", Money, str, Money)
    assert store.create(KEYS[0], {"paid": registry.dumps(Money("5 EUR"))}, ttl=60)
    assert sessions("show", KEYS[0]).splitlines()[-1] == 'paid = {"$money":"5 EUR"}'


@pytest.mark.parametrize("length", [8, 16, 63])
def test_first_characters_of_the_key_are_enough(length, store, sessions):
    keep(store, 0, ADA)
    keep(store, 1)
    assert f"key             {KEYS[0]}\n" in sessions("show", KEYS[0][:length])


@pytest.mark.parametrize("command", ["show", "revoke"])
def test_first_characters_of_several_keys_are_refused(command, run, url, store):
    same = KEYS[0][:8]
    for end in "ab":
        store.create(same + end * 56, {}, ttl=60)
    result = run("sessions", command, same, "--store", url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: Several sessions have a key that begins with {same}.\n"
    assert len(keys(store)) == 2


@pytest.mark.parametrize("command", ["show", "revoke"])
@pytest.mark.parametrize("key", [KEYS[1], KEYS[1][:8]])
def test_unknown_key(command, key, run, url, store):
    keep(store, 0)
    result = run("sessions", command, key, "--store", url)
    assert (result.exit_code, result.stderr) == (1, f"Error: No session's key begins with {key}.\n")
    assert keys(store) == {KEYS[0]}


@pytest.mark.parametrize("command", ["show", "revoke"])
@pytest.mark.parametrize("key", [KEYS[0][:7], "", "x" * 64, KEYS[0] + "0", KEYS[0] + "\n"])
def test_text_that_is_no_key(command, key, run, url, store):
    keep(store, 0)
    result = run("sessions", command, key, "--store", url)
    assert result.exit_code == 2
    assert "8 to 64 of the characters" in result.stderr
    assert keys(store) == {KEYS[0]}


def test_old_key_says_where_the_session_goes_on(store, sessions):
    keep(store, 0, ADA, a=1)
    store.rotate(KEYS[0], KEYS[1], {}, expected_version=1, ttl=60, grace=60)
    lines = sessions("show", KEYS[0]).splitlines()
    assert lines[6:] == [f"goes on as      {KEYS[1]}", "a = 1"]


# revoke


def test_one_is_revoked(store, sessions):
    for number in range(3):
        keep(store, number, ADA)
    assert sessions("revoke", KEYS[0][:16]) == "1 session ended.\n"
    assert keys(store) == {KEYS[1], KEYS[2]}


def test_all_of_a_user_are_revoked(store, sessions):
    keep(store, 0, ADA)
    keep(store, 1, ADA)
    keep(store, 2, Owner("bob"))
    assert sessions("revoke", "--user", "ada") == "2 sessions ended.\n"
    assert keys(store) == {KEYS[2]}
    assert sessions("revoke", "--user", "ada") == "0 sessions ended.\n"


def test_all_are_revoked_after_a_yes(store, sessions):
    keep(store, 0, ADA)
    keep(store, 1)
    printed = sessions("revoke", "--all", input="y\n")
    assert printed.startswith("Everyone will be logged out. End all sessions? [y/N]")
    assert printed.endswith("2 sessions ended.\n")
    assert keys(store) == set()


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_without_a_yes_none_is_revoked(answer, run, url, store):
    keep(store, 0)
    result = run("sessions", "revoke", "--all", "--store", url, input=answer)
    assert result.exit_code == 1
    assert "ended" not in result.stdout
    assert keys(store) == {KEYS[0]}


def test_all_are_revoked_without_a_question(store, sessions):
    keep(store, 0)
    assert sessions("revoke", "--all", "--yes") == "1 session ended.\n"
    assert keys(store) == set()


@pytest.mark.parametrize(
    "arguments",
    [[], ["--yes"], [KEYS[0], "--all"], ["--user", "ada", "--all"], [KEYS[0], "--user", "ada"]],
)
def test_what_is_to_be_revoked_is_said_once(arguments, run, url, store):
    keep(store, 0, ADA)
    result = run("sessions", "revoke", *arguments, "--store", url)
    assert result.exit_code == 2
    assert "Give one of KEY, --user and --all." in result.stderr
    assert keys(store) == {KEYS[0]}


# purge


def test_expired_sessions_are_removed(sqlite_url, run, monkeypatch):
    store = make_store(sqlite_url)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 100)
    keep(store, 0)
    keep(store, 1)
    monkeypatch.undo()
    keep(store, 2)
    store.close()
    printed = [run("sessions", "purge", "--store", sqlite_url).stdout for _ in range(2)]
    assert printed == ["2 expired sessions removed.\n", "0 expired sessions removed.\n"]


def test_purge_of_a_server_that_does_it_by_itself(valkey, run):
    result = run("sessions", "purge", "--store", valkey.url)
    assert result.stdout == "0 expired sessions removed.\n"
