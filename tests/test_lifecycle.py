"""on_start, on_close, prime and run_all: the start and the end of a WSGI response."""

import gc
import io
import sys
import threading
import traceback
import weakref
from contextlib import closing, suppress
from contextvars import ContextVar, copy_context
from wsgiref.util import FileWrapper

import pytest

from wsgikit import lifecycle
from wsgikit.closing import BodyEnd, close_with, on_close, prime_stream
from wsgikit.errors import ClientDisconnected
from wsgikit.lifecycle import call, close_body, is_file, on_start, prime, raise_after, run_all

OK = "200 OK"
PLAIN = ("Content-Type", "text/plain")


class Server:
    """Keeps what reached its start_response, and hands out one ``write``."""

    def __init__(self):
        self.starts = []
        self.written = []

    def start_response(self, *args):
        self.starts.append(args)
        return self.written.append


class Body:
    """An iterable, not an iterator, whose ``close`` is counted and may raise."""

    def __init__(self, *chunks, close_error=None):
        self.chunks = chunks
        self.close_error = close_error
        self.closed = 0

    def __iter__(self):
        for chunk in self.chunks:
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk

    def close(self):
        self.closed += 1
        if self.close_error is not None:
            raise self.close_error


def add_cookie(status, headers):
    headers.append(("Set-Cookie", "a=b"))


def every_error(error):
    """The error with all that it groups or was raised after."""
    found, waiting = [], [error]
    while waiting:
        error = waiting.pop()
        if error is None or error in found:
            continue
        found.append(error)
        waiting += [error.__cause__, error.__context__, *getattr(error, "exceptions", ())]
    return found


def send(body):
    """Send ``body`` as a server does: iterate, and close in a ``finally``."""
    try:
        return list(body)
    finally:
        body.close()


# on_start


def test_hook_edits_the_headers_before_the_server_gets_them():
    server = Server()
    on_start(server.start_response, add_cookie)(OK, [PLAIN])
    assert server.starts == [(OK, [PLAIN, ("Set-Cookie", "a=b")])]


def test_hook_sees_the_status():
    seen = []
    start = on_start(Server().start_response, lambda status, headers: seen.append(status))
    start("404 Not Found", [])
    assert seen == ["404 Not Found"]


def test_header_list_shared_by_all_requests_collects_nothing():
    shared = [PLAIN]
    for _ in range(2):
        server = Server()
        on_start(server.start_response, add_cookie)(OK, shared)
        assert len(server.starts[0][1]) == 2
    assert shared == [PLAIN]


def test_write_of_the_server_is_returned():
    server = Server()
    write = on_start(server.start_response, add_cookie)(OK, [])
    write(b"data")
    assert server.written == [b"data"]


def test_second_start_with_exc_info_gets_the_edits_on_the_new_headers():
    server = Server()
    start = on_start(server.start_response, add_cookie)
    exc_info = (KeyError, KeyError("x"), None)
    start(OK, [PLAIN])
    start("500 Internal Server Error", [("X-Error", "1")], exc_info)
    start("503 Service Unavailable", [], exc_info)
    assert server.starts[1:] == [
        ("500 Internal Server Error", [("X-Error", "1"), ("Set-Cookie", "a=b")], exc_info),
        ("503 Service Unavailable", [("Set-Cookie", "a=b")], exc_info),
    ]


def test_first_start_with_exc_info_passes_it_on():
    server = Server()
    exc_info = (KeyError, KeyError("x"), None)
    on_start(server.start_response, add_cookie)(OK, [], exc_info)
    assert server.starts[0][2] is exc_info


def test_error_of_the_server_after_headers_were_sent_comes_through():
    def start_response(status, headers, exc_info=None):
        raise exc_info[1]

    error = KeyError("x")
    with pytest.raises(KeyError) as raised:
        on_start(start_response, add_cookie)(OK, [], (KeyError, error, None))
    assert raised.value is error


def test_nested_hooks_run_from_the_inside_out():
    order = []
    outer = on_start(Server().start_response, lambda *_: order.append("outer"))
    on_start(outer, lambda *_: order.append("inner"))(OK, [])
    assert order == ["inner", "outer"]


# run_all


def failing(error):
    def callback(*args):
        raise error

    return callback


def test_run_all_gives_every_callback_the_arguments():
    seen = []
    run_all([lambda *args: seen.append(args), lambda *args: seen.append(args)], 1, 2)
    assert seen == [(1, 2), (1, 2)]


