"""G, the namespace behind ``g``: plain attributes and lazy providers."""

import contextlib
import functools

import pytest
from werkzeug.test import create_environ

from wsgikit import App, g
from wsgikit.errors import ConfigurationError
from wsgikit.middleware import standard
from wsgikit.namespace import G, check_providers


class Manager:
    """A context manager that notes what happened to it."""

    def __init__(self, value="entered", error=None, calls=None):
        self.value = value
        self.error = error
        self.calls = [] if calls is None else calls
        self.outcomes = []

    def __enter__(self):
        self.calls.append(f"enter {self.value}")
        return self.value

    def __exit__(self, exc_type, error, traceback):
        self.calls.append(f"exit {self.value}")
        self.outcomes.append((exc_type, error, traceback))
        if self.error is not None:
            raise self.error


def fail():
    pytest.fail("the provider ran")


# Plain attributes


def test_attribute_is_set_read_and_deleted():
    namespace = G({})
    namespace.a = 1
    assert namespace.a == 1
    del namespace.a
    assert "a" not in namespace


@pytest.mark.parametrize("name", ["provided", "providers", "exits", "app", "user"])
def test_every_name_that_is_no_method_can_be_set_and_is_then_listed(name):
    namespace = G({})
    setattr(namespace, name, 1)
    assert name in namespace
    assert list(namespace) == [name]
    assert namespace.pop(name) == 1


def test_missing_attribute_is_named():
    with pytest.raises(AttributeError, match=r"g has no 'missing'"):
        _ = G({}).missing


def test_missing_attribute_cannot_be_deleted():
    namespace = G({"db": fail})
    with pytest.raises(AttributeError):
        del namespace.db


def test_get_gives_the_attribute_or_the_default():
    namespace = G({})
    namespace.a = 1
    assert namespace.get("a") == 1
    assert namespace.get("b") is None
    assert namespace.get("b", 2) == 2
    assert "b" not in namespace


def test_pop_removes_what_was_set():
    namespace = G({})
    namespace.a = 1
    namespace.b = 2
    assert (namespace.pop("a"), namespace.pop("b", "default")) == (1, 2)
    assert list(namespace) == []


def test_pop_of_what_is_missing_raises_or_gives_the_default():
    with pytest.raises(KeyError, match="a"):
        G({}).pop("a")
    assert G({}).pop("a", None) is None
    assert G({}).pop("a", 2) == 2


def test_setdefault_sets_only_what_is_missing():
    namespace = G({})
    assert namespace.setdefault("a") is None
    assert namespace.setdefault("b", 1) == 1
    assert namespace.setdefault("b", 2) == 1
    assert (namespace.a, namespace.b) == (None, 1)


def test_contains_and_iteration_know_attributes_and_providers_and_run_none():
    namespace = G({"db": fail, "site": fail})
    namespace.a = 1
    namespace.site = "set"
    assert "a" in namespace
    assert "db" in namespace
    assert "c" not in namespace
    assert sorted(namespace) == ["a", "db", "site"]


def test_repr_names_what_is_there_and_runs_nothing():
    namespace = G({"db": fail})
    namespace.a = 1
    assert repr(namespace) == "<g: a, db>"
    assert repr(G({})) == "<g: empty>"


def test_namespaces_share_nothing():
    providers = {"items": list}
    first, second = G(providers), G(providers)
    first.items.append(1)
    first.a = 1
    assert second.items == []
    assert "a" not in second
    assert providers == {"items": list}


# Providers of every kind


def generator():
    yield "made"


class CallableObject:
    def __call__(self):
        return "made"


class WithMethods:
    def make(self):
        return "made"

    def generate(self):
        yield "made"


def either_way(value="made"):
    return value


PROVIDERS = {
    "value": "made",
    "function": lambda: "made",
    "generator function": generator,
    "bound generator": functools.partial(generator),
    "generator method": WithMethods().generate,
    "method": WithMethods().make,
    "callable object": CallableObject(),
    "function with defaults": either_way,
    "context manager": contextlib.nullcontext("made"),
    "function that returns a context manager": contextlib.contextmanager(generator),
    "class of a context manager": functools.partial(contextlib.nullcontext, "made"),
}


@pytest.mark.parametrize("kind", PROVIDERS)
def test_provider_makes_the_attribute(kind):
    check_providers({"it": PROVIDERS[kind]})
    namespace = G({"it": PROVIDERS[kind]})
    assert namespace.it == "made"
    namespace.close(None)


