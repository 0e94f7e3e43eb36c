"""Random sequences of contexts and requests, compared with a model after every step.

Hypothesis pushes and pops contexts by hand, opens requests through the standard chain, pulls their
chunks in any order and in two threads, ends them in every way that a server does or should not do,
and hands them over to other threads. The model says what each proxy must point to, and how often
and with which outcome each teardown must have run.

``MACHINE_SECONDS`` is how long it looks, ``MACHINE_SEED`` repeats what failed.
"""

import gc
import itertools
import os
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, fields
from functools import partial, wraps
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from werkzeug.exceptions import HTTPException, ImATeapot

from wsgikit import (
    App,
    after_this_request,
    copy_current_request_context,
    current_app,
    g,
    has_app_context,
    has_request_context,
    request,
    session,
)
from wsgikit.errors import ClientDisconnected, ResponseAborted
from wsgikit.middleware import standard
from wsgikit.stacks import app_contexts, request_contexts

SECONDS = float(os.environ.get("MACHINE_SECONDS", "5"))
SEED = os.environ.get("MACHINE_SEED")
LIFE = "tests.life"
GONE = "the client was gone"
"""An outcome of the model, beside None and the set of exceptions that the real one holds."""
ENVIRON = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/view",
    "QUERY_STRING": "",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.input": BytesIO(),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}
Outcome = Any
variable: ContextVar[int | str] = ContextVar("variable", default="never set")
"""What views and copies set and never reset."""


class Fault(Exception):
    """An error that no handler takes."""


class Handled(Exception):
    """An error that an error handler makes a page of."""


class Stop(BaseException):
    """What no layer may answer, such as a worker's timeout."""


def leaves(error: BaseException | None) -> set[BaseException]:
    """The exceptions that a group holds, or the one that is none; their tracebacks are let go.

    What the server gets in the place of a reported error counts as that error.
    """
    if error is None:
        return set()
    error.__traceback__ = None  # or its frames would keep bodies that are to be collected
    if isinstance(error, ResponseAborted):
        return leaves(error.__cause__)
    if isinstance(error, BaseExceptionGroup):
        return set().union(*map(leaves, error.exceptions))
    return {error}


def is_exit(error: Any) -> bool:
    """Whether that goes up alone, whatever else was raised."""
    return isinstance(error, BaseException) and not isinstance(error, Exception)


def fits(found: Outcome, expected: Outcome) -> bool:
    """Whether the right errors came up: all together, or one exit alone."""
    exits = {each for each in expected if is_exit(each)} if isinstance(expected, set) else set()
    if exits and isinstance(found, set):
        return len(found) == 1 and found <= exits
    return found == expected


def is_one(outcome: Outcome, *classes: type[Exception]) -> bool:
    """Whether that is a single exception of one of the classes."""
    return outcome != GONE and len(outcome) == 1 and isinstance(next(iter(outcome)), classes)


@dataclass(frozen=True)
class Plan:
    """What one request is to do."""

    chain: str = "router"
    form: str = "text"
    chunks: int = 2
    raises_in: str = ""
    at: int = 0
    error: type[BaseException] = Fault
    failing_ends: frozenset[str] = frozenset()
    uses_providers: bool = False
    forgets: str = ""
    hands_over: bool = False
    nests: str = ""
    child: "Plan | None" = None
    shares_environ: bool = False

    @property
    def passes_on(self) -> bool:
        """Whether the router finds no view, so that its fallback answers."""
        return self.nests == "fallback" and self.chain == "router"

    def __repr__(self) -> str:
        chosen = ((each.name, getattr(self, each.name), each.default) for each in fields(self))
        text = ", ".join(f"{name}={value!r}" for name, value, usual in chosen if value != usual)
        return f"Plan({text})"


