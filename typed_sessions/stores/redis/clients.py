"""Clients for a URL and settings: connections that wait for a free one, and send nothing twice."""

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

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
WRONG: Final = (
    "a part of it is wrong: the number of the database (a cluster has but 0), or an option that redis-py does not know "
    "or that is about retries, of which there are none; an example: redis://user:password@host:6379/0"
)


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
        # It takes the same options, and connects later: what it refuses is no matter of the network.
        async_client(settings)
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
            return _usable(
                kind.from_url(
                    _address(f"{known}://{rest}", is_cluster=is_cluster(settings)),
                    socket_connect_timeout=settings.operation_timeout,
                    **options,
                )
            )
        # redis-py's for a wrong value, for an option that it does not know, and for one that cannot be a text.
        except (ValueError, TypeError, AttributeError):
            problem = WRONG
    # `from None`: the cause would print the wrong value, which may be a password.
    raise SettingsError({f"{PREFIX}DATABASE_URL": problem}) from None


def _address(url: str, *, is_cluster: bool) -> str:
    """The URL.

    Raises:
        ValueError: its path is no number, which redis-py takes for 0; or it is about retries, of which there are none.
    """
    parts = urlsplit(url)
    numbers = [parts.path.removeprefix("/"), *parse_qs(parts.query).get("db", [])]
    if not all(number.isdecimal() for number in numbers if number):
        raise ValueError
    if is_cluster and any(int(number) for number in numbers if number):
        raise ValueError
    if any(option.startswith("retry") for option in parse_qs(parts.query)):
        raise ValueError
    return url


def _usable(made: Any) -> Any:  # noqa: ANN401 # redis-py's own
    """What was made, if its connections can be made too: a pool looks at their options when it needs the first."""
    if isinstance(made, Pool | AsyncPool):
        made.connection_class(**made.connection_kwargs)
    return made


def _for_tasks() -> dict[str, Any]:
    # The store has a time limit of its own; one for each read and write would cost a task each.
    return {"retry": AsyncRetry(NoBackoff(), 0), "socket_timeout": None}


def _for_threads(settings: Settings) -> dict[str, Any]:
    return {"retry": Retry(NoBackoff(), 0), "socket_timeout": settings.operation_timeout}


def _of_a_pool(settings: Settings) -> dict[str, Any]:
    return {"max_connections": settings.pool_size + settings.max_overflow, "timeout": settings.pool_timeout}


def _of_a_node(settings: Settings) -> dict[str, Any]:
    return {"max_connections": settings.pool_size + settings.max_overflow}
