"""The application context: which app is current, and its ``g``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import signals
from .lifecycle import raise_after, run_all
from .namespace import G
from .stacks import StackedContext, app_context_list

if TYPE_CHECKING:
    from .app import App


class AppContext(StackedContext):
    """The current app and its ``g``; made by ``app.app_context()`` for scripts and commands.

    :param app: what ``current_app`` points to.
    """

    _list = app_context_list

    def __init__(self, app: App) -> None:
        self._depth = 0
        self.has_ended = False
        self.app = app
        self.g = G(app.providers)

    def push(self) -> None:
        self._put_on()
        if signals.appcontext_pushed.receivers:
            try:
                signals.appcontext_pushed.send(self.app)
            except BaseException as error:
                raise_after(error, self.pop, error)

    def _take_off(self, outcome: BaseException | None) -> None:
        super()._take_off(outcome)
        if signals.appcontext_popped.receivers:
            signals.appcontext_popped.send(self.app)

    def _tear_down(self, outcome: BaseException | None) -> None:
        functions = self.app.teardown_appcontext_funcs[::-1]
        run_all((*functions, self._send_tearing_down, self.g.close), outcome)

    def has_teardowns(self) -> bool:
        """Whether something is to be called when it ends."""
        return bool(
            self.app.teardown_appcontext_funcs
            or self.g.has_open
            or signals.appcontext_tearing_down.receivers
            or signals.appcontext_popped.receivers
        )

    def _send_tearing_down(self, outcome: BaseException | None) -> None:
        signals.send(signals.appcontext_tearing_down, self.app, exc=outcome)

    def __repr__(self) -> str:
        return f"<AppContext of {self.app.name!r}>"
