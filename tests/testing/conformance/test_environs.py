"""For each case of environs, a naive middleware that it catches."""

from functools import partial

import pytest

from wsgikit.testing.conformance import CASES, ConformanceError


def layer(function):
    return lambda app: partial(function, app)


class Environ(dict):
    pass


def hands_on(make):
    @layer
    def hands_on(app, environ, start_response):
        return app(make(environ), start_response)

    return hands_on


def needs(read):
    @layer
    def needs(app, environ, start_response):
        environ["my.key"] = read(environ)
        return app(environ, start_response)

    return needs


@layer
def cleans_the_path(app, environ, start_response):
    environ["PATH_INFO"] = environ["PATH_INFO"].replace("//", "/")
    return app(environ, start_response)


@layer
def leaves_the_path_changed(app, environ, start_response):
    inner = dict(environ)
    environ["SCRIPT_NAME"], environ["PATH_INFO"] = environ["PATH_INFO"], ""
    return app(inner, start_response)


@layer
def needs_its_key_at_the_start(app, environ, start_response):
    def start(*args):
        environ["my.key"].append(args)
        return start_response(*args)

    environ["my.key"] = []
    return app(environ, start)


@layer
def needs_its_key_after_an_error(app, environ, start_response):
    environ["my.key"] = []
    try:
        return app(environ, start_response)
    except Exception as error:
        environ["my.key"].append(error)
        raise


def known(environ):
    return {key: environ[key] for key in environ if key.isupper() or key.startswith("wsgi.")}


NAIVE = {
    "plain_dict": (hands_on(Environ), "handed on a Environ as environ"),
    "keys_of_others": (hands_on(known), "lost environ['another.layer']"),
    "location": (cleans_the_path, "of ['PUT', '/mounted', '/a//b', 'c=d&c=e'] for the app"),
    "cleared_by_the_app": (needs_its_key_at_the_start, "fail with KeyError('my.key')"),
    "cleared_before_an_error": (needs_its_key_after_an_error, "made KeyError('my.key') of the"),
    "nothing_optional": (needs(lambda environ: environ["QUERY_STRING"]), "fail with KeyError"),
    "malformed_content_length": (
        needs(lambda environ: int(environ.get("CONTENT_LENGTH", "0"))),
        "made ValueError",
    ),
    "malformed_cookies": (
        needs(lambda environ: dict(pair.split("=") for pair in environ["HTTP_COOKIE"].split(";"))),
        "made ValueError",
    ),
    "malformed_headers": (
        needs(lambda environ: environ.get("HTTP_AUTHORIZATION", "").encode("ascii")),
        "made UnicodeEncodeError",
    ),
    "malformed_locations": (
        needs(lambda environ: environ["PATH_INFO"].encode("latin1").decode()),
        "made UnicodeDecodeError",
    ),
}
ENVIRONS = {case.title: case for case in CASES if case.topic == "environs"}


@pytest.mark.parametrize("case", ENVIRONS.values(), ids=str)
def test_case_catches(case):
    naive, text = NAIVE[case.title]
    with pytest.raises(ConformanceError) as caught:
        case.check(naive)
    assert text in str(caught.value)


def test_case_catches_what_changes_for_the_layers_outside():
    with pytest.raises(ConformanceError, match="to the layers outside"):
        ENVIRONS["location"].check(leaves_the_path_changed)
