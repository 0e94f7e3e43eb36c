"""What every store does: memory, SQLite, PostgreSQL, Valkey and a cluster of Valkeys."""

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from real_servers import wait_until

from wsgikit.sessions import Change, Owner, Record, SessionGone, SessionStore
from wsgikit.sessions.store import key_of, new_id

THREADS = 32
HOUR = 3600.0


@pytest.fixture
def key() -> str:
    return key_of(new_id())


def new_key() -> str:
    return key_of(new_id())


def together(*functions: Callable[[], Any]) -> list[Any]:
    """Run each in a thread, all at the same moment; return what they returned or raised."""
    barrier = Barrier(len(functions))

    def run(function: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return function()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(run, functions))


def commit(store: SessionStore, key: str, version: int = 1, **changes: Any) -> Record | None:
    changed = {name: Change(*change) for name, change in changes.items()}
    return store.commit(key, changed, expected_version=version, ttl=HOUR)


def rotate(store: SessionStore, key: str, to: str, **options: Any) -> Record | None:
    changes = options.pop("changes", {})
    options = {"expected_version": 1, "ttl": HOUR, "grace": HOUR, **options}
    return store.rotate(key, to, changes, **options)


def keys(records: Iterable[Record]) -> list[str]:
    return sorted(record.key for record in records)


# load and create


def test_no_session_under_a_key_that_none_was_created_of(store, key):
    assert store.load(key) is None


def test_session_is_as_it_was_created(store, make, key):
    before = time.time()
    assert store.create(key, {"a": "1", "b": '{"c": [null]}'}, ttl=HOUR) is True
    record = make().load(key)
    assert record == Record(
        key, {"a": "1", "b": '{"c": [null]}'}, record.version, record.created, record.created
    )
    assert before <= record.created <= time.time()


def test_session_has_the_owner_that_it_was_created_with(store, key):
    owner = Owner("42", "192.0.2.1", "Mozilla/5.0")
    store.create(key, {}, ttl=HOUR, owner=owner)
    assert store.load(key).owner == owner


def test_session_that_began_elsewhere_keeps_its_age(store, key):
    other = new_key()
    before = time.time()
    store.create(key, {}, ttl=HOUR, created=1000.5)
    record = store.load(key)
    assert record.created == 1000.5
    assert before <= record.last_seen <= time.time()
    commit(store, key, a=(None, "1"))
    rotate(store, key, other, expected_version=2)
    assert store.load(other).created == 1000.5


def test_create_leaves_a_session_of_the_same_key_alone(store, key):
    store.create(key, {"a": "1"}, ttl=HOUR)
    assert store.create(key, {"a": "2"}, ttl=HOUR) is False
    assert store.load(key).values == {"a": "1"}


def test_one_of_many_creates_wins(store, key):
    done = together(
        *(lambda n=n: store.create(key, {"n": str(n)}, ttl=HOUR) for n in range(THREADS))
    )
    assert sorted(done) == [False] * (THREADS - 1) + [True]
    assert store.load(key).values == {"n": str(done.index(True))}


def test_load_writes_nothing(store, key):
    store.create(key, {"a": "1"}, ttl=HOUR)
    first = store.load(key)
    assert store.load(key) == first


# expiry


def test_session_is_not_there_when_its_ttl_has_passed(store, key):
    store.create(key, {"a": "1"}, ttl=0.2, owner=Owner("42"))
    wait_until(lambda: store.load(key) is None, "the session expires")
    assert keys(store.iterate()) == keys(store.iterate("42")) == []
    with pytest.raises(SessionGone):
        commit(store, key, a=("1", "2"))
    with pytest.raises(SessionGone):
        rotate(store, key, new_key())
    store.touch(key, ttl=HOUR)
    assert store.load(key) is None
    assert store.create(key, {"b": "2"}, ttl=HOUR) is True
    assert store.load(key).values == {"b": "2"}
    assert store.load(key).owner is None