ENDS = ["request 0", "request 1", "app 0", "app 1", "db", "cache"]
failing_ends = st.one_of(
    st.just(frozenset()), st.just(frozenset()), st.frozensets(st.sampled_from(ENDS), max_size=3)
)
PLACES = ["before_request", "view", "provider", "chunk", "close", "after_request", "callback"]
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "chain": st.sampled_from(["router", "bare", "strict"]),
    "form": st.sampled_from(["text", "stream", "iterable", "generator app", "written"]),
    "chunks": st.integers(0, 3),
    "raises_in": st.sampled_from([""] * len(PLACES) + PLACES),
    "at": st.integers(0, 2),
    "error": st.sampled_from([Fault, Handled, ImATeapot, Stop]),
    "failing_ends": failing_ends,
    "uses_providers": st.booleans(),
    "forgets": st.sampled_from(["", "", "", "app", "request"]),
    "hands_over": st.booleans(),
}
parents = {
    **OPTIONS,
    "nests": st.sampled_from(["view", "chunk", "fallback"]),
    "child": st.builds(Plan, **OPTIONS),
    "shares_environ": st.booleans(),
}
plans = st.one_of(st.builds(Plan, **OPTIONS), st.builds(Plan, **parents))


class Life:
    """The model of one context: what it has to do, what happened to it, how it has to end."""

    numbers = itertools.count()

    def __init__(self, kind: str, app: App, plan: Plan = Plan()) -> None:
        self.number = next(self.numbers)
        self.kind, self.app, self.plan = kind, app, plan
        self.context: Any = None
        self.inside = [self]
        """The contexts of its request, lowest first: its own, and what its app forgot to pop."""
        self.child: Life | None = None
        """The request whose body this one's passes on."""
        self.opened: list[str] = []
        self.ends: list[tuple[str, BaseException | None]] = []
        self.end_errors: set[BaseException] = set()
        self.has_ended = False
        self.outcome: Outcome = None
        self.start_as_request()

    def start_as_request(self) -> None:
        self.environ: dict[str, Any] = {**ENVIRON, LIFE: self}
        self.body: Any = None
        self.chunks: Any = None
        self.status = ""
        self.headers_sent = False
        self.begun = self.finished = False
        self.has_worked = False
        self.callbacks_run = 0
        self.error = self.plan.error()
        self.raised: set[BaseException] = set()
        self.failure: Outcome = None
        self.stream_error: BaseException | None = None
        self.close_errors: set[BaseException] = set()
        self.pause: Callable[[], None] | None = None

    def fail(self, place: str) -> None:
        """Raise the planned error, if this is its place.

        That of a hook for an error's page is logged alone, unless it is one that no layer takes.
        """
        if self.plan.raises_in == place:
            if not self.raised or not isinstance(self.error, Exception):
                self.raised = {self.error}
            raise self.error

    def end(self, name: str, outcome: BaseException | None) -> None:
        """Record a teardown or a provider's end; raise there, if that is planned."""
        self.ends.append((name, outcome))
        if name in self.plan.failing_ends:
            error = Fault(name)
            self.end_errors.add(error)
            raise error

    def mark(self, failure: Outcome) -> None:
        """Keep the first failure: it is the outcome when the body itself ends well."""
        if self.failure is None:
            self.failure = failure

    def expected_ends(self) -> list[str]:
        if not self.has_ended:
            return []
        of_request = ["request 1", "request 0"] if self.kind == "request" else []
        of_app = ["app 1", "app 0", *reversed(self.opened)]
        return of_request + of_app

    def problems(self) -> list[str]:
        names = [name for name, _ in self.ends]
        found = []
        if names != self.expected_ends():
            found.append(f"{self}: ended {names}, not {self.expected_ends()}")
        for name, outcome in self.ends:
            told = GONE if isinstance(outcome, ClientDisconnected) else leaves(outcome) or None
            if not fits(told, self.outcome):
                found.append(f"{self}: {name} was told {outcome!r}, not {self.outcome!r}")
        return found

    def __repr__(self) -> str:
        return f"<{self.kind} {self.number}>"


