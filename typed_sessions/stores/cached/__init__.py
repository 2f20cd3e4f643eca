"""Sessions in one store, with a faster one in front of it."""

from typed_sessions.stores.cached.store import CachedStore, SyncCachedStore

__all__ = ["CachedStore", "SyncCachedStore"]
