"""The metrics: what is counted and measured, under which names. None of them has a key in it, or a part of one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from opentelemetry.metrics import Meter

from typed_sessions.key import SessionKey
from typed_sessions.observer import Database, Result

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)

MODEL: Final = "typed_sessions.model"
OUTCOME: Final = "typed_sessions.outcome"
POLICY: Final = "typed_sessions.policy"
LOCK: Final = "typed_sessions.lock"
FROM_VERSION: Final = "typed_sessions.from_version"
TO_VERSION: Final = "typed_sessions.to_version"
SYSTEM: Final = "db.system.name"
COLLECTION: Final = "db.collection.name"
OPERATION: Final = "db.operation.name"
ERROR: Final = "error.type"


class Instruments:
    """The instruments of one meter."""

    def __init__(self, meter: Meter) -> None:
        counter, histogram = meter.create_counter, meter.create_histogram
        seconds = partial(histogram, unit="s", explicit_bucket_boundaries_advisory=SECONDS)
        self._turns = counter("typed_sessions.turns", "{turn}", "Turns on sessions, by what became of the session")
        self._turn_duration = seconds(
            "typed_sessions.turn.duration",
            description="Time from before the reading to after the saving, the block included",
        )
        self._loads = counter("typed_sessions.loads", "{session}", "Sessions asked of the store")
        self._saves = counter("typed_sessions.saves", "{change}", "Changes that the store has made")
        self._store_duration = seconds(
            "typed_sessions.store.duration", description="Time that one load or save of the store took"
        )
        self._lock_wait = seconds(
            "typed_sessions.lock.wait.duration",
            description="Time spent waiting for other turns: for those of this process, and for the store's locks",
        )
        self._batch_size = histogram(
            "typed_sessions.batch.size",
            "{request}",
            "Loads or saves of different turns that went to the database together",
            explicit_bucket_boundaries_advisory=SIZES,
        )
        self._upcasts = counter("typed_sessions.upcasts", "{session}", "Readings of a session of an older version")
        self._conflicts = counter("typed_sessions.conflicts", "{conflict}", "Saves that were refused")
        self._merges = counter("typed_sessions.merges", "{merge}", "Saves that were merged with another")
        self._invalid = counter("typed_sessions.invalid", "{session}", "Readings of a session that cannot be used")
        self._quarantined = counter("typed_sessions.quarantined", "{session}", "Sessions put into the quarantine")

    def turn(self, keys: Sequence[SessionKey], results: Sequence[Result], seconds: float, error: str | None) -> None:
        """Count a turn, once for each of its sessions. `error` names a class."""
        for key, result in zip(keys, results, strict=True):
            self._turns.add(1, {MODEL: key.model, OUTCOME: result} | _error(error))
            self._turn_duration.record(seconds, {MODEL: key.model})

    def load(self, keys: Sequence[SessionKey], database: Database | None, seconds: float, error: str | None) -> None:
        self._store_duration.record(seconds, {OPERATION: "load"} | _system(database) | _error(error))
        if error is None:
            for model, count in _by_model(keys):
                self._loads.add(count, {MODEL: model})

    def save(
        self,
        keys: Sequence[SessionKey],
        results: Sequence[Result],
        database: Database | None,
        seconds: float,
        error: str | None,
    ) -> None:
        """Count a save: each change in it, if they were made."""
        self._store_duration.record(seconds, {OPERATION: "save"} | _system(database) | _error(error))
        if results.count("saved") == len(keys):
            for model, count in _by_model(keys):
                self._saves.add(count, {MODEL: model})

    def waited(self, lock: str, seconds: float, error: str | None) -> None:
        self._lock_wait.record(seconds, {LOCK: lock} | _error(error))

    def batch(self, operation: str, size: int) -> None:
        self._batch_size.record(size, {OPERATION: operation})

    def upcast(self, model: str, from_version: int, to_version: int) -> None:
        self._upcasts.add(1, {MODEL: model, FROM_VERSION: from_version, TO_VERSION: to_version})

    def conflict(self, model: str) -> None:
        self._conflicts.add(1, {MODEL: model})

    def merge(self, model: str) -> None:
        self._merges.add(1, {MODEL: model})

    def invalid(self, model: str, policy: str) -> None:
        self._invalid.add(1, {MODEL: model, POLICY: policy})

    def quarantined(self, model: str) -> None:
        self._quarantined.add(1, {MODEL: model})


def _by_model(keys: Sequence[SessionKey]) -> Iterable[tuple[str, int]]:
    return [(keys[0].model, 1)] if len(keys) == 1 else Counter(key.model for key in keys).items()


def _error(error: str | None) -> dict[str, str]:
    return {} if error is None else {ERROR: error}


def _system(database: Database | None) -> dict[str, str]:
    return {} if database is None else {SYSTEM: database.system}