def test_run_all_of_nothing_does_nothing():
    assert run_all([]) is None


def test_run_all_raises_the_only_error_as_it_is_after_the_last_callback():
    ran, error = [], KeyError("x")
    with pytest.raises(KeyError) as raised:
        run_all([failing(error), lambda: ran.append(1)])
    assert raised.value is error
    assert ran == [1]


def test_run_all_groups_several_errors():
    errors = [KeyError("x"), ValueError("y")]
    with pytest.raises(ExceptionGroup) as raised:
        run_all([failing(error) for error in errors])
    assert raised.value.exceptions == tuple(errors)


def test_run_all_raises_the_first_that_is_no_exception_alone():
    ran, exits = [], [SystemExit(1), KeyboardInterrupt()]
    with pytest.raises(SystemExit) as raised:
        run_all(
            [failing(KeyError("x")), *map(failing, exits), lambda: ran.append(1)],
        )
    assert raised.value is exits[0]
    assert ran == [1]


# raise_after


def test_raise_after_raises_the_error_once_the_callback_has_run():
    seen, error = [], KeyError("x")
    with pytest.raises(KeyError) as raised:
        raise_after(error, lambda *args: seen.append(args), 1, 2)
    assert raised.value is error
    assert seen == [(1, 2)]


def test_raise_after_groups_the_error_and_that_of_the_callback():
    error, other = KeyError("x"), ValueError("y")
    with pytest.raises(ExceptionGroup, match=r"^several things failed at the end") as raised:
        raise_after(error, failing(other))
    assert raised.value.exceptions == (error, other)
    assert raised.value.__suppress_context__  # it is in the group


@pytest.mark.parametrize("exit_first", [True, False])
def test_raise_after_raises_what_is_no_exception_alone(exit_first):
    errors = [SystemExit(1), ValueError("y")][:: 1 if exit_first else -1]
    with pytest.raises(SystemExit):
        raise_after(errors[0], failing(errors[1]))


def test_raise_after_raises_the_first_of_two_exits():
    with pytest.raises(SystemExit):
        raise_after(SystemExit(1), failing(KeyboardInterrupt()))


def test_raised_error_holds_no_frame_that_holds_it():
    error = KeyError("x")
    with pytest.raises(KeyError):
        raise_after(error, lambda outcome: None, error)
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = [frame for frame in frames if frame.f_code.co_filename == lifecycle.__file__]
    held = [value for frame in own for value in frame.f_locals.values()]
    assert own
    assert error not in held
    assert (error,) not in held
    assert [error] not in held


# close_body, is_file


def test_close_body_closes_what_can_be_closed():
    body = Body()
    close_body(body)
    close_body([b"a list has no close"])
    assert body.closed == 1


def test_file_is_recognised_by_the_servers_wrapper_class():
    file = FileWrapper(io.BytesIO(b"x"))
    assert is_file(file, {"wsgi.file_wrapper": FileWrapper})
    assert not is_file([b"x"], {"wsgi.file_wrapper": FileWrapper})


@pytest.mark.parametrize("environ", [{}, {"wsgi.file_wrapper": lambda file, size: file}])
def test_no_file_without_a_wrapper_class(environ):
    assert not is_file(FileWrapper(io.BytesIO(b"x")), environ)


# prime


def test_prime_pulls_only_the_first_chunk():
    pulled = []

    def stream():
        for chunk in (b"a", b"b"):
            pulled.append(chunk)
            yield chunk

    body = prime(stream())
    assert pulled == [b"a"]
    assert list(body) == [b"a", b"b"]


def test_prime_keeps_chunk_boundaries_and_empty_chunks():
    assert list(prime(Body(b"", b"a", b"", b"bc"))) == [b"", b"a", b"", b"bc"]


def test_prime_keeps_an_empty_body_empty():
    body = Body()
    primed = prime(body)
    assert list(primed) == []
    primed.close()
    assert body.closed == 1


def test_primed_body_closes_the_iterable_not_the_iterator():
    body = Body(b"a")
    prime(body).close()
    assert body.closed == 1


def test_primed_body_without_close_can_be_closed():
    prime(iter([b"a"])).close()


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(1)])
def test_prime_closes_the_body_whose_first_chunk_raises(error):
    body = Body(error)
    with pytest.raises(type(error)) as raised:
        prime(body)
    assert raised.value is error
    assert body.closed == 1