class Body:
    """An iterable whose ``close`` may fail."""

    def __init__(self, life: Life, chunks: Generator[bytes]) -> None:
        self.life, self.chunks = life, chunks

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks

    def close(self) -> None:
        self.chunks.close()
        if self.life.plan.raises_in == "close":
            self.life.close_errors.add(self.life.error)
            raise self.life.error


class World:
    """The apps, what they do, and what is wrong so far: an assertion in there would be answered."""

    def __init__(self) -> None:
        self.lives: list[Life] = []
        self.copies: list[tuple[Life, Callable[..., None]]] = []
        self.problems: list[str] = []
        providers = {"db": self.provider("db"), "cache": self.provider("cache")}
        providers["broken"] = lambda: g.life.fail("provider")
        self.apps = {name: self.make_app(name) for name in ("router", "bare", "strict", "other")}
        self.apps["strict"].config["PROPAGATE_EXCEPTIONS"] = True
        router = self.apps["router"]
        router.add_url_rule("/view", "view", self.view)
        router.fallback = self.fallback
        self.chains = {"router": standard(router, g=providers)}
        for name in ("bare", "strict"):
            self.chains[name] = standard(self.bare, current_app=self.apps[name], g=providers)

    def make_app(self, name: str) -> App:
        app = App(name, config={"SECRET_KEY": "test"})
        app.logger.disabled = True
        app.before_request(self.before_request)
        if name != "bare":
            app.after_request(partial(self.after_request, app))
        app.errorhandler(Handled)(lambda error: ("handled", 409))
        for number in range(2):
            app.teardown_request(partial(self.end_request, f"request {number}"))
            app.teardown_appcontext(partial(self.end_app_context, f"app {number}"))
        return app

    def check(self, holds: bool, problem: str) -> None:
        if not holds:
            self.problems.append(problem)

    # Hooks and providers

    def before_request(self) -> None:
        life = request.environ[LIFE]
        life.context = request_contexts.top
        g.life = life
        life.fail("before_request")

    def after_request(self, app: App, response: Any) -> Any:
        life = request.environ[LIFE]
        written = life.child is not None and life.child.plan.form == "written"
        if life.app is app and not written:  # the view may have left another app's request pushed,
            life.fail("after_request")  # and an error would come up in the child's ``write``
        return response

    def end_request(self, name: str, outcome: BaseException | None) -> None:
        life = request.environ[LIFE]
        self.check(g.life is life, f"{name} of {life} found the g of {g.life}")
        life.end(name, outcome)

    def end_app_context(self, name: str, outcome: BaseException | None) -> None:
        g.life.end(name, outcome)

    def provider(self, name: str) -> Callable[[], Iterator[str]]:
        def provide() -> Iterator[str]:
            life = g.life
            life.opened.append(name)
            try:
                yield name
            except BaseException as outcome:
                life.end(name, outcome)
                raise
            life.end(name, None)

        return provide

    # Views

    def view(self) -> Any:
        life = request.environ[LIFE]
        if life.plan.form not in ("text", "stream"):
            return self.bare
        self.work(life)
        chunks = self.make_chunks(life)
        return b"".join(chunks) if life.plan.form == "text" else chunks

    def bare(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        life, form = environ[LIFE], environ[LIFE].plan.form
        if form == "generator app":
            return self.generator_app(life, start_response)
        self.work(life)
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        if form == "written":
            write(b"written")
            life.fail("chunk")
        chunks = self.make_chunks(life)
        if form == "text":
            return list(chunks)
        return chunks if form == "stream" else Body(life, chunks)

    def generator_app(self, life: Life, start_response: Any) -> Iterator[bytes]:
        self.work(life)
        start_response("200 OK", [])
        yield from self.make_chunks(life)

    def fallback(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        outer = environ[LIFE]
        child = outer.child = self.make_request(outer.plan.child)
        self.lives.append(child)
        child.environ = {**environ, LIFE: child, "PATH_INFO": "/view"}
        try:
            body: Any = self.chains[child.plan.chain](child.environ, start_response)
        except BaseException as error:
            self.refuse(child, error)
            outer.raised |= leaves(error)
            outer.child = None
            raise
        self.accept(child)
        if not hasattr(body, "__len__"):  # a stream, so the outer chain pulls the first chunk
            child.begun, child.finished = True, not child.raised and not child.plan.chunks
        return body

    def work(self, life: Life) -> None:
        """What a view does, and what it forgets."""
        plan = life.plan
        self.look(life)
        session[str(life.number)] = 1
        variable.set(life.number)
        life.has_worked = True
        if plan.uses_providers:
            self.check((g.db, g.cache) == ("db", "cache"), f"{life} got other providers")
        after_this_request(partial(self.callback, life))
        if plan.hands_over:
            self.copies.append((life, copy_current_request_context(self.run_copy)))
        if plan.nests == "view":
            self.nest(life)
        if plan.raises_in == "provider":
            g.broken  # noqa: B018 - it raises
        if plan.forgets:
            life.inside.append(self.push(plan.forgets))
        life.fail("view")

    def callback(self, life: Life, response: Any) -> None:
        life.callbacks_run += 1
        life.fail("callback")

    def make_chunks(self, life: Life) -> Generator[bytes]:
        try:
            for number in range(life.plan.chunks):
                self.look(life)
                if number == life.plan.at:
                    if life.plan.nests == "chunk":
                        self.nest(life)
                    life.fail("chunk")
                if life.pause is not None:
                    life.pause()
                yield f"{life.number}.{number} ".encode()
        finally:
            self.look(life)

    def look(self, life: Life) -> None:
        """Check what is current inside a request."""
        current = life.inside[-1]
        top = next(each for each in reversed(life.inside) if each.kind == "request")
        self.check(current_app == current.app, f"in {life}: {current_app} is current")
        self.check(g.life is current, f"in {life}: g of {g.life}")
        found = request.environ[LIFE]
        self.check(found is top, f"in {life}: request of {found}")
        if life.has_worked:
            self.check(variable.get() == life.number, f"in {life}: variable of {variable.get()}")
        if life.has_worked and top is life:
            self.check(str(life.number) in session, f"in {life}: {dict(session)}")

    # Contexts and requests, one step at a time

    def make_request(self, plan: Plan) -> Life:
        life = Life("request", self.apps[plan.chain], plan)
        if plan.passes_on:
            life.environ["PATH_INFO"] = "/unknown"
        return life

    def push(self, kind: str, plan: Plan = Plan()) -> Life:
        """Push a context by hand."""
        life = Life(kind, self.apps["other"], plan)
        self.lives.append(life)
        app = life.app
        life.context = app.app_context() if kind == "app" else app.request_context(life.environ)
        life.context.push()
        g.life = life
        return life

    def open(self, life: Life) -> None:
        self.lives.append(life)
        tops = app_contexts.top, request_contexts.top
        try:
            life.body = self.chains[life.plan.chain](life.environ, partial(self.start, life))
        except BaseException as error:
            self.refuse(life, error)
        else:
            self.accept(life)
        self.check(tops == (app_contexts.top, request_contexts.top), f"{life} left a context")

    def start(self, life: Life, status: str, headers: Any, exc_info: Any = None) -> Any:
        if exc_info is not None and life.headers_sent:
            raise exc_info[1]
        life.status = status
        return partial(self.write, life)

    def write(self, life: Life, data: bytes) -> None:
        life.headers_sent = True
        for each in self.with_ancestors(life):
            each.headers_sent = True

    def with_ancestors(self, life: Life) -> list[Life]:
        """The request and those inside that it passes on."""
        found = [life]
        while found[-1].child is not None:
            found.append(found[-1].child)
        return found

    def must_escape(self, life: Life) -> bool:
        """Whether the errors that were raised inside cannot become a page."""
        if not all(isinstance(error, Exception) for error in life.raised) or life.headers_sent:
            return True
        return life.plan.chain == "strict" and not is_one(life.raised, Handled, HTTPException)

    def refuse(self, life: Life, error: BaseException) -> None:
        """The chain has raised, so the request is over."""
        self.drop_child(life)
        escapes = life.raised and self.must_escape(life)
        self.check(bool(escapes), f"{life} raised {error!r}")
        self.settle(life, set(life.raised))
        self.compare(life, error, life.raised | self.end_errors(life))

    def accept(self, life: Life) -> None:
        """The chain has returned a body."""
        if life.raised:
            self.drop_child(life)
            self.check(not self.must_escape(life), f"{life} answered {life.raised}")
            life.mark(set(life.raised))
        elif life.plan.raises_in in ("before_request", "view", "provider"):
            self.check(life.plan.passes_on, f"{life} did not raise")
        runs = {"text": 1, "stream": 1}.get(life.plan.form)
        if not life.raised and runs and not life.plan.passes_on and not life.plan.forgets:
            self.check(life.callbacks_run == runs, f"{life}: {life.callbacks_run} callbacks")

    def drop_child(self, life: Life) -> None:
        """A hook has raised, so the layers have closed the body that was to be passed on."""
        if life.child is not None and not life.child.has_ended:
            (active,) = life.raised
            life.raised |= self.end(life.child, active)
            self.tell(life, life.child.outcome)
        life.child = None

    def step(self, life: Life) -> None:
        """Pull one chunk as a server does."""
        life.begun = True
        try:
            if life.chunks is None:
                life.chunks = iter(life.body)
            next(life.chunks)
        except StopIteration:
            life.finished = True
        except BaseException as error:
            life.stream_error = error
            expected = set().union(*(each.raised for each in self.with_ancestors(life)))
            self.compare(life, error, expected)
        else:
            life.headers_sent = True

    def close(self, life: Life, active: BaseException | None = None) -> None:
        """Close the body, as from the ``except`` of a server whose socket failed."""
        raised = None
        try:
            if active is None:
                life.body.close()
            else:
                try:
                    raise active
                except type(active):
                    life.body.close()
        except BaseException as error:
            raised = error
        expected = self.end(life, active)
        self.compare(life, raised, expected)

    def compare(self, life: Life, error: BaseException | None, expected: set[Any]) -> None:
        found = leaves(error)
        self.check(fits(found, expected), f"{life}: {found} was raised, not {expected}")

    def end(self, life: Life, active: BaseException | None) -> set[BaseException]:
        """End a request in the model; return what its close must raise."""
        outcome = self.outcome_of_body(life, active)
        errors = set(life.close_errors)
        child = life.child
        if child is not None and not child.has_ended:
            child.begun = child.begun or life.begun
            child.finished = child.finished or life.finished
            child.stream_error = life.stream_error
            errors |= self.end(child, active)
            self.tell(life, child.outcome)
        self.settle(life, outcome or errors or life.failure or None)
        errors = errors | self.end_errors(life)  # another set: the first is the outcome
        if errors and is_exit(life.stream_error):
            return {life.stream_error}  # under way already: it comes before errors of the end
        return errors

    def outcome_of_body(self, life: Life, active: BaseException | None) -> Outcome:
        if life.stream_error is not None:
            return leaves(life.stream_error)
        if life.finished:
            return None
        if active is not None and not isinstance(active, OSError | GeneratorExit):
            return {active}
        return None if active is None and not life.begun else GONE

    def tell(self, life: Life, outcome: Outcome) -> None:
        """A request that another one made in its own environ makes that one fail too.

        Where the client went, each sees by itself.
        """
        if outcome not in (None, GONE) and not is_one(outcome, HTTPException):
            life.mark(outcome)

    def settle(self, life: Life, outcome: Outcome) -> None:
        for each in life.inside:
            each.has_ended, each.outcome = True, outcome

    def end_errors(self, life: Life) -> set[BaseException]:
        return set().union(*(each.end_errors for each in life.inside))

    def nest(self, life: Life) -> None:
        """Let a request run a whole other one."""
        child = self.make_request(life.plan.child)
        if life.plan.shares_environ:
            path = child.environ["PATH_INFO"]
            child.environ = {**life.environ, LIFE: child, "PATH_INFO": path}
        self.open(child)
        self.look(life)
        if not child.has_ended:
            while not child.finished and child.stream_error is None:
                self.step(child)
                self.look(life)
            self.close(child)
            if life.plan.shares_environ:
                self.tell(life, child.outcome)
        self.look(life)

    def run_copy(self, life: Life, copy: Life, error: BaseException | None) -> None:
        """What another thread does with a request that was handed over to it."""
        self.check("life" not in g, f"the copy of {life} shares its g")
        g.life = copy
        self.check(current_app == life.app, f"in a copy of {life}: {current_app} is current")
        found = request.environ[LIFE]
        self.check(found is life, f"in a copy of {life}: request of {found}")
        if life.has_worked and not life.has_ended:
            self.check(str(life.number) in session, f"in a copy of {life}: {dict(session)}")
        expected = life.number if life.has_worked else "never set"
        self.check(variable.get() == expected, f"in a copy of {life}: {variable.get()}")
        variable.set("set in a copy")
        if "db" in g:
            self.check(g.db == "db", f"in a copy of {life}: another provider")
        if error is not None:
            raise error


class Steps:
    """How much was done."""

    def __init__(self) -> None:
        self.examples = self.steps = 0


counted = Steps()
indexes = st.integers(0, 99)
errors = st.sampled_from([None, None, Fault])


def step(**arguments: st.SearchStrategy[Any]) -> Callable[..., Any]:
    """A rule that is counted; if it fails, the machine's own end checks nothing more."""

    def decorate(function: Callable[..., None]) -> Any:
        @wraps(function)
        def run(self: "Machine", **drawn: Any) -> None:
            self.is_sound = False
            counted.steps += 1
            function(self, **drawn)
            self.is_sound = True

        return rule(**arguments)(run)

    return decorate


def has(name: str) -> Callable[[Any], Any]:
    return precondition(lambda self: bool(getattr(self, name)))


class Machine(RuleBasedStateMachine):
    """One thread that serves several requests at once, and another that helps it."""

    helper: ThreadPoolExecutor

    def __init__(self) -> None:
        super().__init__()
        counted.examples += 1
        self.world = World()
        self.open_requests: list[Life] = []
        self.closed_requests: list[Life] = []
        self.app_stack: list[Life] = []
        self.request_stack: list[Life] = []
        self.pushed: list[Life] = []
        self.is_sound = True

    @property
    def copies(self) -> list[tuple[Life, Callable[..., None]]]:
        return self.world.copies

    def call(self, threaded: bool, function: Callable[..., Any], *args: Any) -> None:
        """Call it here or in the other thread, which must not keep anything of it."""
        if not threaded:
            function(*args)
            return
        self.helper.submit(function, *args).result()
        self.helper.submit(self.look_into_helper).result()

    def look_into_helper(self) -> None:
        is_empty = not has_app_context() and not has_request_context()
        self.world.check(is_empty, "a context was left in the other thread")
        self.world.check(variable.get() == "never set", "a variable was left in the other thread")

    # Requests

    @step(plan=plans, threaded=st.booleans())
    def open(self, plan: Plan, threaded: bool) -> None:
        life = self.world.make_request(plan)
        self.call(threaded, self.world.open, life)
        if not life.has_ended:
            self.open_requests.append(life)

    @has("open_requests")
    @step(index=indexes, threaded=st.booleans())
    def pull(self, index: int, threaded: bool) -> None:
        life = self.open_requests[index % len(self.open_requests)]
        if life.stream_error is None:
            self.call(threaded, self.world.step, life)

    @has("open_requests")
    @step(index=indexes)
    def pull_all(self, index: int) -> None:
        life = self.open_requests[index % len(self.open_requests)]
        while not life.finished and life.stream_error is None:
            self.world.step(life)

    @has("open_requests")
    @step(
        index=indexes,
        threaded=st.booleans(),
        active=st.sampled_from([None, None, BrokenPipeError, GeneratorExit, Fault, Stop]),
    )
    def close(self, index: int, threaded: bool, active: type[BaseException] | None) -> None:
        life = self.open_requests.pop(index % len(self.open_requests))
        self.call(threaded, self.world.close, life, active and active())
        self.closed_requests.append(life)

    @has("closed_requests")
    @step(index=indexes, threaded=st.booleans())
    def close_again(self, index: int, threaded: bool) -> None:
        life = self.closed_requests[index % len(self.closed_requests)]
        self.call(threaded, life.body.close)

    @has("closed_requests")
    @step(index=indexes)
    def pull_after_close(self, index: int) -> None:
        for _ in iter(self.closed_requests[index % len(self.closed_requests)].body):
            pass

    @has("open_requests")
    @step(index=indexes)
    def abandon(self, index: int) -> None:
        life = self.open_requests.pop(index % len(self.open_requests))
        found: list[Any] = []
        hook, sys.unraisablehook = sys.unraisablehook, lambda args: found.append(args.exc_value)
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                life.body = life.chunks = None
                if not life.ends:
                    gc.collect()
        finally:
            sys.unraisablehook = hook
        expected = self.world.end(life, None)
        self.world.compare(life, next(iter(found), None), expected)
        categories = [each.category for each in warned]
        self.world.check(categories == [ResourceWarning], f"{life}: abandoned with {categories}")

    @has("open_requests")
    @step(index=indexes)
    def close_while_another_thread_pulls(self, index: int) -> None:
        life = self.open_requests[index % len(self.open_requests)]
        if life.stream_error is not None:
            return
        met, go_on, paused = threading.Event(), threading.Event(), []

        def pause() -> None:
            paused.append(True)
            met.set()
            go_on.wait()

        for each in self.world.with_ancestors(life):
            each.pause = pause
        pulling = self.helper.submit(self.world.step, life)
        pulling.add_done_callback(lambda _: met.set())
        met.wait()
        try:
            if paused:
                with pytest.raises(RuntimeError, match="cannot enter context"):
                    life.body.close()
        finally:
            for each in self.world.with_ancestors(life):
                each.pause = None
            go_on.set()
            pulling.result()

    # Contexts pushed by hand

    @step(kind=st.sampled_from(["app", "request"]), failing=failing_ends)
    def push(self, kind: str, failing: frozenset[str]) -> None:
        life = self.world.push(kind, Plan(failing_ends=failing))
        self.pushed.append(life)
        self.note_push(life)

    def note_push(self, life: Life) -> None:
        self.app_stack.append(life)
        if life.kind == "request":
            self.request_stack.append(life)

    @has("app_stack")
    @step(index=indexes)
    def push_again(self, index: int) -> None:
        life = self.app_stack[index % len(self.app_stack)]
        life.context.push()
        self.note_push(life)

    @has("app_stack")
    @step(error=errors)
    def pop(self, error: type[BaseException] | None) -> None:
        life = self.app_stack.pop()
        if life.kind == "request":
            self.request_stack.pop()
        outcome = error and error()
        raised = None
        try:
            life.context.pop(outcome)
        except BaseException as error:
            raised = error
        if life not in self.app_stack:
            self.world.settle(life, leaves(outcome) or None)
        self.world.compare(life, raised, life.end_errors)

    @has("pushed")
    @step(index=indexes)
    def pop_another(self, index: int) -> None:
        life = self.pushed[index % len(self.pushed)]
        if self.app_stack and self.app_stack[-1] is life:
            return
        with pytest.raises(RuntimeError, match="popped"):
            life.context.pop()

    @has("request_stack")
    @step()
    def pop_app_context_alone(self) -> None:
        """As no app should: it is refused, and changes nothing."""
        life = self.app_stack[-1]
        if life.kind == "request":
            with pytest.raises(RuntimeError, match="popped <AppContext"):
                life.context.app_context.pop()

    @has("app_stack")
    @step()
    def use_provider(self) -> None:
        current = self.app_stack[-1]
        if "db" not in g:
            g._get_current_object().provide({"db": self.world.provider("db")})
        assert g.db == "db"
        assert current.opened == ["db"]

    # Requests handed over

    @has("request_stack")
    @step()
    def hand_over(self) -> None:
        copy = copy_current_request_context(self.world.run_copy)
        self.copies.append((self.request_stack[-1], copy))

    @has("copies")
    @step(index=indexes, threaded=st.booleans(), error=errors)
    def call_copy(self, index: int, threaded: bool, error: type[BaseException] | None) -> None:
        original, function = self.copies[index % len(self.copies)]
        copy, outcome = Life("copy", original.app), error and error()
        self.world.lives.append(copy)
        raised = None
        try:
            self.call(threaded, function, original, copy, outcome)
        except BaseException as error:
            raised = error
        self.world.settle(copy, leaves(outcome) or None)
        self.world.compare(copy, raised, leaves(outcome))

    # The model

    @invariant()
    def proxies_point_to_what_is_current(self) -> None:
        assert variable.get() == "never set"
        check_current(self.app_stack, has_app_context(), (current_app, g))
        check_current(self.request_stack, has_request_context(), (request, session))
        if self.app_stack:
            assert current_app == self.app_stack[-1].app
            assert g._get_current_object() is self.app_stack[-1].context.g
            assert g.life is self.app_stack[-1]
        if self.request_stack:
            assert request_contexts.top is self.request_stack[-1].context
            assert request.environ[LIFE] is self.request_stack[-1]

    @invariant()
    def each_context_has_ended_once_or_not_at_all(self) -> None:
        problems = [*self.world.problems]
        for life in self.world.lives:
            problems += life.problems()
        self.is_sound = not problems
        assert not problems, "\n".join(problems)

    def teardown(self) -> None:
        try:
            if self.is_sound:
                self.end_everything()
        finally:
            self.clean_up()

    def clean_up(self) -> None:
        """Leave nothing to the next example, also when a step has failed."""
        ends = [life.body.close for life in self.open_requests]
        ends += [life.context.pop for life in reversed(self.app_stack)]
        for end in ends:
            with suppress(BaseException):
                end()
        clear_thread()
        self.helper.submit(clear_thread).result()

    def end_everything(self) -> None:
        while self.open_requests:
            life = self.open_requests.pop()
            self.world.close(life)
        while self.app_stack:
            self.pop(error=None)
        self.proxies_point_to_what_is_current()
        self.each_context_has_ended_once_or_not_at_all()
        assert all(life.has_ended for life in self.world.lives)


def clear_thread() -> None:
    variable.set("never set")
    while request_contexts.top is not None:
        request_contexts.pop()
    while app_contexts.top is not None:
        app_contexts.pop()


def check_current(stack: list[Life], has_context: bool, proxies: tuple[Any, ...]) -> None:
    assert has_context is bool(stack)
    if not stack:
        for proxy in proxies:
            with pytest.raises(RuntimeError, match=r"(?i)working outside"):
                proxy._get_current_object()


def run_machine(number: int, examples: int) -> None:
    profile = settings(
        max_examples=examples,
        stateful_step_count=50,
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.normal,
    )
    run_state_machine_as_test(seed(number)(Machine), settings=profile)


def test_random_sequences_agree_with_the_model(record_property: Callable[..., None]) -> None:
    started, number = time.monotonic(), 0
    try:
        with ThreadPoolExecutor(1) as Machine.helper:
            while time.monotonic() - started < SECONDS:
                number = random.SystemRandom().getrandbits(32) if SEED is None else int(SEED)
                run_machine(number, 20)
    except BaseException as error:
        error.add_note(f"The same again: MACHINE_SEED={number}")
        raise
    finally:
        seconds = time.monotonic() - started
        figures = f"{counted.examples} examples, {counted.steps} steps in {seconds:.0f} s"
        record_property("figures", figures)
