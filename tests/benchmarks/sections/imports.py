"""What it takes to import each peer and to make its smallest app, in fresh interpreters."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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
NOTES = ["Fresh interpreters in turns, with compiled bytecode on disk; beyond bare Python's own."]


def probe(code: str) -> list[float]:
    """Milliseconds and megabytes (resident) that the code takes."""
    command = [sys.executable, "-W", "ignore", "-c", PROBE, code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def measure_both(scale: float) -> dict[str, list[list[float]]]:
    """By app, the milliseconds and megabytes of each round."""
    for code in APPS.values():
        probe(code)  # writes the bytecode
    found: dict[str, list[list[float]]] = {name: [] for name in APPS}
    for _ in range(rounds_of(ROUNDS, scale)):
        for name, code in APPS.items():
            found[name].append(probe(code))
    return found


def measure(scale: float) -> Section:
    section = Section("imports", "Import and the smallest app", "ms, MB", notes=NOTES)
    found = measure_both(scale)
    for index, unit in enumerate(("ms", "MB")):
        values = {name: [each[index] for each in found[name]] for name in APPS}
        for name in APPS:
            section.figures[f"{name}, {unit}"] = Spread.of(values[name])
        pairs = zip(values["wsgikit"], values["flask"], strict=True)
        section.ratios[f"wsgikit / flask, {unit}"] = Ratio(Spread.of([a / b for a, b in pairs]))
    return section
