"""has_*_context, after_this_request and copy_current_request_context."""

import asyncio
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import partial

import gevent
import pytest
from werkzeug.test import create_environ

from wsgikit import (
    App,
    Response,
    after_this_request,
    copy_current_request_context,
    current_app,
    g,
    get_flashed_messages,
    has_app_context,
    has_request_context,
    request,
    session,
)
from wsgikit.current import current_request_context
from wsgikit.environ import CONTEXT
from wsgikit.errors import SessionReadOnly
from wsgikit.middleware import standard
from wsgikit.stacks import request_contexts


@pytest.fixture
def app():
    return App("app", config={"SECRET_KEY": "a key for tests"})


@pytest.fixture
def pool():
    with ThreadPoolExecutor(8) as executor:
        yield executor


def in_thread(function, *args):
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(function, *args).result()


def answer_of(view, app, **environ):
    """Serve one request with ``view`` and return its body."""
    app.add_url_rule("/", "view", view, methods=["GET", "POST"])
    body = standard(app)(create_environ(**environ), lambda *_: None)
    try:
        return b"".join(body).decode()
    finally:
        body.close()


# has_app_context, has_request_context, current_request_context


def test_no_context_at_first():
    assert not has_app_context()
    assert not has_request_context()


def test_app_context_is_no_request_context(app):
    with app.app_context():
        assert has_app_context()
        assert not has_request_context()
    assert not has_app_context()


def test_request_context_is_both(app):
    with app.request_context(create_environ()):
        assert has_app_context()
        assert has_request_context()
    assert not has_app_context()
    assert not has_request_context()


def test_current_request_context_is_the_top_one(app):
    with app.request_context(create_environ()) as context:
        assert current_request_context("a test") is context


@pytest.mark.parametrize("function", [after_this_request, copy_current_request_context])
def test_outside_a_request_the_error_names_the_caller_and_the_way_out(function):
    with pytest.raises(RuntimeError) as raised:
        function(lambda: None)
    assert str(raised.value) == (
        f"{function.__name__} works on the current request, and there is none: working outside of "
        "request context.\n\nCall it from a view or a hook; in a test, inside 'with "
        "app.test_request_context():'."
    )


def test_ended_request_is_no_context_for_what_outlives_it(app):
    def view():
        outliving.append(copy_context())  # as a task, a greenlet or a callback keeps it
        return "answer"

    outliving = []
    assert answer_of(view, app) == "answer"
    assert outliving[0].run(has_request_context) is False
    assert outliving[0].run(has_app_context) is False


def test_ended_app_context_is_none_for_what_outlives_it(app):
    with app.app_context():
        outliving = copy_context()
        assert outliving.run(has_app_context) is True
    assert outliving.run(has_app_context) is False


def test_request_is_a_context_to_the_last_teardown(app):
    def look(outcome):
        seen.append((has_request_context(), has_app_context()))

    seen = []
    app.teardown_request(look)
    app.teardown_appcontext(look)
    with app.request_context(create_environ()):
        pass
    assert seen == [(True, True), (False, True)]


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (after_this_request, [print]),
        (copy_current_request_context, [print]),
        (get_flashed_messages, []),
    ],
)
def test_ended_request_takes_no_work_and_the_error_says_so(app, function, arguments):
    with app.request_context(create_environ()) as context:
        context.flashes = [("message", "shown before")]
        outliving = copy_context()
    with pytest.raises(RuntimeError) as raised:
        outliving.run(function, *arguments)
    assert str(raised.value) == (
        f"{function.__name__} works on the current request, and it has ended: working outside of "
        "request context.\n\nCall it from a view or a hook; in a test, inside 'with "
        "app.test_request_context():'."
    )


# after_this_request


def test_after_this_request_is_kept_for_this_request_alone(app):
    with app.request_context(create_environ()) as outer:
        with app.request_context(create_environ()) as inner:
            after_this_request(print)
        assert inner.after_functions == [print]
        assert outer.after_functions == []


def test_after_this_request_gives_the_function_back(app):
    with app.request_context(create_environ()):
        assert after_this_request(print) is print


def test_after_this_request_may_change_or_replace_the_response(app):
    def view():
        after_this_request(lambda response: Response(response.get_data() + b", replaced"))
        after_this_request(lambda response: None)
        return "answer"

    assert answer_of(view, app) == "answer, replaced"


