"""Clients for a URL and settings: connections that wait for a free one, and send nothing twice."""

from typing import Any, Final

from typed_sessions.errors import SettingsError
from typed_sessions.settings import PREFIX, Settings
from typed_sessions.stores.redis.library import (
    AsyncPool,
    AsyncRedis,
    AsyncRedisCluster,
    AsyncRetry,
    NoBackoff,
    Pool,
    Redis,
    RedisCluster,
    Retry,
)
from typed_sessions.stores.redis.translate import translating

SCHEMES: Final = {
    "redis": "redis",
    "rediss": "rediss",
    "valkey": "redis",
    "valkeys": "rediss",
    "redis+cluster": "redis",
    "rediss+cluster": "rediss",
}


def async_client(settings: Settings) -> AsyncRedis | AsyncRedisCluster:
    """A client for asyncio.

    Raises:
        SettingsError: the URL is none of Redis.
    """
    if is_cluster(settings):
        cluster: AsyncRedisCluster = _made(AsyncRedisCluster, settings, **_for_tasks(), **_of_a_node(settings))
        return cluster
    return AsyncRedis(connection_pool=_made(AsyncPool, settings, **_for_tasks(), **_of_a_pool(settings)))


def client(settings: Settings) -> Redis | RedisCluster:
    """The same for threads.

    Raises:
        SettingsError: as above.
        StoreUnavailableError: it is a cluster, and no node of it answers.
    """
    if is_cluster(settings):
        with translating():
            cluster: RedisCluster = _made(RedisCluster, settings, **_for_threads(settings), **_of_a_node(settings))
        return cluster
    return Redis(connection_pool=_made(Pool, settings, **_for_threads(settings), **_of_a_pool(settings)))


def is_cluster(settings: Settings) -> bool:
    """Whether the URL says that its server is a node of a cluster."""
    return settings.database_url.get_secret_value().partition("://")[0].lower().endswith("+cluster")


def _made(kind: Any, settings: Settings, **options: Any) -> Any:  # noqa: ANN401 # redis-py's own
    scheme, separator, rest = settings.database_url.get_secret_value().partition("://")
    known = SCHEMES.get(scheme.lower())
    problem = f"it is no URL of Redis: it begins with none of {', '.join(f'{one}://' for one in SCHEMES)}"
    if known and separator:
        try:
            return kind.from_url(f"{known}://{rest}", socket_connect_timeout=settings.operation_timeout, **options)
        except ValueError:
            problem = "a part of the URL is wrong; an example: redis://user:password@host:6379/0"
    # `from None`: the cause would print the wrong value, which may be a password.
    raise SettingsError({f"{PREFIX}DATABASE_URL": problem}) from None


def _for_tasks() -> dict[str, Any]:
    # The store has a time limit of its own; one for each read and write would cost a task each.
    return {"retry": AsyncRetry(NoBackoff(), 0), "socket_timeout": None}


def _for_threads(settings: Settings) -> dict[str, Any]:
    return {"retry": Retry(NoBackoff(), 0), "socket_timeout": settings.operation_timeout}


def _of_a_pool(settings: Settings) -> dict[str, Any]:
    return {"max_connections": settings.pool_size + settings.max_overflow, "timeout": settings.pool_timeout}


def _of_a_node(settings: Settings) -> dict[str, Any]:
    return {"max_connections": settings.pool_size + settings.max_overflow}
