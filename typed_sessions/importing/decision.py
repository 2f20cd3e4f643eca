"""What is done with a draft, given what the store holds under its key."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import blake2b
from typing import Final

from typed_sessions.clock import EPOCH, MICROSECOND, Revisions
from typed_sessions.codec import Form
from typed_sessions.importing.draft import Draft
from typed_sessions.importing.entry import Bad
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Insert, Update

TWICE: Final = "another entry has the same key here and other data; keep them apart by the key"
NEWER: Final = "newer code has stored a session under its key, and that is never replaced"


class Fate(Enum):
    """What becomes of a draft."""

    IMPORTED = "imported"
    REPLACED = "replaced"
    ALREADY_THERE = "already there"


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a draft, and the change that makes it so."""

    fate: Fate
    change: Insert | Update | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What all decisions of a run share. What it stores is marked by the time at which it began."""

    form: Form
    begun: datetime
    revisions: Revisions
    is_replacing: bool

    def decide(self, draft: Draft, record: Record | None, now: datetime) -> Decision | Bad:
        """What becomes of a draft whose key holds `record`."""
        if record is None:
            return Decision(Fate.IMPORTED, Insert(draft.key, self._record(draft)))
        if not record.is_alive(now):
            return Decision(Fate.IMPORTED, Update(draft.key, record.revision, self._record(draft)))
        if record.updated_at == self.begun and not is_same_json(record.data, draft.data):
            return Bad(draft.entry.name, TWICE, draft.entry.original)
        if not self.is_replacing or self._is_same(draft, record):
            return Decision(Fate.ALREADY_THERE)
        if record.version > self.form.version:
            return Bad(draft.entry.name, NEWER, draft.entry.original)
        return Decision(Fate.REPLACED, Update(draft.key, record.revision, self._record(draft, record)))

    def _is_same(self, draft: Draft, record: Record) -> bool:
        # The life that a model gives slides with every run; only that of the entry is its own.
        is_lasting = draft.entry.expires_at in (None, record.expires_at)
        is_owned = draft.owner in (None, record.owner)
        is_present = record.version == self.form.version
        return is_lasting and is_owned and is_present and is_same_json(record.data, draft.data)

    def _record(self, draft: Draft, old: Record | None = None) -> Record:
        first = self.revisions.first() if old is None else 0
        return Record(
            version=self.form.version,
            min_reader=self.form.min_reader,
            revision=first if old is None else old.revision + 1,
            data=draft.data,
            created_at=EPOCH + first * MICROSECOND if old is None else old.created_at,
            updated_at=self.begun,
            expires_at=draft.expires_at,
            # Whoever owns it is not forgotten by a source that cannot tell.
            owner=old.owner if old is not None and draft.owner is None else draft.owner,
        )


class Rehearsal:
    """Remembers what would be stored, so that entries for one key are seen where nothing is: a number for each."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def decide(self, draft: Draft, decision: Decision | Bad) -> Decision | Bad:
        """What would become of a draft, given what the run decided without those before it."""
        if isinstance(decision, Bad) or decision.change is None:
            return decision
        key, data = _digest(draft.key.text.encode()), _digest(draft.data)
        if key not in self._known:
            self._known[key] = data
            return decision
        if self._known[key] != data:
            return Bad(draft.entry.name, TWICE, draft.entry.original)
        return Decision(Fate.ALREADY_THERE)


def _digest(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8).digest())


def is_same_json(left: bytes, right: bytes) -> bool:
    """Whether two JSON texts say the same: a column of type `jsonb` writes them anew."""
    return left == right or _canonical(left) == _canonical(right)


def _canonical(text: bytes) -> str:
    # Texts, because True is 1 to Python. A whole float is written as an int by `jsonb`.
    return json.dumps(json.loads(text, parse_float=_number), sort_keys=True)


def _number(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() else number
