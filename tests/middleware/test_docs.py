"""The examples of docs/proxies.md run as they stand."""

import re
from pathlib import Path

from webtest import TestApp

PAGE = (Path(__file__).parents[2] / "docs" / "proxies.md").read_text()
CHAIN, CLIENTS = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)


def run(*examples):
    namespace = {"__name__": "docs"}
    exec(compile("".join(examples), "proxies.md", "exec"), namespace)
    return namespace


def test_chain():
    client = TestApp(
        run(CHAIN)["application"],
        extra_environ={"REMOTE_ADDR": "10.0.0.1", "HTTP_HOST": "www.example.net"},
    )
    said = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9"}
    answer = client.get("/", headers={**said, "X-Forwarded-Proto": "https"})
    assert answer.text == "https://www.example.net/ for 203.0.113.9"
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert client.get("/", headers=said).location == "https://www.example.net/"
    assert client.get("/probe", headers=said, status=404)
    client.get("/", headers={**said, "Host": "evil.example"}, status=400)


def test_clients():
    run(CHAIN, CLIENTS)["test_clients"]()
