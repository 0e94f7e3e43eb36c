"""The redis-py client of a URL: every wait is bounded, and nothing is tried again after a pause."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from ..errors import ConfigurationError

Client = Redis | RedisCluster

_SCHEME = re.compile(r"(?:redis|valkey)(s?)(\+cluster)?://|unix://")


def client_maker(url: str, timeout: float) -> Callable[[], Client]:
    """Check ``url`` and return what makes its client. A cluster's connects while it is made.

    Before a command goes out redis-py replaces a connection that the server has closed while it was
    idle, so a restart of the server fails no request.

    :raises ConfigurationError: the URL is none of Redis or Valkey.
    """
    options: dict[str, Any] = {"socket_timeout": timeout, "retry": Retry(NoBackoff(), 0)}
    try:
        kind, url = _parse(url)
    except ValueError as error:
        raise ConfigurationError(
            "RedisStore was given a text that is no URL of Redis or Valkey.\n\n"
            "Write redis://host:6379/0, rediss:// with TLS, unix:///path, or "
            "redis+cluster://host:6379 for a cluster."
        ) from error
    if not url.startswith("unix"):
        options["socket_connect_timeout"] = timeout
    return partial(kind.from_url, url, **options)


def _parse(url: str) -> tuple[type[Client], str]:
    found = _SCHEME.match(url)
    if found is None:
        raise ValueError("unknown scheme")
    tls, cluster = found.groups()
    if found[0] != "unix://":
        url = f"redis{tls}://{url[found.end() :]}"
    Redis.from_url(url)  # checks it, and connects to nothing
    return (RedisCluster if cluster else Redis), url
