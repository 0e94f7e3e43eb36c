"""Threads, greenlets and tasks that a request starts, also those that outlive it."""

import asyncio
import contextvars
import gc
import io
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import gevent
import gevent.event
import pytest
from werkzeug.test import create_environ

from wsgikit import (
    App,
    copy_current_request_context,
    current_app,
    g,
    has_app_context,
    has_request_context,
    request,
    session,
)
from wsgikit.errors import SessionReadOnly
from wsgikit.middleware import ContextMiddleware, standard
from wsgikit.testing import TestApp as Client

ENDED = "(?i)working outside of (request|application) context"
variable: ContextVar[str] = ContextVar("variable", default="default")


@pytest.fixture
def app():
    return App("app", config={"SECRET_KEY": "k", "TESTING": True})


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as executor:
        yield executor


def serve(app, view, **options):
    """Serve one request with ``view`` to its end; return its body."""
    app.add_url_rule("/", "view", view, methods=["GET", "POST"])
    providers = {"db": lambda: "connection"}
    body = standard(app, g=providers)(create_environ(**options), lambda *args: None)
    try:
        return b"".join(body).decode()
    finally:
        body.close()


USES = {
    "request": lambda: request.path,
    "session": lambda: session.get("name"),
    "len(session)": lambda: len(session),
    "write": lambda: session.__setitem__("name", "late"),
    "g": lambda: g.name,
    "provider": lambda: g.db,
}


def outcome_of(use):
    try:
        return use()
    except Exception as error:
        return error


# copy_current_request_context


def test_session_is_read_where_it_is_now_and_cannot_be_written(app, pool):
    def view():
        session["name"] = "before"
        read = copy_current_request_context(lambda: session["name"])
        write = copy_current_request_context(lambda: session.update(name="x"))
        session["name"] = "now"
        assert pool.submit(read).result() == "now"
        with pytest.raises(SessionReadOnly, match="let the view change the session"):
            pool.submit(write).result()
        return session["name"]

    assert serve(app, view) == "now"


@pytest.mark.parametrize(
    "write",
    [
        lambda: session.pop("list"),
        lambda: session.clear(),
        lambda: session.setdefault("new", 1),
        lambda: session.__delitem__("list"),
        lambda: session.popitem(),
        lambda: setattr(session, "permanent", True),
        lambda: setattr(session, "modified", True),
    ],
)
def test_every_write_to_the_session_is_refused(app, pool, write):
    def view():
        session["list"] = [1]
        with pytest.raises(SessionReadOnly):
            pool.submit(copy_current_request_context(write)).result()
        return str(dict(session))

    assert serve(app, view) == "{'list': [1]}"


def test_nested_values_are_copies(app, pool):
    def view():
        session["list"] = [1]
        append = copy_current_request_context(lambda: session["list"].append(2))
        pool.submit(append).result()
        return str(session["list"])

    assert serve(app, view) == "[1]"


def test_threads_that_read_undo_no_write_of_the_view(app, pool):
    @app.get("/login")
    def login():
        session["user"] = "ada"
        return ""

    @app.get("/")
    def view():
        read = copy_current_request_context(lambda: session.get("user"))
        futures = [pool.submit(read) for _ in range(4)]
        session["cart"] = "book"
        return [*(future.result() for future in futures), session.pop("cart", "lost")]

    client = Client(standard(app))
    client.get("/login")
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(500):
            assert client.get("/").json == ["ada"] * 4 + ["book"]
    finally:
        sys.setswitchinterval(interval)


def test_session_that_was_handed_over_and_never_read_makes_no_response_vary(app, pool):
    def view():
        return pool.submit(copy_current_request_context(lambda: request.path)).result()

    app.add_url_rule("/", "view", view)
    assert "Vary" not in Client(standard(app)).get("/").headers


def test_session_tells_the_thread_what_it_is(app, pool):
    def look():
        return session.new, session.permanent, session.modified, "name" in session, [*session]

    def view():
        session["name"] = "x"
        return repr(pool.submit(copy_current_request_context(look)).result())

    assert serve(app, view) == repr((True, False, False, True, ["name"]))


def test_each_call_runs_in_the_variables_of_the_request_and_leaves_none(app, pool):
    def work(number):
        seen = variable.get()
        variable.set(f"set by {number}")
        return seen

    def view():
        variable.set("of the request")
        return ",".join(pool.map(copy_current_request_context(work), range(20)))

    assert set(serve(app, view).split(",")) == {"of the request"}
    assert set(pool.map(lambda _: variable.get(), range(20))) == {"default"}