def test_context_manager_that_is_a_decorator_too_is_entered():
    class Transaction(contextlib.ContextDecorator, Manager):
        """As ``django.db.transaction.atomic()``: callable, but not without arguments."""

    transaction = Transaction()
    check_providers({"transaction": transaction})
    namespace = G({"transaction": transaction})
    assert namespace.transaction == "entered"
    namespace.close(None)
    assert len(transaction.outcomes) == 1


@pytest.mark.parametrize("value", [None, 0, "", [], False])
def test_falsy_values_are_provided_and_made_once(value):
    made = []
    namespace = G({"plain": value, "made": lambda: made.append(1) or value})
    assert namespace.plain == value
    assert [namespace.made, namespace.made] == [value, value]
    assert made == [1]


def test_class_is_called():
    assert G({"items": list}).items == []


def test_untouched_provider_never_runs():
    namespace = G({"db": fail})
    namespace.close(None)


def test_provider_runs_once():
    made = []
    namespace = G({"db": lambda: made.append(1)})
    assert namespace.db is namespace.db
    assert made == [1]


def test_provider_may_use_another():
    namespace = G({"user": lambda: f"user of {namespace.db}", "db": lambda: "db"})
    assert namespace.user == "user of db"


@pytest.mark.parametrize(
    "use",
    [
        lambda namespace: hasattr(namespace, "db"),
        lambda namespace: getattr(namespace, "db", None),
        lambda namespace: namespace.get("db"),
        lambda namespace: namespace.setdefault("db", "default"),
    ],
    ids=["hasattr", "getattr", "get", "setdefault"],
)
def test_every_way_to_read_runs_the_provider(use):
    namespace = G({"db": lambda: "connection"})
    assert use(namespace) in (True, "connection")
    assert namespace.db == "connection"


def test_attribute_set_over_a_provider_keeps_it_from_running():
    namespace = G({"db": fail})
    namespace.db = "set"
    assert namespace.db == "set"
    assert namespace.get("db") == "set"
    namespace.close(None)


def test_deleting_what_was_set_brings_the_provider_back():
    namespace = G({"db": lambda: "made"})
    namespace.db = "set"
    del namespace.db
    assert namespace.db == "made"


def test_deleted_value_of_a_provider_is_not_made_again_but_still_closed():
    manager = Manager()
    namespace = G({"db": manager})
    assert namespace.db == "entered"
    del namespace.db
    with pytest.raises(AttributeError):
        _ = namespace.db
    namespace.close(None)
    assert manager.calls == ["enter entered", "exit entered"]


def test_pop_runs_no_provider_and_leaves_it():
    namespace = G({"db": lambda: "made"})
    with pytest.raises(KeyError):
        namespace.pop("db")
    assert namespace.pop("db", "default") == "default"
    assert namespace.db == "made"


def test_popped_value_of_a_provider_is_still_closed():
    manager = Manager()
    namespace = G({"db": manager})
    namespace.get("db")
    assert namespace.pop("db") == "entered"
    namespace.close(None)
    assert manager.calls == ["enter entered", "exit entered"]


# Providers that fail


def test_provider_that_asks_for_itself_fails_instead_of_recursing():
    namespace = G({"db": lambda: namespace.db})
    with pytest.raises(RuntimeError, match=r"the provider of g\.db failed"):
        _ = namespace.db


def test_providers_that_ask_for_each_other_fail_instead_of_recursing():
    namespace = G({"a": lambda: namespace.b, "b": lambda: namespace.a})
    with pytest.raises(RuntimeError, match=r"the provider of g\.b failed"):
        _ = namespace.a
    assert sorted(namespace) == ["a", "b"]


@pytest.mark.parametrize(
    "use",
    [
        lambda namespace: namespace.db,
        lambda namespace: hasattr(namespace, "db"),
        lambda namespace: getattr(namespace, "db", None),
        lambda namespace: namespace.get("db"),
        lambda namespace: namespace.setdefault("db", None),
    ],
    ids=["attribute", "hasattr", "getattr", "get", "setdefault"],
)
def test_attribute_error_in_a_provider_is_not_taken_for_a_missing_attribute(use):
    def connect():
        return object().no_such_attribute

    with pytest.raises(RuntimeError, match=r"g\.db failed") as raised:
        use(G({"db": connect}))
    assert isinstance(raised.value.__cause__, AttributeError)


