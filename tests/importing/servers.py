"""Clients of servers that tests fill. They are `Any`, because redis-py's own types are not complete."""

from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis


def redis_client(url: str) -> Any:  # noqa: ANN401  # see above
    """To be entered with `with`."""
    return Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]  # see above


def async_redis_client(url: str) -> Any:  # noqa: ANN401  # see above
    """To be closed with `aclose`."""
    return AsyncRedis.from_url(url)  # pyright: ignore[reportUnknownMemberType]  # see above
