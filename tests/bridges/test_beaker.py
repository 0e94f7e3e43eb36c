"""Code that was written for Beaker, in Bottle."""

from __future__ import annotations

import copy

import bottle
import pytest
from bottle import request
from webtest import TestApp

from wsgikit import App, Pipeline
from wsgikit import session as pipeline_session
from wsgikit.bridges.beaker import BeakerMiddleware, BeakerSession
from wsgikit.errors import PipelineError, SessionCommitted
from wsgikit.middleware import ContextMiddleware, SessionMiddleware, standard_pipeline

COOKIE = "wsgikit_session"


@pytest.fixture
def app():
    app = bottle.Bottle()
    app.catchall = False
    return app


@pytest.fixture
def client(app, options):
    pipeline = standard_pipeline(app, current_app=App("legacy"), **options)
    return TestApp(pipeline.use(BeakerMiddleware).run(app), lint=True)


@pytest.fixture
def page(app, client):
    """Run ``view(session)`` in a request of its own, and return what it returned."""
    answers = []

    @app.get("/page")
    def page():
        answers.append(visit.view(request.environ["beaker.session"]))
        return "ok"

    def visit(view):
        visit.view = view
        visit.response = client.get("/page")
        return answers.pop()

    return visit


def test_saved_value_is_there_in_the_next_request(page):
    def count(session):
        session["test"] = session.get("test", 0) + 1
        session.save()
        return session["test"]

    assert [page(count) for _ in range(3)] == [1, 2, 3]


def test_change_counts_without_save(page):
    page(lambda session: session.update(cart=[]))
    page(lambda session: session["cart"].append("apple"))
    assert page(dict) == {"cart": ["apple"]}


def test_it_is_the_session_of_the_pipeline(page):
    def write(session):
        session["a"] = 1
        return dict(pipeline_session)

    assert page(write) == {"a": 1}


@pytest.mark.parametrize("save", ["save", "persist"])
def test_save_has_an_unchanged_session_written(page, save):
    page(lambda session: session.update(a=1))
    page(lambda session: session["a"])
    assert "Set-Cookie" not in page.response.headers
    assert page(lambda session: (getattr(session, save)(), pipeline_session.modified)) == (
        None,
        True,
    )


def test_save_after_the_headers_have_left_is_an_error(app, client):
    @app.get("/")
    def index():
        yield "first"
        with pytest.raises(SessionCommitted):
            request.environ["beaker.session"].save()

    client.get("/")


def test_has_key_and_in(page):
    page(lambda session: session.update(a=1))
    seen = page(lambda session: ("a" in session, session.has_key("a"), session.has_key("b")))
    assert seen == (True, True, False)


def test_untouched_session_sends_nothing(page):
    page(lambda session: None)
    assert "Set-Cookie" not in page.response.headers
    assert "Vary" not in page.response.headers


@pytest.mark.parametrize("end", ["invalidate", "delete"])
def test_ended_session_leaves_no_cookie_and_no_data(page, client, end):
    page(lambda session: session.update(a=1))
    assert COOKIE in client.cookies
    page(lambda session: getattr(session, end)())
    assert COOKIE not in client.cookies
    assert page(dict) == {}


@pytest.mark.parametrize("end", ["invalidate", "delete"])
def test_ended_session_leaves_the_store_at_once(page, options, end):
    def end_it(session):
        getattr(session, end)()
        return options["store"] is None or list(options["store"].iterate()) == []

    page(lambda session: session.update(a=1))
    assert page(end_it)


@pytest.mark.parametrize("end", ["invalidate", "delete"])
def test_written_after_its_end_a_new_session_begins(page, end):
    def begin_again(session):
        session.update(a=1)
        first = session.id
        getattr(session, end)()
        session["b"] = 2
        return first != session.id

    assert page(begin_again)
    assert page(lambda session: "a" in session or session["b"]) == 2


def test_id_stays_until_it_is_regenerated(page):
    first = page(lambda session: session.id)
    assert len(first) == 32
    assert page(lambda session: session.id) == first
    page(lambda session: session.regenerate_id())
    second = page(lambda session: session.id)
    assert second != first
    assert page(lambda session: session.id) == second


def test_ids_of_two_visitors_differ(page, client):
    first = page(lambda session: session.id)
    client.reset()
    assert page(lambda session: session.id) != first


def test_regenerated_session_keeps_its_data_under_another_key(page, options):
    page(lambda session: session.update(a=1))
    former = page(lambda session: session.key)
    page(lambda session: session.regenerate_id())
    assert page(lambda session: session["a"]) == 1
    assert options["store"] is None or page(lambda session: session.key) != former