def test_prime_leaves_a_later_error_to_the_one_who_iterates():
    body = Body(b"a", KeyError("x"))
    chunks = iter(prime(body))
    assert next(chunks) == b"a"
    assert body.closed == 0
    with pytest.raises(KeyError):
        next(chunks)


def test_prime_closes_the_body_that_cannot_be_iterated():
    class NoIterable:
        closed = False

        def close(self):
            self.closed = True

    body = NoIterable()
    with pytest.raises(TypeError):
        prime(body)
    assert body.closed


def test_prime_loses_neither_the_error_of_the_chunk_nor_that_of_close():
    chunk_error, close_error = KeyError("chunk"), ValueError("close")
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - which of them leads is open
        prime(Body(chunk_error, close_error=close_error))
    assert {chunk_error, close_error} <= set(every_error(raised.value))


# prime_stream


def test_prime_stream_pulls_the_first_chunk_of_a_stream():
    body = prime_stream(iter([b"a", b"b"]), {})
    assert isinstance(body, lifecycle.PrimedBody)
    assert list(body) == [b"a", b"b"]


def test_prime_stream_returns_complete_bodies_files_and_primed_streams_as_they_are():
    file = FileWrapper(io.BytesIO(b"abc"))
    with closing(on_close([b"a"], lambda outcome: None)) as known:
        for body in ([b"a"], (b"a",), known, file, prime(iter([b"a"]))):
            assert prime_stream(body, {"wsgi.file_wrapper": FileWrapper}) is body
    assert file.filelike.tell() == 0


# on_close: order and number of calls


def bodies():
    """Each kind of body, with the order in which its close and the callback ran."""
    order = []

    class Stream:
        def __iter__(self):
            return iter([b"a", b"b"])

        def close(self):
            order.append("close")

    class File(io.BytesIO):
        def close(self):
            order.append("close")

    return order, {"stream": Stream(), "file": FileWrapper(File(b"ab"))}


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_inner_close_comes_before_the_callback(kind):
    order, made = bodies()
    environ = {"wsgi.file_wrapper": FileWrapper}
    send(on_close(made[kind], lambda outcome: order.append("callback"), environ=environ))
    assert order == ["close", "callback"]


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_second_close_does_nothing(kind):
    order, made = bodies()
    environ = {"wsgi.file_wrapper": FileWrapper}
    body = on_close(made[kind], lambda outcome: order.append("callback"), environ=environ)
    send(body)
    body.close()
    assert order == ["close", "callback"]


@pytest.mark.parametrize("make", [list, tuple, iter])
def test_body_without_close_gets_the_callback_once(make):
    outcomes = []
    body = on_close(make([b"a"]), outcomes.append)
    assert send(body) == [b"a"]
    body.close()
    assert outcomes == [None]


def test_close_goes_to_the_iterable_not_to_its_iterator():
    body = Body(b"a", b"b")
    wrapped = on_close(body, lambda outcome: None)
    chunks = iter(wrapped)
    next(chunks)
    wrapped.close()
    assert body.closed == 1


def test_generator_is_closed_in_its_finally():
    order = []

    def stream():
        try:
            yield b"a"
            yield b"b"
        finally:
            order.append("finally")

    body = on_close(stream(), lambda outcome: order.append("callback"))
    next(iter(body))
    body.close()
    assert order == ["finally", "callback"]


def test_nested_callbacks_run_from_the_inside_out():
    order = []
    inner = on_close([b"a"], lambda outcome: order.append("inner"))
    send(on_close(inner, lambda outcome: order.append("outer")))
    assert order == ["inner", "outer"]


def test_callback_that_closes_again_does_not_run_twice():
    outcomes = []

    def callback(outcome):
        outcomes.append(outcome)
        body.close()

    body = on_close([b"a"], callback)
    send(body)
    assert outcomes == [None]


# on_close: errors


@pytest.mark.parametrize("error", [KeyError("close"), SystemExit(1)])
def test_error_of_close_goes_to_the_callback_and_on_to_the_server(error):
    outcomes = []
    body = on_close(Body(b"a", close_error=error), outcomes.append)
    with pytest.raises(type(error)) as raised:
        send(body)
    assert raised.value is error
    assert outcomes == [error]


def test_error_of_the_callback_goes_on_to_the_server():
    error = KeyError("callback")
    with pytest.raises(KeyError) as raised:
        send(on_close(Body(b"a"), failing(error)))
    assert raised.value is error


