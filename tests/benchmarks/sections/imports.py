"""What it takes to import each peer and to make its smallest app, in fresh interpreters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from ..results import Ratio, Section
from ..timing import Spread, rounds_of

ROUNDS = 15
ROOT = Path(__file__).parents[3]
PROBE = """
import sys, time
def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096
before, begin = resident(), time.perf_counter()
exec(sys.argv[1], {"__name__": "__main__"})
taken = time.perf_counter() - begin
print([1e3 * taken, (resident() - before) / 1e6])
"""
APPS = {
    "wsgikit": (
        "from wsgikit import App\nfrom wsgikit.middleware import standard\n"
        "standard(App('app', config={'SECRET_KEY': 'key'}))"
    ),
    "flask": "from flask import Flask\nFlask('app')",
    "falcon": "import falcon\nfalcon.App()",
    "falcon_beaker": (
        "import falcon\nfrom beaker.middleware import SessionMiddleware\n"
        "SessionMiddleware(falcon.App(), {'session.type': 'cookie', 'session.validate_key': 'key'})"
    ),
    "bottle": "import bottle\nbottle.Bottle()",
    "pyramid": (
        "from pyramid.config import Configurator\n"
        "with Configurator() as config:\n    config.make_wsgi_app()"
    ),
    "django": (
        "import django\nfrom django.conf import settings\n"
        "from django.core.handlers.wsgi import WSGIHandler\n"
        "settings.configure(LOGGING_CONFIG=None)\ndjango.setup()\nWSGIHandler()"
    ),
    "werkzeug": "import werkzeug, werkzeug.routing",
}
NOTES = [
    "Fresh interpreters in turns, with compiled bytecode on disk; beyond bare Python's own.",
    "Beyond werkzeug: what each adds to werkzeug with its routing, which both of them stand on.",
]


def probe(code: str, bytecode: str) -> list[float]:
    """Milliseconds and megabytes (resident) that the code takes.

    :param bytecode: a folder for all bytecode, because where Python is told to write none, pip has
        compiled the peers and nothing has compiled us.
    """
    environ = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-W", "ignore", "-c", PROBE, code]
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def measure_all(scale: float) -> dict[str, list[list[float]]]:
    """By app, the milliseconds and megabytes of each round."""
    found: dict[str, list[list[float]]] = {name: [] for name in APPS}
    with TemporaryDirectory() as bytecode:
        for code in APPS.values():
            probe(code, bytecode)  # writes the bytecode
        for _ in range(rounds_of(ROUNDS, scale)):
            for name, code in APPS.items():
                found[name].append(probe(code, bytecode))
    return found


def measure(scale: float) -> Section:
    section = Section("imports", "Import and the smallest app", "ms, MB", notes=NOTES)
    found = measure_all(scale)
    for index, unit in enumerate(("ms", "MB")):
        values = {name: [each[index] for each in found[name]] for name in APPS}
        for name in APPS:
            section.figures[f"{name}, {unit}"] = Spread.of(values[name])
        rounds = list(zip(values["wsgikit"], values["flask"], values["werkzeug"], strict=True))
        ratios = {
            "wsgikit / flask": [ours / flask for ours, flask, _ in rounds],
            "werkzeug / flask": [base / flask for _, flask, base in rounds],
            "wsgikit / flask, beyond werkzeug": [
                (ours - base) / (flask - base) for ours, flask, base in rounds
            ],
        }
        for name, each in ratios.items():
            section.ratios[f"{name}, {unit}"] = Ratio(Spread.of(each))
    return section
