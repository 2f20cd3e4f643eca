"""What is noted while a program runs: one line each, written before anything else is done, so that it outlives a kill.

All times are those of `time.monotonic_ns`, which all processes of a machine share.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

Outcome: TypeAlias = Literal["ok", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Version:
    """A session as it was at one revision. `key` is `model/text`, `born` and `expires` are nanoseconds."""

    key: str
    born: int
    revision: int
    lists: dict[str, list[str]]
    count: int = 0
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a save. `born` is the session that it expects at the key; `version` what it stores."""

    kind: Literal["Insert", "Update", "Touch", "Move", "Delete"]
    key: str
    born: int | None = None
    to: str | None = None
    version: Version | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something that an operation did."""

    operation: str
    at: int = field(default_factory=time.monotonic_ns, kw_only=True)


@dataclass(frozen=True, slots=True)
class Called(Note):
    """It began."""

    kind: str
    key: str
    said: str
    type: Literal["called"] = "called"


@dataclass(frozen=True, slots=True)
class Appended(Note):
    """A token was put into the data. What became of it, a `Settled` or the end of the operation tells."""

    token: str
    type: Literal["appended"] = "appended"


@dataclass(frozen=True, slots=True)
class Settled(Note):
    """All tokens so far were saved by an explicit `save`, or thrown away by a `delete`."""

    outcome: Outcome
    type: Literal["settled"] = "settled"


@dataclass(frozen=True, slots=True)
class Lent(Note):
    """The block was given this; None stands for a new session."""

    key: str
    version: Version | None
    type: Literal["lent"] = "lent"


@dataclass(frozen=True, slots=True)
class Loaded(Note):
    """The store gave this; `absent` are the keys that it had nothing for."""

    since: int
    versions: list[Version]
    absent: list[str]
    type: Literal["loaded"] = "loaded"


@dataclass(frozen=True, slots=True)
class Saving(Note):
    """The store was told to save."""

    number: int
    changes: list[Change]
    type: Literal["saving"] = "saving"


@dataclass(frozen=True, slots=True)
class Saved(Note):
    """It said that it did, or else that nothing was written."""

    number: int
    is_saved: bool
    type: Literal["saved"] = "saved"


@dataclass(frozen=True, slots=True)
class Deleted(Note):
    """`delete` returned. `born` is the session that it was called on; None for whatever is at the key."""

    since: int
    key: str
    born: int | None
    type: Literal["deleted"] = "deleted"


@dataclass(frozen=True, slots=True)
class Held(Note):
    """An exclusive block was entered at `since` and is about to be left."""

    since: int
    key: str
    type: Literal["held"] = "held"


@dataclass(frozen=True, slots=True)
class Ended(Note):
    """It ended. Without this note its process was killed."""

    outcome: Outcome
    error: str = ""
    type: Literal["ended"] = "ended"


AnyNote: TypeAlias = Called | Appended | Settled | Lent | Loaded | Saving | Saved | Deleted | Held | Ended

_NOTES: TypeAdapter[AnyNote] = TypeAdapter(Annotated[AnyNote, Field(discriminator="type")])


class Notebook:
    """A file that notes are added to, at once and whole."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, note: AnyNote) -> None:
        os.write(self._file, _NOTES.dump_json(note) + b"\n")

    def close(self) -> None:
        os.close(self._file)


def read_notes(path: Path) -> Iterator[AnyNote]:
    """The notes in a file; half a line at its end was being written when the process was killed."""
    for line in path.read_bytes().split(b"\n")[:-1]:
        yield _NOTES.validate_json(line)
