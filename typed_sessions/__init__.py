"""The session layer in which both the code and the stored data are type-checked."""

from typing import TYPE_CHECKING

from typed_sessions.cleaning import Cleaner
from typed_sessions.clock import Clock
from typed_sessions.errors import (
    FieldProblem,
    InvalidKeyError,
    InvalidSessionError,
    LockTimeoutError,
    MissingKeyError,
    NewerVersionError,
    SchemaMismatchError,
    SessionClosedError,
    SessionConflictError,
    SessionDefinitionError,
    SessionGoneError,
    SessionTooLargeError,
    SettingsError,
    StoreUnavailableError,
    TooOldVersionError,
    TypedSessionsError,
    UnstorableValueError,
    UpcastError,
)
from typed_sessions.group import SessionGroup
from typed_sessions.history import History, JsonObject
from typed_sessions.key import SessionKey
from typed_sessions.limits import Limits
from typed_sessions.model import SessionConfig, SessionModel
from typed_sessions.quarantine import Quarantine
from typed_sessions.quarantined import Quarantined
from typed_sessions.record import Record
from typed_sessions.session import Session
from typed_sessions.sessions import Sessions
from typed_sessions.sorted_set import SortedSet
from typed_sessions.stores.memory import MemoryStore, SyncMemoryStore
from typed_sessions.stores.protocol import Store, SyncStore
from typed_sessions.stores.simple import SimpleStore, SyncSimpleStore
from typed_sessions.sync import SyncSession, SyncSessions
from typed_sessions.sync_cleaning import SyncCleaner
from typed_sessions.sync_upkeep import SyncQuarantine

if TYPE_CHECKING:
    from typed_sessions.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "Cleaner",
    "Clock",
    "FieldProblem",
    "History",
    "InvalidKeyError",
    "InvalidSessionError",
    "JsonObject",
    "Limits",
    "LockTimeoutError",
    "MemoryStore",
    "MissingKeyError",
    "NewerVersionError",
    "Quarantine",
    "Quarantined",
    "Record",
    "SchemaMismatchError",
    "Session",
    "SessionClosedError",
    "SessionConfig",
    "SessionConflictError",
    "SessionDefinitionError",
    "SessionGoneError",
    "SessionGroup",
    "SessionKey",
    "SessionModel",
    "SessionTooLargeError",
    "Sessions",
    "Settings",
    "SettingsError",
    "SimpleStore",
    "SortedSet",
    "Store",
    "StoreUnavailableError",
    "SyncCleaner",
    "SyncMemoryStore",
    "SyncQuarantine",
    "SyncSession",
    "SyncSessions",
    "SyncSimpleStore",
    "SyncStore",
    "TooOldVersionError",
    "TypedSessionsError",
    "UnstorableValueError",
    "UpcastError",
]


def __getattr__(name: str) -> object:
    # pydantic-settings takes longer to import than all the rest, and most programs never need it.
    if name == "Settings":
        from typed_sessions.settings import Settings  # noqa: PLC0415

        return Settings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