def test_errors_of_close_and_callback_both_survive():
    close_error, callback_error = KeyError("close"), ValueError("callback")
    body = on_close(Body(b"a", close_error=close_error), failing(callback_error))
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - which of them leads is open
        send(body)
    assert {close_error, callback_error} <= set(every_error(raised.value))


def test_error_of_the_iteration_stays_the_outcome_when_close_raises_too():
    outcomes, error, close_error = [], KeyError("chunk"), ValueError("close")
    body = on_close(Body(b"a", error, close_error=close_error), outcomes.append)
    with pytest.raises(ValueError, match="close") as raised:
        send(body)
    assert outcomes == [error]
    assert error in every_error(raised.value)


def test_close_after_an_error_of_close_does_nothing():
    body = Body(b"a", close_error=KeyError("close"))
    wrapped = on_close(body, lambda outcome: None)
    with pytest.raises(KeyError):
        wrapped.close()
    wrapped.close()
    assert body.closed == 1


# on_close: the outcome


@pytest.mark.parametrize("make", [list, tuple, lambda chunks: Body(*chunks)])
def test_outcome_of_a_body_sent_whole_is_none(make):
    outcomes = []
    assert send(on_close(make([b"a", b"b"]), outcomes.append)) == [b"a", b"b"]
    assert outcomes == [None]


@pytest.mark.parametrize("make", [list, tuple, lambda chunks: Body(*chunks)])
def test_outcome_of_a_body_never_asked_for_is_none(make):
    outcomes = []
    on_close(make([b"a"]), outcomes.append).close()
    assert outcomes == [None]


def test_outcome_of_a_failed_iteration_is_its_error():
    outcomes, error = [], KeyError("chunk")
    with pytest.raises(KeyError):
        send(on_close(Body(b"a", error), outcomes.append))
    assert outcomes == [error]


@pytest.mark.parametrize("error", [OSError("a file of the app is gone"), SystemExit(1)])
def test_outcome_of_a_failed_iteration_is_known_also_after_the_server_handled_it(error):
    outcomes = []
    body = on_close(Body(b"a", error), outcomes.append)
    with pytest.raises(type(error)):
        list(body)
    body.close()
    assert outcomes == [error]


@pytest.mark.parametrize("error", [KeyError("start"), OSError("no such file")])
def test_outcome_is_the_error_of_a_body_that_cannot_start_its_iteration(error):
    class Unopened:
        def __iter__(self):
            raise error

    outcomes = []
    with pytest.raises(type(error)):
        send(on_close(Unopened(), outcomes.append))
    assert outcomes == [error]


def leave(body, error):
    """Stop after the first chunk, as a server whose socket fails does."""
    try:
        next(iter(body))
        raise error
    finally:
        body.close()


@pytest.mark.parametrize("make", [list, lambda chunks: Body(*chunks)])
@pytest.mark.parametrize("error", [BrokenPipeError(), ConnectionResetError(), GeneratorExit()])
def test_outcome_of_a_client_that_left_has_the_servers_error_as_cause(make, error):
    outcomes = []
    with pytest.raises(type(error)):
        leave(on_close(make([b"a", b"b"]), outcomes.append), error)
    assert isinstance(outcomes[0], ClientDisconnected)
    assert str(outcomes[0]) == "the client left before the whole body was sent"
    assert outcomes[0].__cause__ is error


def test_outcome_when_the_last_chunk_could_not_be_sent_is_the_clients_leaving():
    outcomes = []
    with pytest.raises(BrokenPipeError):
        leave(on_close([b"the only chunk"], outcomes.append), BrokenPipeError())
    assert isinstance(outcomes[0], ClientDisconnected)


@pytest.mark.parametrize("make", [list, lambda chunks: Body(*chunks)])
def test_outcome_of_a_body_that_the_server_stopped_without_a_word(make):
    outcomes = []
    body = on_close(make([b"a", b"b"]), outcomes.append)
    next(iter(body))
    body.close()
    assert isinstance(outcomes[0], ClientDisconnected)
    assert outcomes[0].__cause__ is None


def test_outcome_is_the_servers_error_when_it_is_not_the_sockets():
    outcomes, error = [], SystemExit(1)
    with pytest.raises(SystemExit):
        leave(on_close([b"a", b"b"], outcomes.append), error)
    assert outcomes == [error]


