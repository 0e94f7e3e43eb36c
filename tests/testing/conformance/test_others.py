"""The battery over layers of others, with their known faults."""

import pytest
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from wsgikit.testing.conformance import CASES

_BUFFERS_WRITES = "run_wsgi_app keeps what was written, and sends it with the first chunk"
_DROPS_BODIES = "run_wsgi_app closes no body when that has no start or its first chunk raises"
_GENERATOR = "Response iterates through a generator of its own, ClosingIterator has no len()"
_IGNORES_EXC_INFO = "run_wsgi_app raises what exc_info holds at once, sent or not"
_MIMETYPE = "Response adds the default mimetype, whatever the status"

FLASK = {
    "starts.never_called": _DROPS_BODIES,
    "starts.called_twice": "run_wsgi_app takes the last start, also without exc_info",
    "starts.refused_by_the_server": "Response closes nothing when its start is refused",
    "starts.replaced_before_it_left": _IGNORES_EXC_INFO,
    "starts.replaced_after_an_empty_chunk": _IGNORES_EXC_INFO,
    "writes.at_once": _BUFFERS_WRITES,
    "writes.to_nobody": _BUFFERS_WRITES,
    "bodies.one_item_list": _GENERATOR,
    "bodies.list_of_chunks": _GENERATOR,
    "bodies.tuple_of_chunks": _GENERATOR,
    "bodies.empty_list": _GENERATOR,
    "bodies.file_wrapper": _GENERATOR,
    "bodyless.no_content": _MIMETYPE,
    "bodyless.informational": _MIMETYPE,
    "errors.in_iter": _DROPS_BODIES,
    "errors.at_the_first_chunk": _DROPS_BODIES,
    "errors.in_a_generator": _DROPS_BODIES,
    "errors.after_write": _BUFFERS_WRITES,
    "errors.in_close_after_another": _DROPS_BODIES,
    "errors.interrupts_in_the_body": _DROPS_BODIES,
}


def mounted_in_flask(app):
    """Flask's own ``wsgi_app`` as the layer: each request is answered by the app."""
    flask = Flask("mount")
    flask.config["PROPAGATE_EXCEPTIONS"] = False
    flask.before_request(lambda: app)
    return flask


def known(case, faults):
    if str(case) in faults:
        return pytest.param(case, marks=pytest.mark.xfail(strict=True, reason=faults[str(case)]))
    return case


@pytest.mark.parametrize("case", CASES, ids=str)
def test_proxy_fix_conforms(case):
    case.check(ProxyFix)


@pytest.mark.parametrize("case", [known(case, FLASK) for case in CASES], ids=str)
def test_flask_conforms_but_for_its_known_faults(case):
    case.check(mounted_in_flask, answers_errors=True)
