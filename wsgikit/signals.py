"""Flask's ten signals, on blinker, with the current ``App`` as the sender.

Each is sent only when someone listens. blinker holds receivers weakly: a lambda or a nested
function that nothing else refers to vanishes, unless it is connected with ``weak=False``.

>>> from wsgikit import signals
>>> signals.request_finished.connect(count, app)
"""

from typing import Any

from blinker import NamedSignal, Namespace

_signals = Namespace()


def send(signal: NamedSignal, sender: Any, /, **data: Any) -> None:
    """Send ``signal``, unless no one listens to it."""
    if signal.receivers:
        signal.send(sender, **data)


template_rendered = _signals.signal("template-rendered")
"""After a template was rendered: ``template, context``."""

before_render_template = _signals.signal("before-render-template")
"""Before a template is rendered: ``template, context``."""

request_started = _signals.signal("request-started")
"""Before the first before_request hook. Sent by ``HooksMiddleware``."""

request_finished = _signals.signal("request-finished")
"""After the last after_request hook: ``response``. Sent by ``HooksMiddleware``."""

got_request_exception = _signals.signal("got-request-exception")
"""An exception that no error handler of its own class took: ``exception``."""

request_tearing_down = _signals.signal("request-tearing-down")
"""While the request context is popped: ``exc``, the outcome."""

appcontext_tearing_down = _signals.signal("appcontext-tearing-down")
"""While the application context is popped: ``exc``, the outcome."""

appcontext_pushed = _signals.signal("appcontext-pushed")
"""An application context was pushed."""

appcontext_popped = _signals.signal("appcontext-popped")
"""An application context was popped."""

message_flashed = _signals.signal("message-flashed")
"""A message was flashed: ``message, category``."""
