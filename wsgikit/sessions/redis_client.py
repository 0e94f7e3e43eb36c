"""The redis-py client of a URL: every wait is bounded, and nothing is tried again after a pause."""

from __future__ import annotations

import re
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from ..errors import ConfigurationError

Client = Redis | RedisCluster

_SCHEME = re.compile(r"(?:redis|valkey)(s?)(\+cluster)?://|unix://")


def make_client(url: str, timeout: float) -> Client:
    """Make the client of ``url``; it connects at its first command.

    A connection that the server has closed while it was idle is noticed and replaced before a
    command goes out (RESP 2 lets redis-py look), so a restart of the server fails no request.
    """
    found = _SCHEME.match(url)
    if found is None:
        raise ConfigurationError(
            "RedisStore was given a text that is no URL of Redis or Valkey.\n\n"
            "Write redis://host:6379/0, rediss:// with TLS, unix:///path, or "
            "redis+cluster://host:6379 for a cluster."
        )
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    if found[0] == "unix://":
        return Redis.from_url(url, **options)
    tls, cluster = found.groups()
    kind = RedisCluster if cluster else Redis
    plain = f"redis{tls}://{url[found.end() :]}"
    return kind.from_url(plain, socket_connect_timeout=timeout, **options)
