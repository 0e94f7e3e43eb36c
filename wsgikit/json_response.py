"""JSON for responses: the types that Flask's ``jsonify`` takes, in compact form."""

from __future__ import annotations

import dataclasses
import decimal
import json
import uuid
from datetime import date
from typing import Any

from werkzeug.http import http_date


def default(value: Any) -> Any:
    """Turn dates, UUIDs, decimals, dataclasses and markup into what JSON knows, as Flask does.

    :raises TypeError: for any other type.
    """
    if isinstance(value, date):
        return http_date(value)
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if hasattr(value, "__html__"):
        return str(value.__html__())
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def dumps(value: Any, **options: Any) -> str:
    """``json.dumps`` with compact separators and :func:`default`."""
    options.setdefault("separators", (",", ":"))
    return json.dumps(value, default=default, **options)


def loads(text: str | bytes, **options: Any) -> Any:
    """``json.loads``; what is nested too deeply is malformed too.

    :raises ValueError: ``text`` is not JSON.
    """
    try:
        return json.loads(text, **options)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