def change_each_way(store: SessionStore, ttl: float, created_with: float) -> list[str]:
    """Commit, touch and rotate one session each, all of user 42; return their keys."""
    committed, touched, rotated, successor = (new_key() for _ in range(4))
    for key in (committed, touched, rotated):
        store.create(key, {}, ttl=created_with, owner=Owner("42"))
    store.commit(committed, {}, expected_version=1, ttl=ttl)
    store.touch(touched, ttl=ttl)
    rotate(store, rotated, successor, ttl=ttl, grace=ttl)
    return sorted([committed, touched, successor])


def test_session_ends_its_ttl_after_the_last_change(store):
    for key in change_each_way(store, 0.2, created_with=HOUR):
        wait_until(lambda key=key: store.load(key) is None, "the session expires")


def test_session_lives_its_ttl_after_the_last_change(store, key):
    changed = change_each_way(store, HOUR, created_with=2)
    store.create(key, {}, ttl=2)
    wait_until(lambda: store.load(key) is None, "a session of two seconds expires")
    assert [store.load(each) is not None for each in changed] == [True] * 3
    assert keys(store.iterate("42")) == changed


def test_purge_removes_what_has_expired_and_nothing_else(store, key):
    for _ in range(3):
        store.create(new_key(), {}, ttl=0.001)
    store.create(key, {}, ttl=HOUR)
    wait_until(lambda: keys(store.iterate()) == [key], "the others expire")
    assert store.purge() in (3, 0)  # 0 where the server does it by itself
    assert store.purge() == 0
    assert store.load(key) is not None


# commit


def test_commit_sets_and_deletes_values(store, key):
    store.create(key, {"a": "1", "b": "2", "c": "3"}, ttl=HOUR)
    assert commit(store, key, a=("1", "10"), b=("2", None), d=(None, "4")) is None
    assert store.load(key).values == {"a": "10", "c": "3", "d": "4"}


def test_commit_makes_another_version_and_is_seen(store, key):
    store.create(key, {"a": "1"}, ttl=HOUR)
    first = store.load(key)
    commit(store, key, a=("1", "2"))
    second = store.load(key)
    assert second.version != first.version
    assert second.created == first.created < second.last_seen <= time.time()


def test_commit_keeps_the_owner_unless_it_has_another(store, key):
    store.create(key, {}, ttl=HOUR, owner=Owner("1", "address", "agent"))
    commit(store, key)
    assert store.load(key).owner == Owner("1", "address", "agent")
    store.commit(key, {}, expected_version=2, ttl=HOUR, owner=Owner("2"))
    assert store.load(key).owner == Owner("2")
    assert keys(store.iterate("1")) == []
    assert keys(store.iterate("2")) == [key]


def test_commit_as_expected_is_made_whatever_its_base(store, key):
    store.create(key, {"a": "1"}, ttl=HOUR)
    assert commit(store, key, a=("7", "2", "raise")) is None
    assert store.load(key).values == {"a": "2"}


@pytest.mark.parametrize(
    ("theirs", "mine", "policy", "result"),
    [
        # What the other request left alone is changed.
        (("1", "1"), ("1", "3"), "raise", "3"),
        (("1", "1"), ("1", None), "raise", None),
        # What it did not, by the policy.
        (("1", "2"), ("1", "2"), "mine", "2"),
        (("1", "2"), ("1", "3"), "mine", "3"),
        (("1", "2"), ("1", None), "mine", None),
        (("1", None), ("1", "3"), "mine", "3"),
        (("1", "2"), ("1", "3"), "theirs", "2"),
        (("1", "2"), ("1", None), "theirs", "2"),
        (("1", None), ("1", "3"), "theirs", None),
        (("1", "2"), (None, "3"), "theirs", "2"),
    ],
)
def test_commit_after_another_goes_by_its_policy(store, key, theirs, mine, policy, result):
    store.create(key, {"a": "1", "b": "1"}, ttl=HOUR)
    commit(store, key, a=theirs)
    assert commit(store, key, a=(*mine, policy), b=("1", "2")) is None
    values = {"b": "2"} if result is None else {"a": result, "b": "2"}
    assert store.load(key).values == values


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [("2", "3"), ("2", None), (None, "3"), ("2", "2"), (None, None)],
)
def test_commit_that_may_not_overwrite_writes_nothing(store, key, theirs, mine):
    store.create(key, {"a": "1", "b": "1"}, ttl=HOUR)
    commit(store, key, a=("1", theirs))
    before = store.load(key)
    changes = {"b": Change("1", "2"), "a": Change("1", mine, "raise"), "c": Change(None, "2")}
    now = store.commit(key, changes, expected_version=1, ttl=HOUR, owner=Owner("42"))
    assert now == before == store.load(key)
    assert keys(store.iterate("42")) == []