def test_outcome_of_a_body_sent_whole_ignores_what_the_caller_is_handling():
    outcomes = []
    try:
        raise KeyError("of the caller")
    except KeyError:
        send(on_close(Body(b"a"), outcomes.append))
    assert outcomes == [None]


def test_outcome_of_an_unsent_body_ignores_what_was_handled_before_it_was_made():
    outcomes = []
    try:
        raise KeyError("of the caller")
    except KeyError:
        on_close(Body(b"a"), outcomes.append).close()
    assert outcomes == [None]


# on_close: what the server must recognise


def test_list_keeps_its_length_and_the_identity_of_its_chunks():
    chunks = [bytes([65]) * 50, b"b"]
    with closing(on_close(chunks, lambda outcome: None)) as body:
        assert len(body) == 2
        assert all(sent is chunk for sent, chunk in zip(body, chunks, strict=True))


def test_tuple_keeps_its_length():
    with closing(on_close((b"a",), lambda outcome: None)) as body:
        assert len(body) == 1


def test_list_keeps_its_length_through_two_layers():
    inner = on_close([b"a", b"b"], lambda outcome: None)
    with closing(on_close(inner, lambda outcome: None)) as body:
        assert len(body) == 2


def test_list_can_be_looked_at_before_it_is_sent():
    outcomes = []
    body = on_close([b"a", b"b"], outcomes.append)
    assert [*body, *body] == [b"a", b"b"] * 2
    body.close()
    assert outcomes == [None]


def test_subclass_of_list_is_a_stream_with_its_own_close():
    class Rows(list):
        closed = 0

        def close(self):
            self.closed += 1

    rows = Rows([b"a"])
    body = on_close(rows, lambda outcome: None)
    assert send(body) == [b"a"]
    assert rows.closed == 1


def test_stream_claims_no_length():
    with closing(on_close(Body(b"a"), lambda outcome: None)) as body:
        assert not hasattr(body, "__len__")


def test_stream_is_pulled_chunk_by_chunk():
    pulled = []

    def stream():
        for chunk in (b"a", b"", b"b"):
            pulled.append(chunk)
            yield chunk

    with closing(on_close(stream(), lambda outcome: None)) as body:
        chunks = iter(body)
        assert pulled == []
        assert next(chunks) == b"a"
        assert pulled == [b"a"]
        assert list(chunks) == [b"", b"b"]


def test_iter_on_a_running_stream_does_not_start_it_again():
    starts = []

    class Counted:
        def __iter__(self):
            starts.append(1)
            return iter([b"a", b"b"])

    with closing(on_close(Counted(), lambda outcome: None)) as body:
        assert [next(iter(body)), next(iter(body))] == [b"a", b"b"]
    assert starts == [1]


def test_file_keeps_its_identity_and_its_content():
    outcomes = []
    file = FileWrapper(io.BytesIO(b"abc"))
    body = on_close(file, outcomes.append, environ={"wsgi.file_wrapper": FileWrapper})
    assert body is file
    assert send(body) == [b"abc"]
    assert file.filelike.closed
    assert outcomes == [None]


def test_file_sent_without_iteration_has_no_error_as_outcome():
    outcomes = []
    file = FileWrapper(io.BytesIO(b"abc"))
    on_close(file, outcomes.append, environ={"wsgi.file_wrapper": FileWrapper}).close()
    assert outcomes == [None]


def test_file_whose_client_left_says_so():
    outcomes = []
    file = FileWrapper(io.BytesIO(b"abc"))
    body = on_close(file, outcomes.append, environ={"wsgi.file_wrapper": FileWrapper})
    with pytest.raises(BrokenPipeError):
        leave(body, BrokenPipeError())
    assert isinstance(outcomes[0], ClientDisconnected)


def test_file_through_two_layers_keeps_its_identity_and_both_callbacks():
    order = []
    environ = {"wsgi.file_wrapper": FileWrapper}
    file = FileWrapper(io.BytesIO(b"abc"))
    inner = on_close(file, lambda outcome: order.append("inner"), environ=environ)
    outer = on_close(inner, lambda outcome: order.append("outer"), environ=environ)
    assert outer is file
    send(outer)
    assert order == ["inner", "outer"]


def test_file_without_environ_is_a_stream():
    file = FileWrapper(io.BytesIO(b"abc"))
    with closing(on_close(file, lambda outcome: None)) as body:
        assert body is not file
        assert list(body) == [b"abc"]


