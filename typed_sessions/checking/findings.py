"""What `typed-sessions check` finds: one value for each thing that is not as it should be."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from typed_sessions.shapes.changes import ShapeChange

FindingKind: TypeAlias = Literal[
    "import",  # a module with session models does not import, or a name stands for two of them
    "lock",  # sessions.lock cannot be read
    "journal",  # a command was killed while it wrote
    "shape",  # the shape of a model cannot be told
    "not-frozen",  # the session is not in the lock; or no more, because the lock is lost
    "version",  # the version of the class is not that of the frozen head
    "drifted",  # the shape differs from the frozen head, and the version is the same
    "readers",  # readable_from lets older code read a session than the frozen history does
    "lock-edited",  # a version in the lock was changed by hand
    "rewritten",  # a version that the lock at --against holds is another one now
    "removed",  # a version that the lock at --against holds is gone, though it is not older than the oldest
    "generated",  # a generated file is missing or stale
    "missing-step",  # the history lacks a step
    "unfinished-step",  # a step has a `...` that a person must replace
    "history",  # the history is not derived from the generated one, or its chain is wrong
    "undeclared",  # the lock has a session that no class declares
    "unordered-set",  # a warning: a set is stored in another order by each process
    "open-model",  # a warning: a nested model takes any field
]

WARNINGS: Final[frozenset[FindingKind]] = frozenset({"unordered-set", "open-model"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be, with the next step.

    `session` is None if it concerns no particular one. `path` is relative to the project's root, `line` counts from 1.
    """

    kind: FindingKind
    sentence: str
    next_step: str
    session: str | None = None
    path: str | None = None
    line: int | None = None
    changes: tuple[ShapeChange, ...] = ()

    @property
    def is_failure(self) -> bool:
        """Whether the check fails by it; warnings let it pass."""
        return self.kind not in WARNINGS

    @property
    def place(self) -> str:
        """Where to look, as in `shop/cart.py:12`; "" if nowhere."""
        if self.path is None:
            return ""
        return self.path if self.line is None else f"{self.path}:{self.line}"
