"""docs/observability.md: its examples run as they stand."""

import json
import re
import subprocess
import sys
from pathlib import Path

from webtest import TestApp

PAGE = (Path(__file__).parents[1] / "docs" / "observability.md").read_text()
CHAIN, LOGGING, HOOKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)


def run(example):
    namespace = {"__name__": "example"}
    exec(compile(example, "observability.md", "exec"), namespace)
    return namespace


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
VISIT = f"""
from webtest import TestApp

client = TestApp(application, extra_environ={{"REMOTE_ADDR": "10.1.2.3"}})
headers = {{"X-Request-ID": "an-id", "traceparent": "00-{TRACE}-00f067aa0ba902b7-01"}}
client.get("/articles/7?token=secret", headers=headers)
logging.getLogger("elsewhere").info("started")
"""


def test_every_line_has_the_id_of_its_request():
    """In a process of its own, whose logging may be changed."""
    code = "\n".join(["import logging", LOGGING, CHAIN, VISIT])
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stderr.splitlines() == [
        f"WARNING shop [an-id {TRACE}] article 7 is sold out",
        "INFO elsewhere [- -] started",
    ]
    line = json.loads(process.stdout)
    assert (line["path"], line["rule"]) == ("/articles/7?token=***", "/articles/<int:number>")
    assert (line["request_id"], line["trace_id"]) == ("an-id", TRACE)


def test_metrics_are_shown_to_who_asks_directly():
    client = TestApp(run(CHAIN)["application"], extra_environ={"REMOTE_ADDR": "127.0.0.1"})
    before = client.get("/metrics").text
    client.get("/articles/7")
    shown = client.get("/metrics").text
    series = 'http_requests_total{method="GET",rule="/articles/<int:number>",status="200"}'
    assert series in shown
    assert shown != before


def test_hooks_are_there():
    assert callable(run(HOOKS)["child_exit"])
