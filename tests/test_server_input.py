"""The server's input, when it cannot be read."""

import sys
from types import SimpleNamespace

import pytest
from gunicorn.http.errors import InvalidChunkSize
from werkzeug.exceptions import BadRequest

from wsgikit.server_input import ServerInput


class Failing:
    """An input that raises an error in each of its methods."""

    def __init__(self, error):
        self._error = error

    def read(self, size=-1):
        raise self._error

    readline = read


@pytest.fixture
def context():
    return SimpleNamespace(disconnection=None)


def read_from(context, error):
    """Read as apps do, by a method and line by line; return what both have raised."""
    source = ServerInput(context, Failing(error))
    raised = []
    for read in (source.read, lambda: next(iter(source))):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the tests look at it
            read()
        raised.append(caught.value)
    return raised


def test_client_that_left_is_noted_and_the_error_goes_on(context):
    error = ConnectionResetError("reset")
    assert read_from(context, error) == [error, error]
    assert context.disconnection is error


def test_what_gunicorn_cannot_parse_is_a_400(context):
    error = InvalidChunkSize(b"ZZ")
    raised = read_from(context, error)
    assert [type(each) for each in raised] == [BadRequest, BadRequest]
    assert [each.__cause__ for each in raised] == [error, error]
    assert context.disconnection is None


@pytest.mark.parametrize("is_gunicorn", [True, False])
def test_any_other_error_goes_on(context, monkeypatch, is_gunicorn):
    if not is_gunicorn:
        monkeypatch.delitem(sys.modules, "gunicorn.http.errors")
    error = ValueError("I/O operation on closed file")
    assert read_from(context, error) == [error, error]
    assert context.disconnection is None