def test_attribute_error_on_entering_is_not_hidden_either():
    class Broken(Manager):
        def __enter__(self):
            raise AttributeError("in enter")

    with pytest.raises(RuntimeError, match=r"g\.db failed"):
        hasattr(G({"db": Broken()}), "db")


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt(), SystemExit(1)])
def test_failed_provider_raises_its_own_error_and_can_be_tried_again(error):
    results = [error, "connection"]

    def connect():
        result = results.pop(0)
        if isinstance(result, BaseException):
            raise result
        return result

    namespace = G({"db": connect})
    with pytest.raises(type(error)) as raised:
        _ = namespace.db
    assert raised.value is error
    assert "db" in namespace
    assert namespace.db == "connection"


def test_manager_that_could_not_be_entered_is_not_left():
    class Broken(Manager):
        def __enter__(self):
            raise KeyError("in enter")

    manager = Broken()
    namespace = G({"db": manager})
    with pytest.raises(KeyError):
        _ = namespace.db
    namespace.close(None)
    assert manager.outcomes == []


def test_generator_that_yields_nothing_is_an_error():
    def connect():
        return
        yield

    with pytest.raises(RuntimeError, match="didn't yield"):
        _ = G({"db": connect}).db


# Closing


def test_managers_are_left_last_entered_first():
    calls = []
    namespace = G({name: Manager(name, calls=calls) for name in "abc"})
    assert namespace.b + namespace.a == "ba"
    namespace.close(None)
    assert calls == ["enter b", "enter a", "exit a", "exit b"]


def test_manager_that_another_one_needs_is_left_after_it():
    calls = []
    namespace = G({})

    def user():
        return Manager("user of " + namespace.db, calls=calls)

    namespace.provide({"user": user, "db": Manager("db", calls=calls)})
    _ = namespace.user
    namespace.close(None)
    assert calls == ["enter db", "enter user of db", "exit user of db", "exit db"]


def test_second_close_does_nothing():
    manager = Manager()
    namespace = G({"db": manager})
    _ = namespace.db
    namespace.close(None)
    namespace.close(KeyError("late"))
    assert manager.outcomes == [(None, None, None)]


def test_manager_gets_type_error_and_traceback_of_the_outcome():
    manager = Manager()
    namespace = G({"db": manager})
    _ = namespace.db
    try:
        raise KeyError("x")
    except KeyError as error:
        outcome = error
    namespace.close(outcome)
    assert manager.outcomes == [(KeyError, outcome, outcome.__traceback__)]
    assert outcome.__traceback__ is not None


def test_falsy_error_is_still_an_outcome():
    class Falsy(Exception):
        def __bool__(self):
            return False

    manager = Manager()
    namespace = G({"db": manager})
    _ = namespace.db
    outcome = Falsy()
    namespace.close(outcome)
    assert manager.outcomes == [(Falsy, outcome, None)]


def transaction(ends, after=None):
    """A generator provider that commits or rolls back; ``after`` says what it does then."""

    def provider():
        try:
            yield "connection"
        except BaseException as error:
            ends.append(("rolled back", error))
            if after is not None:
                after(error)
        else:
            ends.append(("committed", None))

    return provider


def raise_it(error):
    raise error


@pytest.mark.parametrize("after", [None, raise_it], ids=["swallows", "raises again"])
@pytest.mark.parametrize("outcome", [KeyError("x"), StopIteration(), GeneratorExit()])
def test_generator_sees_the_outcome_at_its_yield(after, outcome):
    ends = []
    namespace = G({"db": transaction(ends, after)})
    _ = namespace.db
    namespace.close(outcome)
    assert ends == [("rolled back", outcome)]


def test_generator_goes_on_after_its_yield_when_all_went_well():
    ends = []
    namespace = G({"db": transaction(ends)})
    _ = namespace.db
    namespace.close(None)
    assert ends == [("committed", None)]


def test_outcome_swallowed_by_one_generator_still_reaches_the_others():
    ends, outcome = [], KeyError("x")
    namespace = G({"a": transaction(ends), "b": transaction(ends)})
    _ = namespace.a, namespace.b
    namespace.close(outcome)
    assert ends == [("rolled back", outcome)] * 2


def test_generator_that_raises_another_error_is_heard():
    def another(error):
        raise ValueError("rollback failed") from error

    namespace = G({"db": transaction([], another)})
    _ = namespace.db
    with pytest.raises(ValueError, match="rollback failed"):
        namespace.close(KeyError("x"))


@pytest.mark.parametrize("outcome", [KeyError("x"), KeyboardInterrupt()])
def test_manager_that_raises_the_outcome_itself_again_is_no_failure(outcome):
    class Raising(Manager):
        def __exit__(self, exc_type, error, traceback):
            super().__exit__(exc_type, error, traceback)
            raise error

    manager = Raising()
    namespace = G({"db": manager})
    _ = namespace.db
    namespace.close(outcome)
    assert len(manager.outcomes) == 1