def test_pool_threads_have_no_context_left(app, pool):
    def view():
        list(pool.map(copy_current_request_context(lambda _: request.path), range(20)))
        return ""

    serve(app, view)
    left = pool.map(lambda _: (has_app_context(), has_request_context()), range(20))
    assert set(left) == {(False, False)}


@pytest.mark.parametrize("use", ["session", "len(session)", "write"])
def test_late_thread_gets_a_clear_error_for_the_session(app, pool, use):
    def view():
        session["name"] = "x"
        late.append(copy_current_request_context(lambda: outcome_of(USES[use])))
        return ""

    late = []
    serve(app, view)
    error = pool.submit(late[0]).result()
    assert isinstance(error, (RuntimeError, SessionReadOnly))
    if use != "write":
        assert "the request of this session has ended" in str(error)


def test_late_thread_still_has_the_request_and_a_g_of_its_own(app, pool):
    def look():
        g.name = "own"
        return request.path, request.form["a"], g.name, g.db, current_app.name

    def view():
        assert request.form["a"] == "1"
        g.name = "of the request"
        late.append(copy_current_request_context(look))
        return ""

    late = []
    serve(app, view, method="POST", data={"a": "1"})
    assert pool.submit(late[0]).result() == ("/", "1", "own", "connection", "app")


@pytest.mark.parametrize("read", [lambda: request.get_data(), lambda: request.form["a"]])
def test_late_thread_cannot_read_a_body_that_nobody_has_read(app, pool, read):
    source = io.BytesIO(b"a=1")

    def view():
        late.append(copy_current_request_context(lambda: outcome_of(read)))
        return ""

    late = []
    serve(
        app,
        view,
        method="POST",
        input_stream=source,
        content_length=3,
        content_type="application/x-www-form-urlencoded",
    )
    error = pool.submit(late[0]).result()
    assert "was not read before the request ended" in str(error)
    assert source.tell() == 0


def test_handing_over_what_has_ended_is_refused(app):
    def view():
        late.append(request_contexts_top())
        return ""

    late = []
    serve(app, view)
    with pytest.raises(RuntimeError, match=ENDED):
        late[0].copy()


def request_contexts_top():
    from wsgikit.stacks import request_contexts

    return request_contexts.top


# What inherits the context without being handed it: greenlets, tasks, callbacks


def test_greenlet_inherits_the_request_and_loses_it_at_its_end(app):
    go_on = gevent.event.Event()

    def late():
        go_on.wait()
        return {name: outcome_of(use) for name, use in USES.items()}

    def view():
        session["name"], g.name = "x", "x"
        greenlets.append(gevent.spawn(copy_context_run(late)))
        return ""

    greenlets = []
    serve(app, view)
    go_on.set()
    gevent.joinall(greenlets, timeout=30, raise_error=True)
    check_all_refused(greenlets[0].value)


def copy_context_run(function):
    from contextvars import copy_context

    context = copy_context()
    return lambda: context.run(function)


def check_all_refused(outcomes):
    assert outcomes.keys() == USES.keys()
    for name, outcome in outcomes.items():
        assert isinstance(outcome, RuntimeError), (name, outcome)
        assert "has ended" in str(outcome), (name, outcome)


def test_asyncio_run_in_a_view_sees_the_request_and_leaves_the_view_s_g_alone(app):
    async def child(number):
        with app.app_context():
            g.name = number
            await asyncio.sleep(0)
            return g.name, request.path, session["name"]

    async def main():
        g.shared = "set by a task"
        return await asyncio.gather(*(child(number) for number in range(3)))

    def view():
        session["name"] = "x"
        results = asyncio.run(main())
        return repr((results, g.shared, "name" in g))

    expected = ([(n, "/", "x") for n in range(3)], "set by a task", False)
    assert serve(app, view) == repr(expected)