# copy_current_request_context


def test_copy_gives_a_thread_the_request(app):
    with app.request_context(create_environ("/here")):

        @copy_current_request_context
        def work():
            return request.path, current_app.name

        assert in_thread(work) == ("/here", "app")


def test_copy_keeps_name_arguments_and_result(app):
    with app.request_context(create_environ()):

        @copy_current_request_context
        def work(first, *, second):
            """Text."""
            return first, second

        assert work(1, second=2) == (1, 2)
        assert (work.__name__, work.__doc__) == ("work", "Text.")


def test_thread_without_copy_has_no_request(app):
    with app.request_context(create_environ()):
        assert in_thread(has_request_context) is False


def test_copy_passes_the_exception_on_and_leaves_nothing_pushed(app):
    with app.request_context(create_environ()):

        @copy_current_request_context
        def work():
            raise KeyError("of the work")

    with pytest.raises(KeyError, match="of the work"):
        work()
    assert not has_request_context()


def test_copies_in_a_pool_have_one_request_and_each_its_own_g(app, pool):
    teardowns = []
    app.teardown_request(lambda outcome: teardowns.append("request"))
    with app.request_context(create_environ("/here")) as context:
        g.number = "original's"
        original = context.request

        @copy_current_request_context
        def work(number):
            assert "number" not in g
            g.number = number
            assert request._get_current_object() is original
            assert request_contexts.top is not context
            return g.number, request.path

        results = list(pool.map(work, range(800)))
        assert results == [(number, "/here") for number in range(800)]
        assert g.number == "original's"
        assert teardowns == []
    assert teardowns == ["request"]


def test_copies_at_the_same_time_are_contexts_of_their_own(app):
    barrier = threading.Barrier(8, timeout=30)
    with app.request_context(create_environ()):
        _ = request.path

        @copy_current_request_context
        def work(number):
            g.number = number
            barrier.wait()
            return id(request_contexts.top), g.number

        with ThreadPoolExecutor(8) as executor:
            results = list(executor.map(work, range(8)))
    assert len({context for context, _ in results}) == 8
    assert [number for _, number in results] == list(range(8))


def test_request_is_made_by_its_own_thread_not_by_each_of_the_copies(app, pool):
    makers = []

    def make_request(*args):
        makers.append(threading.get_ident())
        return App.make_request(app, *args)

    app.make_request = make_request
    with app.request_context(create_environ("/here")):
        work = copy_current_request_context(lambda _: request.path)
        assert list(pool.map(work, range(8))) == ["/here"] * 8
    assert makers == [threading.get_ident()]


def test_copy_gives_a_greenlet_the_request(app):
    with app.request_context(create_environ("/here")):
        work = copy_current_request_context(lambda: (gevent.sleep(0), request.path)[1])
        greenlets = [gevent.spawn(work) for _ in range(3)]
        gevent.joinall(greenlets, timeout=30, raise_error=True)
    assert [greenlet.value for greenlet in greenlets] == ["/here"] * 3


def test_copy_reads_the_session(app, pool):
    def view():
        session["name"] = "visitor"
        work = copy_current_request_context(lambda _: session["name"])
        return ",".join(pool.map(work, range(3)))

    assert answer_of(view, app) == "visitor,visitor,visitor"


def test_copy_closes_neither_the_files_nor_the_request(app):
    data = {"file": (io.BytesIO(b"content"), "name.txt")}
    environ = create_environ(method="POST", data=data)
    with app.request_context(environ) as context:
        environ[CONTEXT] = context
        file = request.files["file"]
        in_thread(copy_current_request_context(lambda: request.files["file"].filename))
        assert file.read() == b"content"
        assert environ[CONTEXT] is context
    assert file.closed


def test_copy_closes_the_providers_of_its_own_g_with_its_outcome(app):
    ended = []

    def connect():
        try:
            yield "connection"
        except KeyError as error:
            ended.append(error)
            raise

    app.providers["db"] = connect
    error = KeyError("of the work")
    with app.request_context(create_environ()):

        @copy_current_request_context
        def work():
            assert g.db == "connection"
            raise error

        with pytest.raises(KeyError):
            in_thread(work)
        assert ended == [error]