class CFile:
    """Like a file wrapper in C: nothing can be set on it."""

    __slots__ = ("closed", "left")

    def __init__(self, *chunks):
        self.left = list(chunks)
        self.closed = 0

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        return self.left.pop(0)

    def close(self):
        self.closed += 1


def test_file_wrapper_whose_close_cannot_be_set_is_closed_with_its_callback():
    outcomes = []
    file = CFile(b"a", b"b")
    body = on_close(file, outcomes.append, environ={"wsgi.file_wrapper": CFile})
    assert send(body) == [b"a", b"b"]
    assert file.closed == 1
    assert outcomes == [None]


class Request:
    def end(self, outcome):
        pass


@pytest.mark.parametrize("error", [KeyError("close"), SystemExit(1)])
def test_end_says_what_to_raise_instead_of_an_error(error):
    class End(BodyEnd):
        def failed(self, error):
            return LookupError("instead")

    with pytest.raises(LookupError, match="instead"):
        close_with(End(), Body(b"a", close_error=error), None, call).close()


def test_closed_body_that_the_server_keeps_keeps_no_error():
    class Error(Exception):
        pass

    def fail():
        yield b"a"
        raise Error

    body = on_close(fail(), lambda outcome: alive.append(weakref.ref(outcome)))
    alive = []
    with suppress(Error):
        send(body)
    gc.collect()
    assert [ref() for ref in alive] == [None]


def test_closed_body_that_the_server_keeps_keeps_nothing_of_the_request_alive():
    request, inner = Request(), Body(b"a")
    alive = [weakref.ref(request), weakref.ref(inner)]
    body = on_close(inner, request.end, run=lambda function, *args: function(*args))
    send(body)
    del request, inner
    assert [ref() for ref in alive] == [None, None]
    assert list(body) == []


def test_closed_file_keeps_nothing_of_the_request_alive():
    request = Request()
    alive = weakref.ref(request)
    file = FileWrapper(io.BytesIO(b"abc"))
    body = on_close(file, request.end, environ={"wsgi.file_wrapper": FileWrapper})
    gc.disable()
    try:
        send(body)
        del request, body, file
        assert alive() is None
    finally:
        gc.enable()


# on_close: the runner


def test_runner_makes_each_chunk_and_the_end():
    variable = ContextVar("variable", default="outside")
    seen = []

    class Stream:
        def __iter__(self):
            seen.append(variable.get())
            for _ in range(2):
                seen.append(variable.get())
                yield b"x"

        def close(self):
            seen.append(variable.get())

    context = copy_context()
    context.run(variable.set, "inside")
    body = on_close(Stream(), lambda outcome: seen.append(variable.get()), run=context.run)
    assert send(body) == [b"x", b"x"]
    assert set(seen) == {"inside"}
    assert len(seen) == 5


def test_variable_set_in_one_chunk_is_seen_in_the_next_and_not_outside():
    variable = ContextVar("variable", default=b"outside")

    def stream():
        variable.set(b"inside")
        yield b""
        yield variable.get()

    body = on_close(stream(), lambda outcome: None, run=copy_context().run)
    assert send(body) == [b"", b"inside"]
    assert variable.get() == b"outside"


# on_close: a server that never closes


def test_abandoned_body_ends_when_it_is_collected():
    outcomes = []
    bodies = [on_close(Body(b"a", b"b"), outcomes.append)]
    next(iter(bodies[0]))
    bodies.clear()
    assert [type(outcome) for outcome in outcomes] == [ClientDisconnected]


def test_closed_body_is_collected_in_silence():
    unraisable = []
    hook, sys.unraisablehook = sys.unraisablehook, unraisable.append
    try:
        body = on_close(Body(b"a"), lambda outcome: None)
        send(body)
        del body
        gc.collect()
    finally:
        sys.unraisablehook = hook
    assert unraisable == []


def test_close_while_another_thread_is_in_the_context_can_be_repeated():
    inside, go_on = threading.Event(), threading.Event()
    outcomes = []

    def slow():
        inside.set()
        go_on.wait()
        yield b"a"

    body = on_close(slow(), outcomes.append, run=copy_context().run)
    thread = threading.Thread(target=lambda: next(iter(body)))
    thread.start()
    inside.wait()
    with pytest.raises(RuntimeError, match="already entered"):
        body.close()
    assert outcomes == []
    go_on.set()
    thread.join()
    body.close()
    assert [type(outcome) for outcome in outcomes] == [ClientDisconnected]
