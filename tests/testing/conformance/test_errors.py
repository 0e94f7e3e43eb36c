"""For each case of errors, a naive middleware that it catches."""

import sys
from functools import partial

import pytest

from wsgikit.testing.conformance import CASES, ConformanceError


def layer(function):
    return lambda app: partial(function, app)


def close(body):
    if hasattr(body, "close"):
        body.close()


def apologise(start_response):
    start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"sorry"]


@layer
def answers_errors(app, environ, start_response):
    try:
        return app(environ, start_response)
    except Exception:
        return apologise(start_response)


@layer
def swallows_late_errors(app, environ, start_response):
    started = []

    def start(*args):
        started.append(args)
        return start_response(*args)

    try:
        return app(environ, start)
    except Exception:
        if started:
            return []
        raise


@layer
def makes_an_iterator_at_once(app, environ, start_response):
    body = app(environ, start_response)
    return ending_with(iter(body), body)


def ending_with(chunks, body):
    try:
        yield from chunks
    finally:
        close(body)


@layer
def closes_after_the_last_chunk(app, environ, start_response):
    body = app(environ, start_response)
    yield from body
    close(body)


@layer
def replaces_errors(app, environ, start_response):
    try:
        yield from app(environ, start_response)
    except Exception as error:
        raise RuntimeError("something failed") from error


@layer
def replaces_errors_and_closes(app, environ, start_response):
    body = app(environ, start_response)
    try:
        yield from body
    except Exception as error:
        raise RuntimeError("cut") from error
    finally:
        close(body)


@layer
def answers_in_the_middle(app, environ, start_response):
    body = app(environ, start_response)
    try:
        yield from body
    except Exception:
        yield b"sorry"
    finally:
        close(body)


@layer
def swallows_errors_of_close(app, environ, start_response):
    body = app(environ, start_response)
    try:
        yield from body
    finally:
        try:
            close(body)
        except Exception:
            environ["wsgi.errors"].flush()


@layer
def catches_everything(app, environ, start_response):
    try:
        return app(environ, start_response)
    except BaseException:
        return apologise(start_response)


@layer
def ends_quietly(app, environ, start_response):
    body = app(environ, start_response)
    try:
        yield from body
    except BaseException:
        return
    finally:
        close(body)


@layer
def closes_quietly(app, environ, start_response):
    body = app(environ, start_response)
    try:
        yield from body
    finally:
        try:
            close(body)
        except BaseException:
            environ["wsgi.errors"].flush()


NAIVE = {
    "before_the_start": (answers_errors, "made a response '500 Oops' of the error"),
    "after_the_start": (swallows_late_errors, "made a response '200 OK' of the error"),
    "in_iter": (makes_an_iterator_at_once, "closed the app's iterable 0 times"),
    "at_the_first_chunk": (closes_after_the_last_chunk, "closed the app's iterable 0 times"),
    "in_a_generator": (replaces_errors, "made RuntimeError('something failed') of the error"),
    "at_a_later_chunk": (answers_in_the_middle, "made a response '200 OK' of the error"),
    "after_write": (swallows_late_errors, "made a response '200 OK' of the error"),
    "in_close": (swallows_errors_of_close, "made a response '200 OK' of the error"),
    "in_close_after_another": (swallows_errors_of_close, "lost [Broken('in close')]"),
    "interrupts": (catches_everything, "made a response '500 Oops' of the error Interrupt("),
    "interrupts_in_the_body": (ends_quietly, "of the error Interrupt("),
    "interrupts_in_close": (closes_quietly, "made a response '200 OK' of the error Interrupt("),
}
OF_LAYERS_THAT_ANSWER = {
    "after_write": (swallows_late_errors, "made a response '200 OK' of the error"),
    "in_close_after_another": (answers_errors, "though it answers errors"),
    "before_the_start": (lambda app: app, "though it answers errors"),
    "after_the_start": (swallows_late_errors, "though it answers errors"),
    "in_iter": (answers_errors, "though it answers errors"),
    "at_the_first_chunk": (answers_errors, "though it answers errors"),
    "in_a_generator": (answers_errors, "though it answers errors"),
    "at_a_later_chunk": (answers_in_the_middle, "made a response '200 OK' of the error"),
    "interrupts": (catches_everything, "made a response '500 Oops' of the error Interrupt("),
}
ERRORS = {case.title: case for case in CASES if case.topic == "errors"}


@pytest.mark.parametrize("case", ERRORS.values(), ids=str)
def test_case_catches(case):
    naive, text = NAIVE[case.title]
    with pytest.raises(ConformanceError) as caught:
        case.check(naive)
    assert text in str(caught.value)


def test_error_layer_may_raise_another_from_a_late_error():
    late = ERRORS["at_a_later_chunk"]
    late.check(replaces_errors_and_closes, answers_errors=True)
    with pytest.raises(ConformanceError, match="made RuntimeError"):
        late.check(replaces_errors_and_closes)


@pytest.mark.parametrize("title", OF_LAYERS_THAT_ANSWER)
def test_case_catches_an_error_layer(title):
    naive, text = OF_LAYERS_THAT_ANSWER[title]
    with pytest.raises(ConformanceError) as caught:
        ERRORS[title].check(naive, answers_errors=True)
    assert text in str(caught.value)
