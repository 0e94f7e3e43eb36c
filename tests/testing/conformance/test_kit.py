"""The kit itself: what passes, how it fails, its options."""

import subprocess
import sys
import zlib
from contextvars import ContextVar, copy_context
from functools import partial
from pathlib import Path

import pytest

from wsgikit.testing import conformance
from wsgikit.testing.conformance import CASES, ConformanceError

ROOT = Path(__file__).parents[3]
BY_NAME = {str(case): case for case in CASES}
user = ContextVar("user")


class PassThrough:
    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        return self.app(environ, start_response)


class Closing:
    """A body that does in Python what PEP 3333 asks of one."""

    def __init__(self, body):
        self.body = body

    def __iter__(self):
        return iter(self.body)

    def close(self):
        if hasattr(self.body, "close"):
            self.body.close()


class Compressor:
    """Keeps to all rules, and sends other chunks than the app."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        def start(status, headers, exc_info=None):
            headers = [header for header in headers if header[0] != "Content-Length"]
            write = start_response(status, headers, exc_info)
            return lambda data: write(squeeze(data))

        body = self.app(environ, start)
        return body if environ["REQUEST_METHOD"] == "HEAD" else Squeezed(body)


class Squeezed(Closing):
    def __iter__(self):
        return map(squeeze, self.body)


def squeeze(chunk):
    return zlib.compress(chunk) if chunk else b""


def leaves_a_variable(app):
    def layer(environ, start_response):
        user.set("someone")
        return app(environ, start_response)

    return layer


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("middleware", [lambda app: app, PassThrough], ids=["identity", "class"])
def test_what_passes_all_on_passes(case, middleware):
    case.check(middleware)


def test_check_runs_all_cases():
    conformance.check(PassThrough)
    with pytest.raises(ExceptionGroup) as caught:
        conformance.check(lambda app: partial(lambda *args: iter(app(*args))))
    names = [str(error).partition(":")[0] for error in caught.value.exceptions]
    assert "bodies.close_on_the_iterable" in names
    assert all(name in str(caught.value) for name in names)
    assert all(isinstance(error, ConformanceError) for error in caught.value.exceptions)


def test_failure_says_what_was_done_what_must_be_and_where_that_is_written():
    with pytest.raises(AssertionError) as caught:
        BY_NAME["bodies.one_item_list"].check(lambda app: lambda *args: iter(app(*args)))
    assert str(caught.value) == (
        "bodies.one_item_list: the middleware hid the length of [b'one'].\n\n"
        "A list of one chunk keeps its len(), from which servers derive Content-Length.\n"
        'See PEP 3333, "Handling the Content-Length Header".'
    )


def test_failure_tells_of_the_rule_that_was_broken():
    with pytest.raises(ConformanceError) as caught:
        BY_NAME["bodies.one_item_list"].check(leaves_a_variable)
    assert "leaves the context variables as it found them" in str(caught.value)
    assert "PEP 567" in str(caught.value)


def test_validators_tell_of_a_list_that_is_not_closed():
    def replaces_the_body(app):
        def layer(environ, start_response):
            app(environ, start_response)
            return [b"one", b"two"]

        return layer

    with pytest.raises(ConformanceError, match="dropped an iterable without its close"):
        BY_NAME["bodies.content_length"].check(replaces_the_body)


def test_failure_tells_that_validators_were_there():
    def bad_environ(app):
        def layer(environ, start_response):
            environ["my_number"] = 1
            return app(environ, start_response)

        return layer

    with pytest.raises(ConformanceError, match="between two of wsgiref's validators"):
        BY_NAME["bodies.generator"].check(bad_environ)


def test_failing_case_leaves_nothing_in_the_context_of_the_caller():
    with pytest.raises(ConformanceError, match="left these context variables changed: user"):
        BY_NAME["bodies.one_item_list"].check(leaves_a_variable)
    assert user not in copy_context()


def test_empty_stack_left_in_place_of_none_is_clean():
    def uses_a_stack(app):
        def layer(environ, start_response):
            user.set([])
            return app(environ, start_response)

        return layer

    BY_NAME["bodies.one_item_list"].check(uses_a_stack)


def test_variables_of_the_caller_are_there():
    seen = []

    def reads_the_variable(app):
        seen.append(user.get(None))
        return app

    copy_context().run(
        lambda: (user.set("caller"), BY_NAME["bodies.empty_list"].check(reads_the_variable))
    )
    assert seen == ["caller"]


def test_middleware_that_cannot_be_made_fails_each_case():
    def broken(app):
        raise TypeError("no options")

    with pytest.raises(ConformanceError, match=r"raised TypeError\('no options'\)"):
        BY_NAME["bodies.empty_list"].check(broken)


def test_key_of_the_user_interrupts():
    def interrupted(app):
        def layer(environ, start_response):
            raise KeyboardInterrupt

        return layer

    with pytest.raises(KeyboardInterrupt):
        BY_NAME["bodies.empty_list"].check(interrupted)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_body_may_be_rewritten(case):
    case.check(Compressor, rewrites_body=True)


@pytest.mark.parametrize("title", ["bodies.one_item_list", "bodies.chunks_as_they_are"])
def test_body_may_not_be_rewritten_without_the_option(title):
    with pytest.raises(ConformanceError):
        BY_NAME[title].check(Compressor)


def test_rewritten_body_has_its_own_length():
    def keeps_content_length(app):
        return lambda environ, start_response: Squeezed(app(environ, start_response))

    with pytest.raises(ConformanceError, match="with Content-Length: 6"):
        BY_NAME["bodies.content_length"].check(keeps_content_length, rewrites_body=True)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"status": "200"}, "gave the server the status '200'"),
        ({"status": 200}, "gave the server the status 200"),
        ({"headers": (("X-A", "1"),)}, "gave the server a tuple as headers"),
        ({"headers": [["X-A", "1"]]}, "gave the server the header ['X-A', '1']"),
        ({"headers": [("X-A", 1)]}, "gave the server the header ('X-A', 1)"),
        ({"headers": [("Connection", "close")]}, "sent the hop-by-hop header 'Connection'"),
        ({"body": "text"}, "returned 'text', not an iterable of bytes"),
        ({"body": b"text"}, "returned b'text', not an iterable of bytes"),
        ({"body": None}, "returned None, not an iterable of bytes"),
        ({"body": ["text"]}, "gave the server a chunk of the type str"),
    ],
)
def test_server_is_strict(changed, text):
    def middleware(app):
        def layer(environ, start_response):
            def start(status, headers, exc_info=None):
                new = changed.get("status", status), changed.get("headers", headers)
                return start_response(*new, exc_info)

            body = app(environ, start)
            return changed.get("body", body)

        return layer

    with pytest.raises(ConformanceError) as caught:
        BY_NAME["bodies.one_item_list"].check(middleware)
    assert text in str(caught.value)


def test_app_is_called_once():
    def calls_twice(app):
        def layer(environ, start_response):
            app(environ, lambda *args: None)
            return app(environ, start_response)

        return layer

    with pytest.raises(ConformanceError, match="called the app 2 times for one request"):
        BY_NAME["bodies.one_item_list"].check(calls_twice)


def test_start_response_is_called_by_position():
    def names_arguments(app):
        def layer(environ, start_response):
            def start(status, headers, exc_info=None):
                return start_response(status=status, headers=headers)

            return app(environ, start)

        return layer

    with pytest.raises(ConformanceError, match="positional-only"):
        BY_NAME["bodies.one_item_list"].check(names_arguments)


def test_kit_needs_no_other_package():
    code = (
        "import sys, wsgikit.testing.conformance; "
        "print([name for name in ('pytest', 'webtest', 'flask') if name in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert process.stdout.strip() == "[]", process.stderr