def test_copy_works_after_the_original_has_ended(app):
    with app.request_context(create_environ("/here")):
        _ = request.path
        work = copy_current_request_context(lambda: request.path)
    assert in_thread(work) == "/here"


def test_copy_made_in_a_copy_has_the_request(app):
    with app.request_context(create_environ("/here")):

        @copy_current_request_context
        def work():
            return in_thread(copy_current_request_context(lambda: request.path))

        assert in_thread(work) == "/here"


# copy_current_request_context of what runs after its call


async def name_after_a_while(number):
    g.number = number
    await asyncio.sleep(0)
    return g.number, request.path, has_request_context()


class AfterAWhile:
    async def __call__(self, number):
        return await name_after_a_while(number)


@pytest.mark.parametrize("work", [name_after_a_while, AfterAWhile(), partial(name_after_a_while)])
def test_copies_of_coroutines_have_one_request_and_each_its_own_g(app, work):
    async def main():
        copied = copy_current_request_context(work)
        return await asyncio.gather(*map(copied, range(3)))

    def view():
        results = asyncio.run(main())
        assert "number" not in g
        return repr(results)

    assert answer_of(view, app) == repr([(number, "/", True) for number in range(3)])


def test_copy_of_a_coroutine_function_is_one_with_its_name_and_arguments(app):
    with app.request_context(create_environ()):

        @copy_current_request_context
        async def work(first, *, second):
            """Text."""
            return first, second

        assert asyncio.run(work(1, second=2)) == (1, 2)
    assert asyncio.iscoroutinefunction(work)
    assert (work.__name__, work.__doc__) == ("work", "Text.")


def test_coroutine_with_a_copy_cannot_write_to_the_session(app):
    async def work():
        session["name"] = "late"

    def view():
        with pytest.raises(SessionReadOnly):
            asyncio.run(copy_current_request_context(work)())
        return "not written"

    assert answer_of(view, app) == "not written"


def test_coroutine_with_a_copy_leaves_the_variables_of_its_caller_alone(app):
    variable = ContextVar("variable", default="default")

    async def work():
        seen.append(variable.get())
        variable.set("set by the work")

    async def main(context):
        variable.set("of the caller")
        await copied()
        seen.append(variable.get())
        assert request_contexts.top is context

    seen = []
    with app.request_context(create_environ()) as context:
        variable.set("of the request")
        copied = copy_current_request_context(work)
        asyncio.run(main(context))
        variable.set("default")
    assert seen == ["of the request", "of the caller"]


@pytest.mark.parametrize("error", [KeyError, asyncio.CancelledError])
def test_copy_of_a_coroutine_ends_with_its_outcome(app, error):
    ended = []
    app.teardown_appcontext(lambda outcome: ended.append(type(outcome)))

    async def main():
        entered, go_on = asyncio.Event(), asyncio.Event()

        @copy_current_request_context
        async def work():
            entered.set()
            await go_on.wait()
            raise KeyError("of the work")

        task = asyncio.create_task(work())
        await entered.wait()
        assert ended == []
        if error is KeyError:
            go_on.set()
        else:
            task.cancel()
        with pytest.raises(error):
            await task
        assert ended == [error]

    with app.request_context(create_environ()):
        asyncio.run(main())


def rows():
    yield


async def async_rows():
    yield


class Rows:
    def __call__(self):
        yield


@pytest.mark.parametrize(
    ("function", "instead"),
    [
        (rows, "'def work(): return list(rows())'"),
        (Rows(), "'def work(): return list(rows())'"),
        (async_rows, "'async def work(): return [row async for row in rows()]'"),
    ],
)
def test_copy_of_a_generator_function_is_refused_and_says_what_to_write(app, function, instead):
    with app.request_context(create_environ()), pytest.raises(TypeError) as raised:
        copy_current_request_context(function)
    assert str(raised.value) == (
        f"copy_current_request_context cannot wrap the generator function {function!r}: its body "
        "would run when the call, and the copy with it, has ended.\n\n"
        f"Wrap a function that uses it up, such as {instead}."
    )


def test_class_whose_objects_are_generator_functions_can_be_wrapped(app):
    with app.request_context(create_environ()):
        assert isinstance(copy_current_request_context(Rows)(), Rows)
