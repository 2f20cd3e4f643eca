"""Sessions in a collection of MongoDB."""

from importlib import import_module

try:
    import_module("pymongo.asynchronous.database")
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "pymongo":
        raise
    needed = 'typed_sessions.stores.mongo needs pymongo 4.13 or newer: pip install "typed-sessions[mongo]"'
    raise ModuleNotFoundError(needed, name=error.name) from error

from typed_sessions.stores.mongo.store import MongoStore
from typed_sessions.stores.mongo.sync_store import SyncMongoStore

__all__ = ["MongoStore", "SyncMongoStore"]
