"""The connection of ``RedisStore`` to its server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from redis.exceptions import ClusterDownError, RedisClusterException, RedisError, ResponseError

from ..errors import SessionRefused, SessionUnavailable
from .redis_client import Client, client_maker
from .redis_scripts import Scripts


class RedisServer:
    """The client and the scripts. Made when first used, as a server must be there then."""

    def __init__(self, url_or_client: str | Client, timeout: float) -> None:
        self._owns_client = isinstance(url_or_client, str)
        self._make_client: Callable[[], Any] = (
            client_maker(url_or_client, timeout)
            if isinstance(url_or_client, str)
            else lambda: url_or_client
        )
        self._making = Lock()
        self._made: tuple[Any, Scripts] | None = None

    def _make(self) -> tuple[Any, Scripts]:
        with self._making:
            self._made = self._made or self._make_once()  # another thread may have been faster
            return self._made

    def _make_once(self) -> tuple[Any, Scripts]:
        client = self._make_client()
        return client, Scripts(client)

    @property
    def client(self) -> Any:
        return (self._made or self._make())[0]

    @property
    def scripts(self) -> Scripts:
        return (self._made or self._make())[1]

    def close(self) -> None:
        if self._owns_client and self._made is not None:
            self.client.close()


@contextmanager
def failures() -> Iterator[None]:
    """Tell a server that is away, or starts, from one that refuses: it is full, read-only …"""
    try:
        yield
    except ClusterDownError as error:  # nobody has the slot, until a replica takes it over
        raise SessionUnavailable from error
    except ResponseError as error:
        raise SessionRefused(retry_after=1) from error
    except (RedisError, RedisClusterException) as error:
        raise SessionUnavailable from error
