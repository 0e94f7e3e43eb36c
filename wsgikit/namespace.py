"""The namespace behind ``g``: plain attributes, and lazy providers that are closed at teardown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, _GeneratorContextManager, contextmanager
from functools import partial
from inspect import isgeneratorfunction, signature
from types import MappingProxyType
from typing import Any

from .errors import ConfigurationError
from .lifecycle import run_all

_MISSING: Any = object()
_NO_PROVIDERS: Mapping[str, Any] = MappingProxyType({})
_ENDED = (
    "Working outside of application context: the one that this g belonged to has ended.\n\n"
    "Read {} before it ends, or give a thread a g of its own by copy_current_request_context."
)


class G:
    """One request's or one script's own namespace. Nothing in it crosses to another.

    :param providers: what an attribute that was never set is made from, at its first use:
        a generator function or a callable without arguments is called (and what it returns is
        entered, when it is a context manager), a context manager is entered, anything else is
        the value itself. A provider that is never touched never runs.
    """

    __slots__ = ("__dict__", "_ended", "_exits", "_provided", "_providers")

    def __init__(self, providers: Mapping[str, Any]) -> None:
        self._providers = self._provided = providers
        self._exits: list[AbstractContextManager[Any]] = []
        self._ended = False

    def __getattr__(self, name: str) -> Any:
        if self._ended:
            raise RuntimeError(_ENDED.format(f"g.{name}"))
        if name not in self._providers:
            raise AttributeError(f"g has no {name!r}: nothing set it, and no provider makes it")
        provider = self._providers[name]
        # Without its own name: a provider that asks for itself must fail, not recurse.
        everything = self._providers
        self._providers = {key: everything[key] for key in everything if key != name}
        try:
            value = self.__dict__[name] = self._open(provider)
        except BaseException as error:
            self._providers = {**self._providers, name: provider}
            if isinstance(error, AttributeError):  # or hasattr() and getattr() would hide it
                raise RuntimeError(f"the provider of g.{name} failed") from error
            raise
        return value

    def _open(self, provider: Any) -> Any:
        value = provider
        if isgeneratorfunction(provider):
            value = contextmanager(provider)()
        elif _is_called(provider):
            value = provider()
        if _is_context_manager(value):
            entered = value.__enter__()
            self._exits.append(value)
            return entered
        return value

    def provide(self, providers: Mapping[str, Any]) -> None:
        """Add lazy providers; one of the same name replaces an earlier one that has not run."""
        self._providers = _merged(self._providers, providers)
        self._provided = _merged(self._provided, providers)

    def ends_quietly(self) -> bool:
        """End here and now, if no provider has opened what is to be closed."""
        if self._exits:
            return False
        self._end()
        return True

    def close(self, outcome: BaseException | None) -> None:
        """Close what providers opened, last opened first, each told the request's outcome.

        From then on g is empty, and reading from it raises ``RuntimeError``.
        """
        try:
            if self._exits:
                run_all(self._leaving(), outcome)
        finally:
            self._end()

    def _end(self) -> None:
        self._ended = True
        self._providers = _NO_PROVIDERS
        self.__dict__.clear()

    def _leaving(self) -> Iterator[Callable[..., None]]:
        while self._exits:  # a provider's end may open another one
            yield partial(_leave, self._exits.pop())

    def get(self, name: str, default: Any = None) -> Any:
        """The attribute, made by its provider if need be, or ``default``."""
        return getattr(self, name, default)

    def pop(self, name: str, default: Any = _MISSING) -> Any:
        """Remove and return an attribute that was set; a provider is not run for it."""
        if default is _MISSING:
            return self.__dict__.pop(name)
        return self.__dict__.pop(name, default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """The attribute; set to ``default`` first, if nothing set it and no provider makes it."""
        if name in self:
            return getattr(self, name)
        return self.__dict__.setdefault(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__ or name in self._providers

    def __iter__(self) -> Iterator[str]:
        return iter({**self.__dict__, **self._providers})

    def __repr__(self) -> str:
        return f"<g: {', '.join(self) or 'empty'}>"


def _merged(former: Mapping[str, Any], providers: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**former, **providers} if former else providers  # no request writes to either


def _leave(manager: AbstractContextManager[Any], outcome: BaseException | None) -> None:
    try:
        manager.__exit__(*_exc_info(outcome))
    except BaseException as error:
        if error is not outcome:  # passing the outcome on is how a generator says "as it was"
            raise


def _exc_info(error: BaseException | None) -> tuple[Any, Any, Any]:
    return (None,) * 3 if error is None else (type(error), error, error.__traceback__)


def _is_context_manager(provider: object) -> bool:
    return isinstance(provider, AbstractContextManager)


def _is_called(provider: object) -> bool:
    # A context manager that is a decorator too, as django's atomic(), is not to be called.
    return callable(provider) and not _is_context_manager(provider)


def check_providers(providers: Mapping[str, Any]) -> None:
    """Refuse names that would hide a method of ``g``, and callables that ask for arguments.

    :raises ConfigurationError: names the provider and what to write instead.
    """
    for name, provider in providers.items():
        if name.startswith("_") or hasattr(G, name):
            raise ConfigurationError(
                f"g cannot provide {name!r}: that is a method or a private name of g itself.\n\n"
                f"Give the provider another name, such as {'my_' + name.strip('_')}=…"
            )
        if isinstance(provider, _GeneratorContextManager):
            raise ConfigurationError(
                f"The provider of g.{name} is a context manager that can be entered only once.\n\n"
                f"Give the function that makes it, without calling it: {name}=connect"
            )
        if _is_called(provider) and not _takes_no_arguments(provider):
            raise ConfigurationError(
                f"The provider of g.{name}, {provider!r}, asks for arguments, but it is called "
                f"without any.\n\nBind them first: {name}=functools.partial(function, …)"
            )


def _takes_no_arguments(provider: Callable[..., Any]) -> bool:
    try:
        parameters = signature(provider)
    except ValueError:  # a callable in C that does not tell
        return True
    try:
        parameters.bind()
    except TypeError:
        return False
    return True
