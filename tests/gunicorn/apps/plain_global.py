"""The isolation app with its contexts kept in a plain global: what the check must notice."""

from typing import Any

from isolation import application as application

from wsgikit import request_context, served_request, stacks


class PlainGlobal:
    """One list for every thread and greenlet, in the place of a ``ContextVar``."""

    def __init__(self) -> None:
        self.value: list[Any] = []

    def get(self, default: Any = None) -> list[Any]:
        return self.value

    def set(self, value: list[Any]) -> None:
        self.value = value


plain = PlainGlobal()
for module in (stacks, request_context, served_request):
    module.contexts = plain
for stack in (stacks.app_contexts, stacks.request_contexts):
    stack._storage = plain