def test_new_and_created_and_last_accessed(page, monkeypatch):
    now = 1_800_000_000
    monkeypatch.setattr("time.time", lambda: float(now))

    def times(session):
        session["a"] = 1
        return session.is_new, session.created, session.last_accessed

    assert page(times) == (True, now, None)
    begin = now
    now += 60
    assert page(times) == (False, begin, begin)
    page(lambda session: session.update(a=2))
    now += 60
    assert page(times) == (False, begin, now - 60)


def test_revert_goes_back_to_what_the_request_brought(page):
    def change(session):
        session["cart"].append("pear")
        session["b"] = 2
        session.revert()
        return dict(session)

    page(lambda session: session.update(cart=["apple"]))
    assert page(change) == {"cart": ["apple"]}
    assert page(dict) == {"cart": ["apple"]}


def test_revert_leaves_a_bound_session_bound(page, options):
    def bind(session):
        session["a"] = 1
        if options["store"] is not None:
            session.bind("ada")

    def change(session):
        session["b"] = 2
        session.revert()
        return session.user_id

    page(bind)
    assert page(change) == (None if options["store"] is None else "ada")
    assert page(dict) == {"a": 1}


def test_revert_of_a_new_session_empties_it(page):
    page(lambda session: (session.update(a=1), session.revert()))
    assert page(dict) == {}


@pytest.mark.parametrize("name", ["path", "domain"])
def test_what_is_the_pipelines_cannot_be_set_here(page, name):
    def set_it(session):
        with pytest.raises(AttributeError, match=rf"SessionMiddleware\({name}=…\)"):
            setattr(session, name, "/shop")
        with pytest.raises(AttributeError, match=rf"SessionMiddleware\({name}=…\)"):
            getattr(session, name)

    page(set_it)


@pytest.mark.parametrize(
    ("use", "instead"),
    [
        (lambda session: session.get_by_id("1"), "iterate"),
        (lambda session: session.load(), "lock"),
        (lambda session: session.unknown, "Session' object has no attribute 'unknown'"),
    ],
)
def test_what_is_not_here_says_what_to_use(page, use, instead):
    def view(session):
        with pytest.raises(AttributeError, match=instead):
            use(session)

    page(view)


def test_other_attributes_cannot_be_set(page):
    def view(session):
        with pytest.raises(AttributeError):
            session.timeout = 5
        session.permanent = True
        return session.permanent

    assert page(view) is True


def test_session_beside_the_visitors_is_refused(app, client):
    @app.get("/")
    def index():
        with pytest.raises(NotImplementedError, match=r"environ\['beaker.session'\]"):
            request.environ["beaker.get_session"]()
        return "ok"

    client.get("/")


def test_accessed_and_dirty_are_asked_as_beakers_are(page):
    def see(session):
        return session.accessed(), session.dirty()

    assert page(lambda session: session.accessed()) is False
    assert page(lambda session: (session.get("a"), *see(session))) == (None, True, False)
    assert page(lambda session: (session.update(a=1), *see(session))) == (None, True, True)
    assert page(lambda session: (session["a"], *see(session))) == (1, True, False)
    assert page(lambda session: (session.delete(), *see(session))) == (None, True, True)


def test_times_are_read_as_values_and_are_none(page, monkeypatch):
    now = 1_800_000_000
    monkeypatch.setattr("time.time", lambda: float(now))
    page(lambda session: session.update(a=1))
    began = now
    now += 60

    def times(session):
        return session["_creation_time"], session.get("_accessed_time"), dict(session)

    assert page(times) == (began, now, {"a": 1})


def test_copy_of_the_view_is_one_of_the_same_session(page):
    def change(session):
        copy.copy(session)["a"] = 1
        return session["a"]

    assert page(change) == 1


def test_environ_key_can_be_chosen(app, options):
    application = Pipeline().use(SessionMiddleware, **options)
    client = TestApp(application.use(BeakerMiddleware, environ_key="shop").run(app), lint=True)
    seen = []

    @app.get("/")
    def index():
        seen.append(type(request.environ["shop"]))
        seen.append("beaker.session" in request.environ)
        return "ok"

    client.get("/")
    assert seen == [BeakerSession, False]


def test_outside_the_session_layer_it_is_refused(options):
    pipeline = Pipeline().use(BeakerMiddleware).use(SessionMiddleware, **options)
    with pytest.raises(PipelineError, match=r"Move SessionMiddleware outside BeakerMiddleware"):
        pipeline.run(bottle.Bottle())


def test_without_a_session_layer_the_error_says_what_to_write(app):
    alone = ContextMiddleware(BeakerMiddleware(app), current_app=App("legacy"))
    with pytest.raises(RuntimeError) as caught:
        TestApp(alone).get("/")
    assert str(caught.value) == (
        "No session in the environ: this app stands outside SessionMiddleware, or there is none."
        "\n\nServe it in the pipeline: standard(app, current_app=App('legacy'), secret_key=…)."
    )
