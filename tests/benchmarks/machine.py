"""Where and with what a run was made."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

LIBRARIES = (
    "werkzeug",
    "itsdangerous",
    "flask",
    "django",
    "falcon",
    "bottle",
    "pyramid",
    "beaker",
    "gunicorn",
)


def describe() -> dict[str, str]:
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return {
        "Date": datetime.now(UTC).date().isoformat(),
        "Machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Libraries": versions,
    }


def processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()