def test_task_that_outlives_the_request_gets_clear_errors(app):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def late():
        await asyncio.to_thread(go_on.wait, 30)
        return {name: outcome_of(use) for name, use in USES.items()}

    def view():
        session["name"], g.name = "x", "x"
        g.db  # noqa: B018 - opened by the look
        assert request.path == "/"
        tasks.append(asyncio.run_coroutine_threadsafe(late(), loop))
        return ""

    tasks, go_on = [], threading.Event()
    try:
        serve(app, view)
        go_on.set()
        check_all_refused(tasks[0].result(30))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_task_that_outlives_the_request_keeps_nothing_of_it(app):
    class Environ(dict):
        pass

    def view():
        from contextvars import copy_context

        session["name"] = "x"
        refs.append(weakref.ref(request._get_current_object()))
        contexts.append(copy_context())
        return ""

    refs, contexts = [], []
    app.add_url_rule("/", "view", view)
    environ = Environ(create_environ())
    refs.append(weakref.ref(environ))
    gc.disable()
    try:
        body = standard(app)(environ, lambda *args: None)
        del environ
        body.close()
        assert [ref() for ref in refs] == [None, None]
    finally:
        gc.enable()
    assert contexts[0].run(lambda: outcome_of(USES["request"])).args


# What has ended


def test_context_that_has_ended_cannot_be_pushed_again(app):
    for context in (app.app_context(), app.request_context(create_environ())):
        with context:
            assert not context.has_ended
        assert context.has_ended
        with pytest.raises(RuntimeError, match="cannot be pushed again"):
            context.push()
    assert not has_app_context()


@pytest.mark.parametrize("name", ["request", "session"])
def test_ended_context_gives_nothing_away(app, name):
    context = app.request_context(create_environ())
    with context:
        assert request.path
    with pytest.raises(RuntimeError, match="this request has ended"):
        getattr(context, name)


def test_ended_g_is_empty_and_says_so(app):
    context = app.app_context()
    with context:
        g.name = "x"
    for use in (lambda: context.g.name, lambda: context.g.get("name")):
        with pytest.raises(RuntimeError, match=r"this g belonged to has ended\.\n\nRead g\.name "):
            use()
    with pytest.raises(RuntimeError, match=r"\n\nRead g\.db before it ends"):
        _ = context.g.db
    assert "name" not in context.g


def test_g_is_empty_also_when_the_end_of_a_provider_raises(app):
    def connect():
        yield "connection"
        raise KeyError("in the end")

    app.providers.update(db=connect, untouched=list)
    context = app.app_context()
    with pytest.raises(KeyError), context:
        assert g.db == "connection"
    assert list(context.g) == []
    with pytest.raises(RuntimeError, match="has ended"):
        _ = context.g.untouched


def test_context_has_ended_also_when_its_teardown_raises(app):
    def end(outcome):
        raise KeyError("in the end")

    app.teardown_appcontext(end)
    context = app.app_context()
    with pytest.raises(KeyError), context:
        pass
    assert context.has_ended
    with pytest.raises(RuntimeError, match="cannot be pushed again"):
        context.push()


def test_provider_can_still_be_opened_while_others_end(app):
    def first():
        yield "first"
        log.append(g.second)

    def second():
        yield "second"
        log.append("second ended")

    log = []
    app.providers.update(first=first, second=second)
    with app.app_context():
        assert g.first == "first"
    assert log == ["second", "second ended"]


class Server:
    """Its start_response leads to the connection, as gunicorn's does."""

    def start_response(self, status, headers, exc_info=None):
        return lambda data: None


@pytest.mark.parametrize("is_told", [False, True])
def test_task_that_outlives_its_request_does_not_keep_the_server(app, is_told):
    tasks = []

    @app.get("/")
    def index():
        tasks.append(contextvars.copy_context())
        return "hello"

    if is_told:
        app.teardown_request(lambda outcome: None)
    server = Server()
    gone = weakref.ref(server)
    body = standard(app)(create_environ(), server.start_response)
    list(body)
    body.close()
    del body, server
    gc.collect()
    assert len(tasks) == 1
    assert gone() is None


def test_write_that_was_kept_is_refused_after_the_request(app):
    writes = []

    def bare(environ, start_response):
        writes.append(start_response("200 OK", [("Content-Type", "text/plain")]))
        return [b"hello"]

    chain = ContextMiddleware(bare, current_app=app)
    body = chain(create_environ(), Server().start_response)
    body.close()
    with pytest.raises(RuntimeError, match="after the request's end"):
        writes[0](b"late")


def test_url_for_in_a_task_that_outlives_its_request_asks_for_a_host(app):
    tasks = []

    @app.get("/there")
    def there():
        tasks.append(contextvars.copy_context())
        return "hello"

    Client(standard(app)).get("/there")
    with pytest.raises(RuntimeError, match="SERVER_NAME"):
        tasks[0].run(app.url_for, "there")
    app.config["SERVER_NAME"] = "example.org"
    assert tasks[0].run(app.url_for, "there") == "http://example.org/there"
