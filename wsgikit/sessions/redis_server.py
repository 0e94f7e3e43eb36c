"""The connection of ``RedisStore`` to its server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import ClusterDownError, RedisClusterException, RedisError, ResponseError

from ..errors import SessionRefused, SessionUnavailable
from .made_once import MadeOnce
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
        self._made = MadeOnce(self._make)

    def _make(self) -> tuple[Any, Scripts]:
        client = self._make_client()
        return client, Scripts(client)

    @property
    def client(self) -> Any:
        return self._made.get()[0]

    @property
    def scripts(self) -> Scripts:
        return self._made.get()[1]

    def close(self) -> None:
        if self._owns_client and self._made.is_made:
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
