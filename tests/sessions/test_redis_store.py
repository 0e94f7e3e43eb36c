"""What is particular to sessions in Redis or Valkey."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from typing import Any

import pytest
import redis
from real_servers import Valkey, silent_port, wait_until

from wsgikit.errors import ConfigurationError, SessionConflict, SessionRefused, SessionUnavailable
from wsgikit.sessions import Change, Owner, Record, RedisStore, SessionGone
from wsgikit.sessions.store import key_of, new_id

HOUR = 3600.0


@pytest.fixture
def key() -> str:
    return key_of(new_id())


@pytest.fixture
def store(valkey: Valkey, prefix: str) -> Iterator[RedisStore]:
    with closing(RedisStore(valkey.url, prefix=prefix)) as store:
        yield store


@pytest.fixture
def client(valkey: Valkey) -> Iterator[redis.Redis]:
    with valkey.client() as client:
        yield client


def names(client: redis.Redis, prefix: str) -> set[str]:
    return {name.decode().removeprefix(prefix) for name in client.scan_iter(prefix + "*")}


def commit(store: RedisStore, key: str, value: str = "1") -> None:
    store.commit(key, {"a": Change(None, value)}, expected_version=0, ttl=HOUR)


# what the server holds


def test_server_holds_the_key_and_no_id(store, client, prefix):
    session_id = new_id()
    store.create(key_of(session_id), {"a": "1"}, ttl=HOUR, owner=Owner("42"))
    store.lock(key_of(session_id), "token", ttl=HOUR)
    kept = names(client, prefix)
    assert kept == {f"session:{key_of(session_id)}", f"lock:{key_of(session_id)}", "user:42"}
    dump = str([client.dump(prefix + name) for name in kept]) + str(kept)
    assert session_id not in dump


def test_everything_ends_by_itself(store, client, prefix, key):
    other = key_of(new_id())
    store.create(key, {}, ttl=HOUR, owner=Owner("42"))
    store.rotate(key, other, {}, expected_version=1, ttl=HOUR, grace=HOUR, owner=Owner("43"))
    store.touch(other, ttl=HOUR)
    store.lock(key, "token", ttl=HOUR)
    assert [name for name in names(client, prefix) if client.pttl(prefix + name) < 0] == []


def test_list_of_a_user_outlives_their_sessions(store, client, prefix, key):
    store.create(key, {}, ttl=1, owner=Owner("42"))
    store.create(key_of(new_id()), {}, ttl=0.1, owner=Owner("42"))
    for change in (
        lambda: store.touch(key, ttl=10),
        lambda: store.commit(key, {}, expected_version=1, ttl=100),
        lambda: store.rotate(key, key_of(new_id()), {}, expected_version=0, ttl=HOUR, grace=HOUR),
    ):
        change()
        lives = [client.pttl(prefix + name) for name in names(client, prefix) if "session" in name]
        assert client.pttl(prefix + "user:42") > max(lives)


def test_list_of_a_user_outlives_the_longest_of_their_sessions(store, client, prefix, key):
    store.create(key, {}, ttl=HOUR, owner=Owner("42"))
    store.create(key_of(new_id()), {}, ttl=1, owner=Owner("42"))
    assert client.pttl(prefix + "user:42") > client.pttl(f"{prefix}session:{key}")


def log_in_and_out(store: RedisStore, key: str) -> None:
    """All that a session of a user may go through, each time to live longer."""
    second, third = key_of(new_id()), key_of(new_id())
    store.create(key, {}, ttl=1, owner=Owner("42"))
    store.touch(key, ttl=100)
    store.commit(key, {}, expected_version=1, ttl=1000)
    store.commit(key, {}, expected_version=2, ttl=10_000, owner=Owner("43"))
    store.rotate(key, second, {}, expected_version=3, ttl=100_000, grace=HOUR)
    store.rotate(
        second, third, {}, expected_version=4, ttl=1_000_000, grace=1_000_000, owner=Owner("44")
    )
    store.commit(third, {}, expected_version=5, ttl=HOUR)
    store.delete(key)


def test_list_of_a_user_is_never_without_a_session_that_lives(store, client, prefix, key):
    """Wherever the process dies: what is so before each step is so after the one before it."""
    seen = []

    def look() -> None:
        for session in client.scan_iter(f"{prefix}session:*"):
            user, successor = client.hmget(session, "user_id", "successor")
            lives = client.pttl(session)
            if user is None or successor is not None:
                continue
            seen.append(user)
            until = client.zscore(f"{prefix}user:{user.decode()}", session.decode()[-64:])
            seconds, microseconds = client.time()
            assert until is not None
            assert until > seconds * 1000 + microseconds / 1000 + lives
            assert client.pttl(f"{prefix}user:{user.decode()}") > lives
        for user in ("42", "43", "44"):
            list(store.iterate(user))  # changes nothing

    before_each_step(store, look)
    log_in_and_out(store, key)
    assert set(seen) == {b"42", b"43", b"44"}
    assert list(store.iterate()) == []


def before_each_step(store: RedisStore, look: Callable[[], None]) -> None:
    scripts = store._server.scripts
    for name, script in list(vars(scripts).items()):

        def step(*args: Any, script: Any = script) -> Any:
            look()
            return script(*args)

        setattr(scripts, name, step)


def test_login_is_listed_when_its_process_has_stood_still(store, client, prefix, key):
    create = store._server.scripts.create

    def create_late(*args: Any) -> Any:
        client.delete(prefix + "user:42")  # as its time has passed meanwhile
        return create(*args)

    store._server.scripts.create = create_late
    store.create(key, {}, ttl=HOUR, owner=Owner("42"))
    assert [record.key for record in store.iterate("42")] == [key]


def test_session_that_gets_another_user_is_extended_by_who_gave_it_one(store, client, prefix, key):
    store.create(key, {}, ttl=100, owner=Owner("42"))
    extend = store._server.scripts.extend

    def extend_later(*args: Any) -> None:
        store._server.scripts.extend = extend
        store.commit(key, {}, expected_version=1, ttl=100, owner=Owner("43"))
        extend(*args)

    store._server.scripts.extend = extend_later
    store.touch(key, ttl=HOUR)
    assert client.ttl(f"{prefix}session:{key}") <= 100


def test_session_is_extended_no_more_when_it_has_a_successor(store, client, prefix, key):
    store.create(key, {}, ttl=100, owner=Owner("42"))
    extend = store._server.scripts.extend

    def extend_later(*args: Any) -> None:
        store._server.scripts.extend = extend
        store.rotate(key, key_of(new_id()), {}, expected_version=1, ttl=HOUR, grace=10)
        extend(*args)

    store._server.scripts.extend = extend_later
    store.touch(key, ttl=HOUR)
    assert client.ttl(f"{prefix}session:{key}") <= 10


def test_commit_is_not_lost_when_the_session_was_about_to_end(store, client, prefix, key):
    lives = []
    store.create(key, {}, ttl=HOUR, owner=Owner("42"))
    client.pexpire(f"{prefix}session:{key}", 500)
    before_each_step(store, lambda: lives.append(client.pttl(f"{prefix}session:{key}")))
    commit(store, key)
    assert [life > 9000 for life in lives] == [False, True, True]


def test_list_of_a_user_is_pruned_by_time(store, client, prefix, key):
    gone = key_of(new_id())
    for each in (gone, key):
        store.create(each, {}, ttl=HOUR, owner=Owner("42"))
    client.delete(f"{prefix}session:{gone}")
    assert len(list(store.iterate("42"))) == 1
    assert client.zcard(prefix + "user:42") == 2
    client.zadd(prefix + "user:42", {gone: client.time()[0] * 1000})
    store.touch(key, ttl=HOUR)
    assert client.zrange(prefix + "user:42", 0, -1) == [key.encode()]


def test_shorter_life_takes_nothing_off_the_list(store, client, prefix, key):
    store.create(key, {}, ttl=HOUR, owner=Owner("42"))
    until = client.zscore(prefix + "user:42", key)
    lives = client.pttl(prefix + "user:42")
    store.touch(key, ttl=1)
    assert client.zscore(prefix + "user:42", key) == until
    assert client.pttl(prefix + "user:42") > lives - 60_000


# lists that are read while a session gets a new key


def rotate(store: RedisStore, key: str, to: str, grace: float = HOUR) -> None:
    store.rotate(key, to, {}, expected_version=1, ttl=HOUR, grace=grace)


def before_the_load_of(store: RedisStore, key: str, happens: Callable[[], None]) -> None:
    load = store.load

    def load_after_that(wanted: str) -> Record | None:
        if wanted == key:
            store.load = load
            happens()
        return load(wanted)

    store.load = load_after_that


@pytest.mark.parametrize(("user_id", "grace"), [("42", HOUR), ("42", 0.001), (None, HOUR)])
def test_session_that_is_rotated_while_it_is_listed_is_listed(
    valkey, store, prefix, key, user_id, grace
):
    other = key_of(new_id())
    store.create(key, {}, ttl=HOUR, owner=Owner("42"))
    with closing(RedisStore(valkey.url, prefix=prefix)) as rotating:

        def happens() -> None:
            rotate(rotating, key, other, grace)
            if grace != HOUR:
                wait_until(lambda: rotating.load(key) is None, "the old one ends")

        before_the_load_of(store, key, happens)
        assert [record.key for record in store.iterate(user_id)] == [other]


def test_session_whose_new_key_was_looked_up_too_soon_is_listed(valkey, store, client, prefix, key):
    other = key_of(new_id())
    store.create(key, {}, ttl=HOUR, owner=Owner("42"))
    client.zadd(prefix + "user:42", {other: 2e15})  # as the first step of a rotation does
    keys_of = store._lists.keys_of
    store._lists.keys_of = lambda user: sorted(keys_of(user), key=lambda each: each == key)
    with closing(RedisStore(valkey.url, prefix=prefix)) as rotating:

        def happens() -> None:
            store._lists.keys_of = keys_of
            rotate(rotating, key, other, 0.001)
            wait_until(lambda: rotating.load(key) is None, "the old one ends")

        before_the_load_of(store, key, happens)
        assert [record.key for record in store.iterate("42")] == [other]


def test_session_that_is_rotated_meanwhile_does_not_escape_revoke_all(valkey, store, prefix, key):
    other = key_of(new_id())
    store.create(key, {}, ttl=HOUR, owner=Owner("42"))
    with closing(RedisStore(valkey.url, prefix=prefix)) as rotating:
        before_the_load_of(store, key, lambda: rotate(rotating, key, other))
        assert store.revoke_all("42") == 1
        assert rotating.load(other) is None


def test_list_of_a_user_forgets_the_sessions_that_are_gone(store, client, prefix, key):
    gone, rotated, given, other = (key_of(new_id()) for _ in range(4))
    for each in (key, gone, rotated, given):
        store.create(each, {}, ttl=HOUR, owner=Owner("42"))
    store.delete(gone)
    store.rotate(rotated, other, {}, expected_version=1, ttl=HOUR, grace=HOUR)
    store.commit(given, {}, expected_version=1, ttl=HOUR, owner=Owner("43"))
    assert {record.key for record in store.iterate("42")} == {key, other}
    # The one that was given to another may be given back at any time.
    listed = {each.decode() for each in client.zrange(prefix + "user:42", 0, -1)}
    assert listed == {key, other, given}


def test_list_that_was_lost_is_made_again_at_the_next_touch(store, client, prefix, key):
    store.create(key, {}, ttl=HOUR, owner=Owner("42"))
    client.delete(prefix + "user:42")
    store.touch(key, ttl=HOUR)
    assert [record.key for record in store.iterate("42")] == [key]


def test_prefix_is_no_pattern(valkey, prefix, key):
    with (
        closing(RedisStore(valkey.url, prefix=prefix + "a*[b]?\\")) as odd,
        closing(RedisStore(valkey.url, prefix=prefix + "abb")) as other,
    ):
        other.create(key_of(new_id()), {}, ttl=HOUR)
        odd.create(key, {}, ttl=HOUR)
        assert [record.key for record in odd.iterate()] == [key]


# clients


@pytest.mark.parametrize("decode", [False, True])
@pytest.mark.parametrize("protocol", [2, 3])
def test_client_of_the_user_is_used_and_left_open(valkey, prefix, key, decode, protocol):
    options = {"decode_responses": decode, "protocol": protocol}
    with redis.Redis.from_url(valkey.url, **options) as client:
        with closing(RedisStore(client, prefix=prefix)) as store:
            store.create(key, {"a": "1", "é\0\udcff": "2"}, ttl=HOUR, owner=Owner("é\0\udcff"))
            commit(store, key, "3")
            (record,) = store.iterate("é\0\udcff")
            assert record.values == {"a": "3", "é\0\udcff": "2"}
            (again,) = store.iterate()
            assert again == record
            change = {"a": Change("1", "2", "raise")}
            assert store.commit(key, change, expected_version=1, ttl=HOUR) == record
        in_use = [*client.connection_pool._available_connections]
        assert in_use
        assert all(connection.is_connected for connection in in_use)


@pytest.mark.parametrize("scheme", ["valkey", "redis"])
def test_url_of_a_server_connects(valkey, prefix, key, scheme):
    url = valkey.url.replace("redis", scheme)
    with closing(RedisStore(url, prefix=prefix)) as store:
        assert store.create(key, {}, ttl=HOUR)


def test_url_of_a_socket_connects(tmp_path, prefix, key):
    path = f"/tmp/wsgikit-{os.getpid()}.sock"
    with Valkey("--unixsocket", path), closing(RedisStore(f"unix://{path}")) as store:
        assert store.create(key, {}, ttl=HOUR)


@pytest.mark.parametrize("url", ["localhost:6379", "redis://host:port", "http://host"])
def test_text_that_is_no_url_is_refused(url):
    with pytest.raises(ConfigurationError, match="redis://host:6379/0"):
        RedisStore(url)


# outages


def test_restart_of_the_server_fails_no_call(prefix, key):
    with Valkey() as server, closing(RedisStore(server.url, prefix=prefix)) as store:
        store.create(key, {"a": "1"}, ttl=HOUR)
        server.kill()
        with pytest.raises(SessionUnavailable) as caught:
            store.load(key)
        assert type(caught.value) is SessionUnavailable
        assert isinstance(caught.value.__cause__, redis.ConnectionError)
        server.start()
        assert store.load(key).values == {"a": "1"}
        server.kill()
        server.start()  # which has forgotten the scripts as well
        commit(store, key, "2")
        assert store.load(key).values == {"a": "2"}


def test_server_that_never_answers_is_unavailable_in_time(key):
    with (
        silent_port() as port,
        closing(RedisStore(f"redis://127.0.0.1:{port}", timeout=1)) as store,
    ):
        started = time.monotonic()
        with pytest.raises(SessionUnavailable):
            store.load(key)
        # It neither gives up early nor tries again.
        assert 1 <= time.monotonic() - started < 2


def test_node_of_a_cluster_that_stops_answering_is_unavailable_in_time(cluster, prefix, key):
    with (
        closing(RedisStore(cluster[0].cluster_url, prefix=prefix, timeout=1)) as store,
        cluster[0].client() as client,
    ):
        store.create(key, {"a": "1"}, ttl=HOUR)
        slot = client.execute_command("CLUSTER KEYSLOT", f"{prefix}session:{key}")
        node = cluster[slot * 3 // 16384]
        node.freeze()
        started = time.monotonic()
        try:
            with pytest.raises(SessionUnavailable):
                store.load(key)
            # Once for the command, and once to ask whether another node has the key by now.
            assert time.monotonic() - started < 3
        finally:
            node.thaw()

        def is_back() -> bool:
            with suppress(SessionUnavailable):
                return store.load(key).values == {"a": "1"}
            return False

        wait_until(is_back, "the node is back")


def test_server_that_stops_answering_is_unavailable_until_it_goes_on(prefix, key):
    with (
        Valkey() as server,
        closing(RedisStore(server.url, prefix=prefix, timeout=0.2)) as store,
    ):
        store.create(key, {"a": "1"}, ttl=HOUR)
        server.freeze()
        with pytest.raises(SessionUnavailable):
            store.load(key)
        server.thaw()
        assert store.load(key).values == {"a": "1"}


@pytest.mark.parametrize("option", ["min-replicas-to-write", "maxmemory"])
def test_server_that_takes_no_writes_refuses_them_and_answers_reads(store, client, key, option):
    store.create(key, {"a": "1"}, ttl=HOUR)
    client.config_set(option, 1)
    try:
        with pytest.raises(SessionRefused) as caught:
            commit(store, key)
        assert isinstance(caught.value.__cause__, redis.ResponseError)
        assert store.load(key).values == {"a": "1"}
    finally:
        client.config_set(option, 0)


def test_user_who_may_not_write_is_refused(valkey, store, client, prefix, key):
    store.create(key, {"a": "1"}, ttl=HOUR)
    client.execute_command("ACL SETUSER reader on >secret ~* +@read +@connection")
    url = valkey.url.replace("//", "//reader:secret@")
    with closing(RedisStore(url, prefix=prefix)) as reader:
        assert reader.load(key).values == {"a": "1"}
        with pytest.raises(SessionRefused):
            reader.touch(key, ttl=HOUR)
    client.execute_command("ACL DELUSER reader")


def test_cluster_in_which_nobody_has_the_key_is_unavailable(cluster, cluster_url, prefix, key):
    with closing(RedisStore(cluster_url, prefix=prefix)) as store, ExitStack() as stack:
        store.create(key, {"a": "1"}, ttl=HOUR)
        first = cluster[0].client()
        slot = first.execute_command("CLUSTER KEYSLOT", f"{prefix}session:{key}")
        node = stack.enter_context(cluster[slot * 3 // 16384].client())
        first.close()
        node.execute_command("CLUSTER DELSLOTS", slot)
        try:
            with pytest.raises(SessionUnavailable) as caught:
                store.load(key)
            assert type(caught.value) is SessionUnavailable
            assert isinstance(caught.value.__cause__, redis.exceptions.ClusterDownError)
        finally:
            node.execute_command("CLUSTER ADDSLOTS", slot)
        wait_until(lambda: node.cluster("INFO")["cluster_state"] == "ok", "the cluster is whole")


def test_cluster_that_is_away_is_unavailable_when_the_store_is_used(key):
    with silent_port() as port:
        url = f"redis+cluster://127.0.0.1:{port}"
        with (
            pytest.raises(SessionUnavailable),
            closing(RedisStore(url, timeout=0.2)) as store,
        ):
            store.load(key)


# rotations that another request disturbs, at a moment that a test cannot choose from outside


class Died(Exception):
    """As if the process were killed here."""


class Disturbed(RedisStore):
    """Lets something happen between the writing of the new session and its counting."""

    def __init__(self, *args, disturb, **options):
        super().__init__(*args, **options)
        self._undisturbed = self._server.scripts.succeed
        self._server.scripts.succeed = self._disturbed
        self.disturb = disturb

    def _disturbed(self, keys, args):
        self.disturb(self, keys[0])
        return self._undisturbed(keys, args)


def test_rotation_that_is_disturbed_reads_again(valkey, store, prefix, key):
    other = key_of(new_id())
    counts = iter(range(3))

    def disturb(disturbed, _):
        for number in counts:
            commit(store, key, str(number))
            return

    with closing(Disturbed(valkey.url, prefix=prefix, disturb=disturb)) as disturbed:
        store.create(key, {"b": "1"}, ttl=HOUR)
        change = {"b": Change("1", "2", "raise")}
        options = {"expected_version": 1, "ttl": HOUR, "grace": HOUR}
        assert disturbed.rotate(key, other, change, **options) is None
    assert store.load(other).values == {"a": "2", "b": "2"}


def test_rotation_that_is_disturbed_all_the_time_is_a_conflict(valkey, store, prefix, key):
    other = key_of(new_id())
    tries = []

    def disturb(disturbed, _):
        tries.append(1)
        commit(store, key, str(len(tries)))

    with closing(Disturbed(valkey.url, prefix=prefix, disturb=disturb)) as disturbed:
        store.create(key, {}, ttl=HOUR, owner=Owner("42"))
        with pytest.raises(SessionConflict):
            disturbed.rotate(key, other, {}, expected_version=1, ttl=HOUR, grace=HOUR)
    assert len(tries) == 10
    assert store.load(other) is None
    assert [record.key for record in store.iterate("42")] == [key]


def test_rotation_of_a_session_that_is_deleted_meanwhile_leaves_none(valkey, store, prefix, key):
    other = key_of(new_id())
    with closing(
        Disturbed(valkey.url, prefix=prefix, disturb=lambda *_: store.delete(key))
    ) as disturbed:
        store.create(key, {}, ttl=HOUR)
        with pytest.raises(SessionGone):
            disturbed.rotate(key, other, {}, expected_version=1, ttl=HOUR, grace=HOUR)
    assert store.load(other) is None


def test_successor_of_a_process_that_died_is_gone_soon(valkey, client, prefix, key):
    other = key_of(new_id())

    def disturb(*_):
        raise Died

    with closing(Disturbed(valkey.url, prefix=prefix, disturb=disturb)) as disturbed:
        disturbed.create(key, {}, ttl=HOUR)
        with pytest.raises(Died):
            disturbed.rotate(key, other, {}, expected_version=1, ttl=HOUR, grace=HOUR)
        assert disturbed.load(key).successor is None
    assert 0 < client.ttl(f"{prefix}session:{other}") <= 60


# processes

FORK = """
import os, sys
from wsgikit.sessions import Change, RedisStore
url, prefix, key = sys.argv[1:]
store = RedisStore(url, prefix=prefix)
store.create(key, {}, ttl=3600)
for number in range(4):
    if not os.fork():
        for turn in range(50):
            store.commit(key, {f"{number}-{turn}": Change(None, "1")}, expected_version=0, ttl=3600)
        os._exit(0)
codes = [os.wait()[1] for _ in range(4)]
assert codes == [0] * 4, codes
assert len(store.load(key).values) == 200
store.close()
"""


@pytest.mark.parametrize("kind", ["valkey", "cluster"])
def test_connections_are_not_shared_with_a_forked_process(kind, request, prefix, key):
    url = (
        request.getfixturevalue("valkey").url
        if kind == "valkey"
        else request.getfixturevalue("cluster_url")
    )
    subprocess.run([sys.executable, "-W", "error", "-c", FORK, url, prefix, key], check=True)