def test_commit_makes_no_session(store, key):
    with pytest.raises(SessionGone):
        commit(store, key, a=(None, "1"))
    assert store.load(key) is None


def test_commit_does_not_bring_a_deleted_session_back(store, key):
    store.create(key, {"a": "1"}, ttl=HOUR)
    store.delete(key)
    with pytest.raises(SessionGone):
        store.commit(key, {}, expected_version=1, ttl=HOUR, owner=Owner("42"))
    assert store.load(key) is None
    assert keys(store.iterate("42")) == []


# rotate


def test_rotated_session_goes_on_under_the_new_key(store, key):
    other = new_key()
    store.create(key, {"a": "1", "b": "1"}, ttl=HOUR, owner=Owner("42", "address", "agent"))
    old = store.load(key)
    assert rotate(store, key, other, changes={"a": Change("1", "2")}) is None
    new = store.load(other)
    assert new.values == {"a": "2", "b": "1"}
    assert new.created == old.created
    assert (new.owner, new.successor) == (old.owner, None)


def test_old_session_keeps_its_values_and_names_its_successor(store, key):
    other = new_key()
    store.create(key, {"a": "1"}, ttl=HOUR, owner=Owner("42"))
    rotate(store, key, other, changes={"a": Change("1", "2")}, owner=Owner("43"))
    old = store.load(key)
    assert (old.values, old.owner, old.successor) == ({"a": "1"}, Owner("42"), other)
    assert keys(store.iterate()) == keys(store.iterate("43")) == [other]
    assert keys(store.iterate("42")) == []


def test_old_session_ends_after_the_grace(store, key):
    other = new_key()
    store.create(key, {}, ttl=HOUR)
    rotate(store, key, other, grace=0.2)
    wait_until(lambda: store.load(key) is None, "the old session ends")
    assert store.load(other) is not None


def test_old_session_takes_no_commit_no_touch_and_no_rotation(store, key):
    other = new_key()
    store.create(key, {"a": "1"}, ttl=HOUR)
    rotate(store, key, other, grace=2)
    old = store.load(key)
    assert commit(store, key, a=("1", "2")) == old
    assert rotate(store, key, new_key()) == old
    store.touch(key, ttl=HOUR)
    assert store.load(key) == old
    assert keys(store.iterate()) == [other]
    wait_until(lambda: store.load(key) is None, "the old session ends all the same")


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (None, None, True),
        (Owner("1"), None, True),
        (Owner("1"), Owner("1", "elsewhere"), True),
        (Owner("1"), Owner("2"), False),
        (None, Owner("1"), False),
    ],
)
def test_session_of_another_user_is_created_when_it_is_rotated(store, key, before, after, kept):
    other = new_key()
    store.create(key, {}, ttl=HOUR, owner=before)
    rotate(store, key, other, owner=after)
    new = store.load(other)
    assert new.owner == (after or before)
    assert (new.created == store.load(key).created) is kept


def test_rotation_merges_as_a_commit_does(store, key):
    other = new_key()
    store.create(key, {"a": "1", "b": "1"}, ttl=HOUR)
    commit(store, key, b=("1", "2"))
    assert rotate(store, key, other, changes={"a": Change("1", "3", "raise")}) is None
    assert store.load(other).values == {"a": "3", "b": "2"}


