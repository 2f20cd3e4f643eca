"""The story of a session model: its versions, what changed in each, and which code can read what."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

from typed_sessions.history import History
from typed_sessions.project.discovery import Declared
from typed_sessions.project.generated import FOLDER
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.changes import ShapeChange, changes
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion
from typed_sessions.shapes.source import module_name
from typed_sessions.shapes.stored import stored_schema

State: TypeAlias = Literal[
    "as frozen", "drifted", "not frozen", "other version", "no class", "not imported", "no shape", "lost"
]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One frozen version. `changes` is what differs from the version before; None for the first that is frozen."""

    version: int
    message: str
    min_reader: int
    changes: tuple[ShapeChange, ...] | None

    @property
    def readers(self) -> str:
        """Which code can read it, as a sentence."""
        if self.min_reader < self.version:
            return f"Version {self.version} is read by code of version {self.min_reader} and later."
        if self.version == 1:
            return "Version 1 is read by all code."
        return f"Version {self.version} is read by code of version {self.version} and later; older code refuses it."


@dataclass(frozen=True, slots=True)
class Lineage:
    """One session model from its oldest frozen version to the class as it stands.

    `drift` is what differs between the class and the head; None if there is no class, or no head, or if the shape of
    the class cannot be told.
    """

    name: str
    model: str
    oldest: int | None
    chapters: tuple[Chapter, ...]
    state: State
    version: int | None
    drift: tuple[ShapeChange, ...] | None

    @property
    def head(self) -> int | None:
        return self.chapters[-1].version if self.chapters else None

    @property
    def reads(self) -> str:
        """Which sessions code of the head can read, as a sentence; "" if nothing is frozen."""
        if self.oldest is None or self.head is None:
            return ""
        those = f"versions {self.oldest} to {self.head}" if self.oldest < self.head else f"version {self.head}"
        return f"Code of version {self.head} reads sessions of {those}."


def lineage(
    name: str, declared: Declared | None, history: FrozenHistory | None, *, is_all_imported: bool = True
) -> Lineage:
    """The story of the session `name`, of which there is a class, a frozen history or both.

    A class that was not found may lie in a module that does not import, unless they all do (`is_all_imported`).
    """
    schema = _schema(declared)
    frozen = history.of(history.head).schema if history else None
    is_drifted = schema is not None and frozen is not None and not is_same(frozen, schema)
    drift = None if schema is None or frozen is None else changes(frozen, schema) if is_drifted else ()
    version = declared.model.session_config.version if declared else None
    return Lineage(
        name=name,
        model=declared.location if declared else history.model if history else "",
        oldest=history.oldest if history else None,
        chapters=_chapters(history.versions) if history else (),
        state=_absent(declared, history, is_all_imported=is_all_imported)
        or _state(version, history.head if history else None, has_shape=schema is not None, is_drifted=is_drifted),
        version=version,
        drift=drift,
    )


def _schema(declared: Declared | None) -> dict[str, object] | None:
    try:
        return stored_schema(declared.model) if declared else None
    except (PydanticInvalidForJsonSchema, PydanticUserError):
        return None


def was_frozen(declared: Declared) -> bool:
    """Whether a session that the lock lacks must have been in it: its history or its version came from there.

    A history of version 2 and later that was written by hand, before there was a lock, is still to be frozen first.
    """
    history = type(declared.model.session_config.history)
    is_generated = any(FOLDER in each.__module__.split(".") for each in history.__mro__)
    is_by_hand = history is not History and not (declared.path.parent / FOLDER / _module(declared)).is_file()
    return is_generated or (declared.model.session_config.version > 1 and not is_by_hand)


def _module(declared: Declared) -> str:
    return f"{module_name(declared.name)}.py"


def _absent(declared: Declared | None, history: FrozenHistory | None, *, is_all_imported: bool) -> State | None:
    if declared is None:
        return "no class" if is_all_imported else "not imported"
    return "lost" if history is None and was_frozen(declared) else None


def _state(version: int | None, head: int | None, *, has_shape: bool, is_drifted: bool) -> State:
    if not has_shape:
        return "no shape"
    if head is None:
        return "not frozen"
    if version != head:
        return "other version"
    return "drifted" if is_drifted else "as frozen"


def _chapters(versions: tuple[FrozenVersion, ...]) -> tuple[Chapter, ...]:
    first = versions[0]
    return (
        Chapter(first.version, first.message, first.min_reader, None),
        *(
            Chapter(new.version, new.message, new.min_reader, changes(old.schema, new.schema))
            for old, new in pairwise(versions)
        ),
    )
