"""`sessions.lock`: the frozen shapes of a project's sessions, in the project's own repository."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from typed_sessions.errors import TypedSessionsError
from typed_sessions.history import JsonObject
from typed_sessions.shapes.canonical import fingerprint

ABOUT: Final = (
    "The frozen shapes of this project's sessions, written by `typed-sessions revision`: commit, do not edit."
)
FORMAT: Final = 1
_CONFLICT: Final = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)


class LockError(TypedSessionsError):
    """`sessions.lock` cannot be read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class FrozenVersion:
    """One version of a session as it was released. `schema` is as `stored_schema` gives it.

    `min_reader` is the lowest version of code that may read it, `digest` what was noted of its content when it was
    frozen.
    """

    version: int
    min_reader: int
    message: str
    schema: JsonObject = field(repr=False)
    digest: str

    @classmethod
    def of(cls, version: int, schema: JsonObject, *, min_reader: int, message: str) -> "FrozenVersion":
        """Freeze a shape."""
        digest = digest_of(version, min_reader, schema)
        return cls(version=version, min_reader=min_reader, message=message, schema=schema, digest=digest)

    @property
    def fingerprint(self) -> str:
        """Of the shape, by today's rules; equal to that of `stored_schema(model)` if nothing changed."""
        return fingerprint(self.schema)

    @property
    def is_edited(self) -> bool:
        """Whether somebody changed it after it was frozen."""
        return self.digest != digest_of(self.version, self.min_reader, self.schema)


@dataclass(frozen=True, slots=True)
class FrozenHistory:
    """The versions of one session that can still be read, from the first frozen one to the head.

    `oldest` may be lower than the first of them: steps from versions that were never frozen are the user's own.
    `model` is where the class is, as in `shop.cart:Cart`.
    """

    name: str
    model: str
    oldest: int
    versions: tuple[FrozenVersion, ...]

    @property
    def head(self) -> int:
        """The newest frozen version."""
        return self.versions[-1].version

    def of(self, version: int) -> FrozenVersion:
        """The frozen version of this number.

        Raises:
            LockError: it is not frozen.
        """
        for each in self.versions:
            if each.version == version:
                return each
        raise LockError(
            f"version {version} of {self.name!r} is not frozen; {self.versions[0].version} to {self.head} are"
        )


@dataclass(frozen=True, slots=True)
class Lock:
    """All that is frozen in a project, by the names of the sessions."""

    histories: Mapping[str, FrozenHistory] = field(default_factory=dict[str, FrozenHistory])

    def with_history(self, history: FrozenHistory) -> "Lock":
        """This lock with one history put in or replaced."""
        return Lock({**self.histories, history.name: history})


def read_lock(path: Path) -> Lock:
    """The lock of a file; an empty one if there is no file.

    Raises:
        LockError: it cannot be read.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Lock()
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(f"{path} cannot be read: {error}") from error
    return parse_lock(text, str(path))


def parse_lock(text: str, name: str = "sessions.lock") -> Lock:
    """The lock of a text; `name` is for the error.

    Raises:
        LockError: it holds conflict markers of a merge, is no lock, or is one of a newer typed-sessions.
    """
    if _CONFLICT.search(text):
        raise LockError(
            f"{name} holds the marks of a merge conflict; take the other branch's (`git checkout --theirs {name}` in a "
            f"merge, `--ours` in a rebase), then renumber your own version with `typed-sessions revision NAME --rebase`"
        )
    try:
        parsed = _LockFile.model_validate_json(text)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "the file"
        raise LockError(
            f"{name} is no lock of typed-sessions ({where}: {error.errors()[0]['msg']}); take it back from git"
        ) from None
    if parsed.format != FORMAT:
        raise LockError(f"{name} has format {parsed.format}, and this typed-sessions reads {FORMAT}: upgrade it")
    return Lock({name: _history(name, each) for name, each in parsed.sessions.items()})


def lock_text(lock: Lock) -> str:
    """The text of a lock: the same for the same content."""
    sessions = {name: _entry(lock.histories[name]) for name in sorted(lock.histories)}
    return json.dumps({"about": ABOUT, "format": FORMAT, "sessions": sessions}, indent=2, ensure_ascii=False) + "\n"


def digest_of(version: int, min_reader: int, schema: JsonObject) -> str:
    """What the lock notes of a version. Its rule never changes, unlike that of `fingerprint`."""
    content = json.dumps([version, min_reader, schema], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class _Version(_Part):
    version: int = Field(ge=1)
    min_reader: int = Field(ge=1)
    message: str
    digest: str
    content: dict[str, Any] = Field(alias="schema")


class _Session(_Part):
    model: str
    oldest: int = Field(ge=1)
    versions: list[_Version] = Field(min_length=1)


class _LockFile(_Part):
    about: str
    format: int
    sessions: dict[str, _Session]


def _history(name: str, session: _Session) -> FrozenHistory:
    numbers = [each.version for each in session.versions]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))) or session.oldest > numbers[0]:
        raise LockError(f"the versions of {name!r} in the lock are {numbers}, with gaps; take it back from git")
    versions = (
        FrozenVersion(each.version, each.min_reader, each.message, each.content, each.digest)
        for each in session.versions
    )
    return FrozenHistory(name, session.model, session.oldest, tuple(versions))


def _entry(history: FrozenHistory) -> JsonObject:
    versions = [
        {
            "version": each.version,
            "min_reader": each.min_reader,
            "message": each.message,
            "digest": each.digest,
            "schema": each.schema,
        }
        for each in history.versions
    ]
    return {"model": history.model, "oldest": history.oldest, "versions": versions}