def test_rotation_that_may_not_overwrite_writes_nothing(store, key):
    other = new_key()
    store.create(key, {"a": "1"}, ttl=HOUR)
    commit(store, key, a=("1", "2"))
    before = store.load(key)
    assert rotate(store, key, other, changes={"a": Change("1", "3", "raise")}) == before
    assert (store.load(key), store.load(other)) == (before, None)


def test_rotation_of_no_session_makes_none(store, key):
    other = new_key()
    with pytest.raises(SessionGone):
        rotate(store, key, other, owner=Owner("42"))
    assert store.load(other) is None
    assert keys(store.iterate()) == keys(store.iterate("42")) == []


# touch and delete


def test_touch_notes_the_time_and_nothing_else(store, key):
    store.create(key, {"a": "1"}, ttl=HOUR, owner=Owner("42"))
    before = store.load(key)
    store.touch(key, ttl=HOUR)
    after = store.load(key)
    assert after.last_seen > before.last_seen
    assert after._replace(last_seen=before.last_seen) == before


def test_touch_makes_no_session(store, key):
    store.touch(key, ttl=HOUR)
    assert store.load(key) is None


def test_delete_ends_a_session_and_its_successors(store, key):
    second, third, stranger = new_key(), new_key(), new_key()
    for each in (key, stranger):
        store.create(each, {}, ttl=HOUR, owner=Owner("42"))
    rotate(store, key, second)
    rotate(store, second, third)
    store.delete(key)
    assert [store.load(each) for each in (key, second, third)] == [None] * 3
    assert keys(store.iterate("42")) == [stranger]


def test_delete_of_no_session_does_nothing(store, key):
    assert store.delete(key) is True
    assert store.delete(key, expected_version=1) is True
    assert store.load(key) is None


def test_delete_of_one_version_leaves_any_other_alone(store, key):
    other = new_key()
    store.create(key, {"a": "1"}, ttl=HOUR)
    first = store.load(key)
    commit(store, key, a=("1", "2"))
    assert store.delete(key, expected_version=first.version) is False
    second = store.load(key)
    assert second.values == {"a": "2"}
    rotate(store, key, other)
    assert store.delete(key, expected_version=second.version) is False
    new = store.load(other)
    assert store.delete(other, expected_version=new.version) is True
    assert store.load(other) is None
    assert store.delete(key) is True


def test_delete_of_one_version_takes_its_time_into_account(store, key):
    store.create(key, {}, ttl=0.2)
    wait_until(lambda: store.load(key) is None, "the session expires")
    assert store.delete(key, expected_version=7) is True


@pytest.mark.parametrize("_", range(10))
def test_delete_of_one_version_beside_a_commit_is_made_or_refused(store, key, _):
    store.create(key, {}, ttl=HOUR, owner=Owner("42"))
    version = store.load(key).version
    deleted, committed = together(
        lambda: store.delete(key, expected_version=version),
        lambda: commit(store, key, a=(None, "1")),
    )
    if deleted:
        assert isinstance(committed, SessionGone)
        assert store.load(key) is None
    else:
        assert committed is None
        assert store.load(key).values == {"a": "1"}
    assert keys(store.iterate("42")) == ([] if deleted else [key])


# by user


def test_sessions_are_listed_by_user(store):
    mine, theirs, nobodys = (sorted(new_key() for _ in range(3)) for _ in range(3))
    for each in mine:
        store.create(each, {"a": "1"}, ttl=HOUR, owner=Owner("1", "address", "agent"))
    for each in theirs:
        store.create(each, {}, ttl=HOUR, owner=Owner("2"))
    for each in nobodys:
        store.create(each, {}, ttl=HOUR)
    store.delete(theirs.pop())
    assert keys(store.iterate("1")) == mine
    assert keys(store.iterate("2")) == theirs
    assert keys(store.iterate("3")) == []
    assert keys(store.iterate()) == sorted([*mine, *theirs, *nobodys])
    listed = {record.key: record for record in store.iterate("1")}
    assert listed[mine[0]] == store.load(mine[0])


