"""Which store a URL means; each is found by name, so that none is loaded but the one that is meant."""

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from typed_sessions.settings import Settings
    from typed_sessions.stores.protocol import Store, SyncStore

REDIS: Final = frozenset({"redis", "rediss", "valkey", "valkeys", "redis+cluster", "rediss+cluster"})
"""Schemes of `RedisStore`; the last two are of a Redis Cluster, any node of it."""
MONGO: Final = frozenset({"mongodb", "mongodb+srv"})
"""Schemes of `MongoStore`."""


def store_of(settings: "Settings", /) -> "Store":
    """The store for asyncio that `settings.database_url` means, with connections of its own.

    Raises:
        SettingsError: the URL is wrong, or its driver is not installed.
        ModuleNotFoundError: the extra of the store is not installed; the message names it.
    """
    store: Store = _named(settings, "").from_settings(settings)
    return store


def sync_store_of(settings: "Settings", /) -> "SyncStore":
    """The same for threads."""
    store: SyncStore = _named(settings, "Sync").from_settings(settings)
    return store


def is_sql(settings: "Settings", /) -> bool:
    """Whether the URL is one of SQLAlchemy's."""
    return _scheme(settings) not in REDIS | MONGO


def _named(settings: "Settings", prefix: str) -> Any:  # noqa: ANN401 # a class that is found by name
    scheme = _scheme(settings)
    if scheme in REDIS:
        return resolve_name(f"typed_sessions.stores.redis:{prefix}RedisStore")
    if scheme in MONGO:
        return resolve_name(f"typed_sessions.stores.mongo:{prefix}MongoStore")
    return resolve_name(f"typed_sessions.stores.sqlalchemy:{prefix}SQLAlchemyStore")


def _scheme(settings: "Settings") -> str:
    return settings.database_url.get_secret_value().partition("://")[0].lower()
