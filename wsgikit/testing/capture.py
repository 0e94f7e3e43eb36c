"""What one request sends, flashes, logs and writes to ``wsgi.errors``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from typing import Any, NamedTuple

from blinker import NamedSignal

from .. import signals
from ..app import App

_SIGNALS = {name: each for name, each in vars(signals).items() if isinstance(each, NamedSignal)}


class SentSignal(NamedTuple):
    """One signal that was sent."""

    name: str
    """As in :mod:`wsgikit.signals`: ``"request_finished"``."""
    data: dict[str, Any]
    """What it was sent with: ``{"response": …}``."""


@dataclass
class Captured:
    """What one request has left behind beside its response; each list in order."""

    signals: list[SentSignal] = field(default_factory=list)
    """The signals of :mod:`wsgikit.signals` that the client's app was the sender of."""
    logs: list[logging.LogRecord] = field(default_factory=list)
    """What was logged, as far as the loggers' levels let it through."""
    stream: StringIO = field(default_factory=StringIO, repr=False)
    """The ``wsgi.errors`` of the request."""

    @property
    def flashes(self) -> list[tuple[str, str]]:
        """The ``(category, message)`` pairs that were flashed."""
        sent = [data for name, data in self.signals if name == "message_flashed"]
        return [(data["category"], data["message"]) for data in sent]

    @property
    def errors(self) -> str:
        """The text that was written to ``wsgi.errors``."""
        return self.stream.getvalue()

    def add_signal(self, name: str, sender: object, /, **data: Any) -> None:
        """Take one signal down: a receiver, once it is bound to the name."""
        self.signals.append(SentSignal(name, data))


@contextmanager
def capturing(app: App, captured: Captured) -> Iterator[None]:
    """Take down what ``app`` sends and what is logged. Nothing stays connected afterwards."""
    with ExitStack() as stack:
        for name, signal in _SIGNALS.items():
            receiver = partial(captured.add_signal, name)
            stack.enter_context(signal.connected_to(receiver, sender=app))
        handler = _ListHandler(captured.logs)
        for logger in {logging.getLogger(), _last_in_line(app.logger)}:
            logger.addHandler(handler)
            stack.callback(logger.removeHandler, handler)
        yield


def _last_in_line(logger: logging.Logger) -> logging.Logger:
    """The logger whose handlers get the records of ``logger`` last: the root, in most apps."""
    while logger.propagate and logger.parent is not None:
        logger = logger.parent
    return logger


class _ListHandler(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)
