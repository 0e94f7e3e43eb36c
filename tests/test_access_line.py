"""How a line is written, and where it goes when nobody has said so."""

import json
import logging
import re
from contextlib import contextmanager
from datetime import datetime

import pytest

from wsgikit.access_line import FORMATS, LOGGER, answered, as_json, as_text, asked, find_logger
from wsgikit.environ import REQUEST_ID, TRACEPARENT
from wsgikit.exchange import Exchange
from wsgikit.redaction import SECRETS, Redaction

EVERYWHERE = [
    "PATH_INFO",
    "SCRIPT_NAME",
    "QUERY_STRING",
    "REQUEST_METHOD",
    "SERVER_PROTOCOL",
    "REMOTE_ADDR",
    "HTTP_USER_AGENT",
    "HTTP_REFERER",
    REQUEST_ID,
]
"""What a client, or a layer outside, has a say in."""


def line_of(**environ):
    """The line of a request that was answered with two bytes."""
    exchange = Exchange(environ, lambda status, headers: None, lambda exchange: None)
    line = asked(environ, Redaction(SECRETS))
    exchange.start_response("200 OK", [])
    exchange.take(2)
    exchange.closed(None)
    return answered(line, exchange)


def test_text_is_the_combined_format_and_more():
    line = line_of(
        REQUEST_METHOD="GET",
        SERVER_PROTOCOL="HTTP/1.0",
        REMOTE_ADDR="203.0.113.7",
        QUERY_STRING="q=1",
        HTTP_USER_AGENT='a "quoted" \\ agent',
        **{REQUEST_ID: "an-id"},
    )
    assert re.fullmatch(
        r"203\.0\.113\.7 - - \[\d\d/[JFMASOND][a-z]{2}/20\d\d:\d\d:\d\d:\d\d \+0000\] "
        r'"GET /\?q=1 HTTP/1\.0" 200 2 "-" "a \\"quoted\\" \\\\ agent" '
        r"first_byte=0\.\d{6} seconds=0\.\d{6} "
        r'aborted=- rule="-" request_id=an-id trace_id=-',
        as_text(line),
    )


def test_json_has_all_that_is_known():
    line = json.loads(as_json(line_of(**{TRACEPARENT: f"00-{'a' * 32}-{'b' * 16}-01"})))
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert 0 < line.pop("first_byte") <= line.pop("seconds")
    assert line == {
        "client": None,
        "method": "",
        "path": "/",
        "protocol": "",
        "status": 200,
        "bytes": 2,
        "aborted": None,
        "rule": None,
        "request_id": None,
        "trace_id": "a" * 32,
        "referer": None,
        "user_agent": None,
    }


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "hostile",
    [
        "a\r\n203.0.113.7 - - forged",
        "a\x1b[31m",
        "a\x7f\x00\x85\x9b",
        "a\u2028b\u2029c".encode().decode("latin1"),
        'a" 200 0 "b',
        "a\\",
        "ä\u0100",
    ],
)
def test_no_field_can_forge_a_line(format, hostile):
    line = FORMATS[format](line_of(**dict.fromkeys(EVERYWHERE, hostile)))
    assert line.isascii()
    assert line.isprintable()
    if format == "json":
        assert json.loads(line)["status"] == 200
    else:
        unquoted = re.sub(r'"(?:[^"\\]|\\.)*"', "", line)  # every quote ends
        assert '"' not in unquoted
        assert " 200 2  " in unquoted


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("character", ["\xe9", "\x1b", "\U0001f600".encode().decode("latin1")])
def test_line_is_shorter_than_what_pipes_keep_together(format, character):
    longest = dict.fromkeys(EVERYWHERE, character * 9000) | {REQUEST_ID: "x" * 255}
    longest["SERVER_PROTOCOL"] = "HTTP/1.1"
    assert len(FORMATS[format](line_of(**longest))) < 4096 - 100


@contextmanager
def unconfigured():
    """Logging as a process finds it. While a test runs, pytest has handlers of its own."""
    logger = logging.getLogger(LOGGER)
    level = logger.level
    with pytest.MonkeyPatch.context() as patch:
        for each in (logger, logging.getLogger("wsgikit"), logging.getLogger()):
            patch.setattr(each, "handlers", [])
        logger.setLevel(logging.NOTSET)
        yield logger
    logger.setLevel(level)


def test_lines_go_to_standard_output_when_nobody_has_said_where(capsys):
    with unconfigured():
        for _ in range(2):  # of two layers, say
            find_logger(LOGGER).info("%s", "a line")
    assert capsys.readouterr() == ("a line\n" * 2, "")


@pytest.mark.parametrize("name", [LOGGER, "wsgikit", None])
def test_handler_of_a_logger_or_above_it_is_left_alone(name):
    with unconfigured() as logger:
        logging.getLogger(name).addHandler(logging.NullHandler())
        before = [*logger.handlers]
        assert find_logger(LOGGER) is logger
        assert (logger.level, logger.handlers) == (logging.NOTSET, before)


def test_level_is_left_alone():
    with unconfigured() as logger:
        logger.setLevel(logging.WARNING)
        find_logger(LOGGER)
        assert (logger.level, logger.handlers) == (logging.WARNING, [])


def test_other_loggers_are_left_alone():
    with unconfigured():
        logger = find_logger("tests.lines")
    assert (logger.name, logger.level, logger.handlers) == ("tests.lines", logging.NOTSET, [])