def test_more_sessions_than_are_read_at_once_are_all_listed(store):
    created = sorted(new_key() for _ in range(1100))
    for each in created:
        store.create(each, {}, ttl=HOUR, owner=Owner("42"))
    assert keys(store.iterate()) == keys(store.iterate("42")) == created


def test_revoke_ends_a_session_of_the_user_and_no_other(store, key):
    stranger = new_key()
    store.create(key, {}, ttl=HOUR, owner=Owner("1"))
    store.create(stranger, {}, ttl=HOUR, owner=Owner("2"))
    assert store.revoke("1", stranger) is False
    assert store.revoke("1", key) is True
    assert keys(store.iterate()) == [stranger]


def test_revoke_all_ends_the_sessions_of_the_user_but_the_kept_one(store, key):
    stranger = new_key()
    for each in (key, new_key(), new_key()):
        store.create(each, {}, ttl=HOUR, owner=Owner("1"))
    store.create(stranger, {}, ttl=HOUR, owner=Owner("2"))
    assert store.revoke_all("1", keep=key) == 2
    assert keys(store.iterate()) == sorted([key, stranger])


def test_user_is_named_by_a_text_or_a_number(store, key):
    store.create(key, {}, ttl=HOUR, owner=Owner("0"))
    store.create(new_key(), {}, ttl=HOUR, owner=Owner("0"))
    assert len(list(store.iterate(0))) == len(list(store.iterate("0"))) == 2
    assert store.revoke(1, key) is False
    assert store.revoke(0, key) is True
    assert store.revoke_all(0) == 1


@pytest.mark.parametrize("nobody", [None, ""])
def test_sessions_of_nobody_are_not_revoked(store, key, nobody):
    store.create(key, {}, ttl=HOUR)
    for revoke in (lambda: store.revoke(nobody, key), lambda: store.revoke_all(nobody)):
        with pytest.raises(ValueError, match="No user is named"):
            revoke()
    assert store.load(key) is not None


def test_revoke_by_the_former_key_ends_the_session(store, key):
    other = new_key()
    store.create(key, {}, ttl=HOUR, owner=Owner("1"))
    rotate(store, key, other)
    assert store.revoke("1", key) is True
    assert (store.load(key), store.load(other)) == (None, None)
    assert store.revoke("1", key) is False


def test_revoke_by_the_former_key_leaves_the_session_of_the_next_user_alone(store, key):
    other = new_key()
    store.create(key, {}, ttl=HOUR, owner=Owner("1"))
    rotate(store, key, other, owner=Owner("2"))
    assert store.revoke("1", key) is False
    assert store.load(other) is not None


def test_revoke_all_keeps_a_session_by_its_former_keys(store, key):
    second, third = new_key(), new_key()
    store.create(key, {}, ttl=HOUR, owner=Owner("1"))
    store.create(new_key(), {}, ttl=HOUR, owner=Owner("1"))
    rotate(store, key, second)
    rotate(store, second, third, expected_version=2)
    assert store.revoke_all("1", keep=key) == 1
    assert keys(store.iterate("1")) == [third]


def test_revoke_all_ends_what_comes_while_it_ends_others(store, key, monkeypatch):
    late, delete = new_key(), store.delete
    store.create(key, {}, ttl=HOUR, owner=Owner("1"))

    def delete_while_one_comes(deleted: str) -> bool:
        if deleted == key:
            store.create(late, {}, ttl=HOUR, owner=Owner("1"))
        return delete(deleted)

    monkeypatch.setattr(store, "delete", delete_while_one_comes)
    assert store.revoke_all("1") == 2
    assert keys(store.iterate()) == []


# locks


def test_lock_is_of_one_token_until_it_is_given_back(store, key):
    assert store.lock(key, "mine", ttl=HOUR) is True
    assert store.lock(key, "theirs", ttl=HOUR) is False
    store.unlock(key, "theirs")
    assert store.lock(key, "theirs", ttl=HOUR) is False
    store.unlock(key, "mine")
    assert store.lock(key, "theirs", ttl=HOUR) is True


