"""The application context: which app is current, and its ``g``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import signals
from .lifecycle import run_all
from .namespace import G
from .stacks import StackedContext

if TYPE_CHECKING:
    from .app import App


class AppContext(StackedContext):
    """The current app and its ``g``; made by ``app.app_context()`` for scripts and commands.

    :param app: what ``current_app`` points to.
    :param g: the namespace; default: a new one with the app's providers.
    """

    def __init__(self, app: App, g: G | None = None) -> None:
        self.app = app
        self.g = G(app.providers) if g is None else g

    @property
    def app_context(self) -> AppContext:
        return self

    def _take_off(self, outcome: BaseException | None) -> None:
        super()._take_off(outcome)
        signals.send(signals.appcontext_popped, self.app)

    def _tear_down(self, outcome: BaseException | None) -> None:
        functions = self.app.teardown_appcontext_funcs[::-1]
        run_all((*functions, self._send_tearing_down, self.g.close), outcome)

    def _send_tearing_down(self, outcome: BaseException | None) -> None:
        signals.send(signals.appcontext_tearing_down, self.app, exc=outcome)

    def __repr__(self) -> str:
        return f"<AppContext of {self.app.name!r}>"
