"""redis-py, or which extra to install for it. Valkey is spoken to with it too."""

try:
    from redis import Redis, RedisCluster, RedisError
    from redis import exceptions as errors
    from redis.asyncio import BlockingConnectionPool as AsyncPool
    from redis.asyncio import Redis as AsyncRedis
    from redis.asyncio import RedisCluster as AsyncRedisCluster
    from redis.asyncio.retry import Retry as AsyncRetry
    from redis.backoff import NoBackoff
    from redis.connection import BlockingConnectionPool as Pool
    from redis.crc import key_slot
    from redis.retry import Retry
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f'{error.name} is not installed; pip install "typed-sessions[redis]"', name=error.name
    ) from error

__all__ = [
    "AsyncPool",
    "AsyncRedis",
    "AsyncRedisCluster",
    "AsyncRetry",
    "NoBackoff",
    "Pool",
    "Redis",
    "RedisCluster",
    "RedisError",
    "Retry",
    "errors",
    "key_slot",
]