def test_locks_of_different_keys_are_apart(store, key):
    assert store.lock(key, "mine", ttl=HOUR)
    assert store.lock(new_key(), "theirs", ttl=HOUR)


def test_holder_can_take_its_lock_again_for_longer(store, key):
    other = new_key()
    assert store.lock(key, "mine", ttl=0.2)
    assert store.lock(key, "mine", ttl=HOUR)
    assert store.lock(other, "mine", ttl=0.2)
    wait_until(lambda: store.lock(other, "theirs", ttl=HOUR), "the short lock ends")
    assert store.lock(key, "theirs", ttl=HOUR) is False


def test_lock_ends_with_its_ttl(store, key):
    assert store.lock(key, "mine", ttl=0.2)
    wait_until(lambda: store.lock(key, "theirs", ttl=HOUR), "the lock ends")
    store.unlock(key, "mine")
    assert store.lock(key, "mine", ttl=HOUR) is False


def test_one_of_many_takes_the_lock(store, key):
    taken = together(*(lambda n=n: store.lock(key, str(n), ttl=HOUR) for n in range(THREADS)))
    assert sorted(taken) == [False] * (THREADS - 1) + [True]


def test_purge_leaves_a_lock_that_is_held(store, key):
    store.lock(key, "mine", ttl=HOUR)
    store.purge()
    assert store.lock(key, "theirs", ttl=HOUR) is False


# races


def test_writes_of_different_values_at_the_same_time_are_all_kept(store, key):
    names = [f"n{number}" for number in range(THREADS)]
    store.create(key, dict.fromkeys(names, "0"), ttl=HOUR)

    def count_to_ten(name: str) -> None:
        for number in range(10):
            seen = store.load(key)
            change = Change(seen.values[name], str(number + 1), "raise")
            assert (
                store.commit(key, {name: change}, expected_version=seen.version, ttl=HOUR) is None
            )

    results = together(*(lambda name=name: count_to_ten(name) for name in names))
    assert results == [None] * THREADS
    assert store.load(key).values == dict.fromkeys(names, "10")


def test_writes_of_one_value_at_the_same_time_are_kept_or_refused(store, key):
    store.create(key, {"n": "0"}, ttl=HOUR)

    def count() -> bool:
        seen = store.load(key)
        change = {"n": Change(seen.values["n"], str(int(seen.values["n"]) + 1), "raise")}
        return store.commit(key, change, expected_version=seen.version, ttl=HOUR) is None

    results = together(*[lambda: sum(count() for _ in range(5))] * THREADS)
    assert store.load(key).values["n"] == str(sum(results))
    assert 0 < sum(results) <= 5 * THREADS


def test_delete_beats_every_commit(store, key):
    store.create(key, {"a": "0"}, ttl=HOUR, owner=Owner("42"))

    def write() -> None:
        for number in range(10):
            store.commit(
                key,
                {"a": Change("0", str(number))},
                expected_version=0,
                ttl=HOUR,
                owner=Owner("42"),
            )

    deleted, *written = together(lambda: store.delete(key), *[write] * 8)
    assert deleted is True
    assert {type(result) for result in written} <= {type(None), SessionGone}
    assert store.load(key) is None
    assert keys(store.iterate()) == keys(store.iterate("42")) == []


@pytest.mark.parametrize("_", range(10))
def test_delete_beats_a_rotation(store, key, _):
    other = new_key()
    store.create(key, {}, ttl=HOUR, owner=Owner("42"))
    deleted, rotated = together(lambda: store.delete(key), lambda: rotate(store, key, other))
    assert deleted is True
    assert rotated is None or isinstance(rotated, SessionGone)
    assert (store.load(key), store.load(other)) == (None, None)
    assert keys(store.iterate()) == keys(store.iterate("42")) == []