def test_generator_with_a_second_yield_is_an_error():
    def connect():
        yield 1
        yield 2

    namespace = G({"db": connect})
    _ = namespace.db
    with pytest.raises(RuntimeError, match="didn't stop"):
        namespace.close(None)


def test_every_manager_is_left_and_all_errors_are_raised():
    errors = {name: KeyError(name) for name in "ac"}
    managers = {name: Manager(name, errors.get(name)) for name in "abc"}
    namespace = G(managers)
    _ = namespace.a, namespace.b, namespace.c
    with pytest.raises(ExceptionGroup) as raised:
        namespace.close(None)
    assert raised.value.exceptions == (errors["c"], errors["a"])
    assert all(len(manager.outcomes) == 1 for manager in managers.values())


def test_provider_first_used_while_closing_is_closed_too():
    log = Manager("log")
    namespace = G({})

    def connect():
        yield "connection"
        namespace.get("log")

    namespace.provide({"db": connect, "log": log})
    _ = namespace.db
    namespace.close(None)
    assert log.calls == ["enter log", "exit log"]


# provide


def test_provided_later_is_there():
    namespace = G({})
    namespace.provide({"db": lambda: "db"})
    namespace.provide({"user": lambda: "user"})
    assert (namespace.db, namespace.user) == ("db", "user")


def test_provided_later_replaces_what_has_not_run():
    namespace = G({"db": fail})
    namespace.provide({"db": lambda: "second"})
    assert namespace.db == "second"


def test_provided_later_leaves_what_has_run_or_was_set():
    namespace = G({"db": lambda: "first"})
    namespace.site = "set"
    assert namespace.db == "first"
    namespace.provide({"db": fail, "site": fail})
    assert (namespace.db, namespace.site) == ("first", "set")


def test_providing_changes_no_mapping_that_was_given():
    first, second = {"a": 1}, {"b": 2}
    namespace = G(first)
    namespace.provide(second)
    assert (namespace.a, namespace.b) == (1, 2)
    assert (first, second) == ({"a": 1}, {"b": 2})


# check_providers


@pytest.mark.parametrize(
    "name", ["get", "pop", "setdefault", "provide", "close", "_private", "_X_FORWARDED"]
)
def test_name_of_gs_own_is_refused_with_another_one(name):
    with pytest.raises(ConfigurationError, match=rf"{name!r}[^$]*my_{name.strip('_')}=…"):
        check_providers({name: 1})


@pytest.mark.parametrize(
    "provider", [lambda user: user, lambda *, user: user, Manager.__exit__, len]
)
def test_callable_that_asks_for_arguments_is_refused_with_the_way_out(provider):
    with pytest.raises(ConfigurationError, match=r"g\.user[^$]*user=functools\.partial"):
        check_providers({"user": provider})


def test_callable_in_c_that_does_not_tell_is_trusted():
    check_providers({"mapping": dict})
    assert G({"mapping": dict}).mapping == {}


@pytest.mark.parametrize("provider", [1, list, lambda: 1, lambda *a, b=1, **k: 1, Manager()])
def test_callables_without_arguments_and_values_are_taken(provider):
    check_providers({"anything": provider})


# In contexts


def make_app(providers):
    app = App("app", config={"SECRET_KEY": "a key for tests"})
    standard(app, g=providers)
    return app


def test_providers_work_in_a_script():
    manager = Manager()
    with make_app({"db": manager}).app_context():
        assert g.db == "entered"
        assert manager.outcomes == []
    assert manager.outcomes == [(None, None, None)]


def test_providers_work_in_a_script_around_a_foreign_app():
    app = App("legacy", config={"SECRET_KEY": "a key for tests"})
    standard(lambda environ, start_response: [b""], current_app=app, g={"db": lambda: "connection"})
    with app.app_context():
        assert g.db == "connection"


def test_providers_are_closed_with_the_outcome_of_the_script():
    ends, error = [], KeyError("of the script")
    app = make_app({"db": transaction(ends, raise_it)})

    def script():
        with app.app_context():
            assert g.db == "connection"
            raise error

    with pytest.raises(KeyError):
        script()
    assert ends == [("rolled back", error)]


def test_provider_runs_afresh_in_each_context():
    made = []
    app = make_app({"number": lambda: made.append(1) or len(made)})
    numbers = []
    for _ in range(2):
        with app.request_context(create_environ()):
            numbers += [g.number, g.number]
    assert numbers == [1, 1, 2, 2]
