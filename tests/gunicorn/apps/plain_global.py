"""The isolation app with its contexts kept in plain globals: what the check must notice."""

from typing import Any

from isolation import application as application

from wsgikit import stacks


class PlainGlobal:
    """One value for every thread and greenlet, in the place of a ``ContextVar``."""

    def __init__(self) -> None:
        self.value: Any = None

    def get(self, default: Any = None) -> Any:
        return default if self.value is None else self.value

    def set(self, value: Any) -> None:
        self.value = value


stacks.app_contexts._storage = PlainGlobal()
stacks.request_contexts._storage = PlainGlobal()