@pytest.mark.parametrize("_", range(10))
def test_write_beside_a_rotation_is_in_the_new_session_or_refused(store, key, _):
    other = new_key()
    names = [f"n{number}" for number in range(8)]
    store.create(key, {}, ttl=HOUR)
    write = [lambda name=name: commit(store, key, **{name: (None, "1")}) for name in names]
    rotated, *written = together(lambda: rotate(store, key, other), *write)
    assert rotated is None
    kept = {name: "1" for name, refused in zip(names, written, strict=True) if refused is None}
    refused = [record for record in written if record is not None]
    assert store.load(other).values == kept
    assert [record.successor for record in refused] == [other] * len(refused)


def test_one_of_many_rotations_is_made(store, key):
    store.create(key, {"a": "1"}, ttl=HOUR, owner=Owner("42"))
    new = [new_key() for _ in range(8)]
    results = together(*(lambda other=other: rotate(store, key, other) for other in new))
    assert results.count(None) == 1
    successor = new[results.index(None)]
    assert {record.successor for record in results if record is not None} == {successor}
    assert keys(store.iterate()) == keys(store.iterate("42")) == [successor]


# odd values

ODD = [
    "",
    "\0",
    "a\0b",
    "\udcff",
    "\ud83d\ude00",
    "\N{GRINNING FACE}",
    "é\\x00'\"%s:{}*[",
    "\x1f\x7f",
    "key",
    "version",
    "successor",
    "user_id",
    "=user_id",
    "x" * 1000,
]


def test_any_text_is_the_name_of_a_value(store, key):
    values = {name: json.dumps(f"value of {name}") for name in ODD}
    values.pop("\ud83d\ude00")  # the same name as the face, as JSON has it
    store.create(key, values, ttl=HOUR)
    assert store.load(key).values == values
    changes = {name: Change(text, '"changed"', "raise") for name, text in values.items()}
    assert store.commit(key, changes, expected_version=0, ttl=HOUR) is None
    assert store.load(key).values == dict.fromkeys(values, '"changed"')
    assert store.load(key).successor is None
    changes = {name: Change('"changed"', None, "raise") for name in values}
    assert store.commit(key, changes, expected_version=0, ttl=HOUR) is None
    assert store.load(key).values == {}


@pytest.mark.parametrize("text", ODD)
def test_any_text_is_a_user_an_address_and_a_user_agent(store, key, text):
    other = new_key()
    store.create(key, {}, ttl=HOUR, owner=Owner(text, text, text))
    store.create(other, {}, ttl=HOUR, owner=Owner("another", text, text))
    assert [record.owner for record in store.iterate(text)] == [Owner(text, text, text)]
    store.commit(key, {}, expected_version=1, ttl=HOUR, owner=Owner(text, "", text))
    store.touch(key, ttl=HOUR)
    assert [record.owner for record in store.iterate(text)] == [Owner(text, "", text)]
    store.delete(key) if text == "" else store.revoke_all(text)
    assert keys(store.iterate()) == [other]


def test_users_that_differ_only_in_escapes_are_apart(store):
    for user_id in ODD:
        store.create(new_key(), {}, ttl=HOUR, owner=Owner(user_id))
    assert [len(list(store.iterate(user_id))) for user_id in ODD] == [1] * len(ODD)


def test_large_value_is_kept(store, key):
    text = json.dumps("x" * 1_000_000)
    store.create(key, {"a": text}, ttl=HOUR)
    assert store.load(key).values == {"a": text}
    assert commit(store, key, version=0, a=(text, text[:-1] + 'y"', "raise")) is None
    assert store.load(key).values == {"a": text[:-1] + 'y"'}


def test_many_values_are_kept(store, key):
    values = {f"name {number}": str(number) for number in range(10_000)}
    store.create(key, values, ttl=HOUR)
    changes = {name: Change(text, None, "raise") for name, text in values.items()}
    changes |= {f"new {number}": Change(None, "1") for number in range(1000)}
    assert store.load(key).values == values
    assert store.commit(key, changes, expected_version=0, ttl=HOUR) is None
    assert store.load(key).values == {f"new {number}": "1" for number in range(1000)}
