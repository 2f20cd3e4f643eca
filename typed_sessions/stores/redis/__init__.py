"""Sessions in Redis or Valkey: one server, or a cluster."""

from typed_sessions.stores.redis.store import RedisStore
from typed_sessions.stores.redis.sync_store import SyncRedisStore

__all__ = ["RedisStore", "SyncRedisStore"]
