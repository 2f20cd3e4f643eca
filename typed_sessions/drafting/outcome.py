"""What can be drafted of one value."""

from dataclasses import dataclass
from typing import TypeAlias

from typed_sessions.drafting.layout import Expression


@dataclass(frozen=True, slots=True)
class Same:
    """The value can be taken as it is."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Nothing can be drafted: what changed, and `reason`, why no more is said of it."""

    change: str
    reason: str = ""

    @property
    def comment(self) -> str:
        return "; ".join(filter(None, (self.change, self.reason)))


Converted: TypeAlias = Same | Undecided | Expression


@dataclass(frozen=True, slots=True)
class Fill:
    """A key of the new object that is only there if it is in the old one: `if "note" in old: new["note"] = …`."""

    name: str
    value: Expression
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """What a function gives: the object, and what is put into it afterwards."""

    made: Expression
    fills: tuple[Fill, ...] = ()


@dataclass(frozen=True, slots=True)
class Helper:
    """A function inside of the step: for a type that contains itself, or whose keys are not always there."""

    name: str
    old_type: str
    new_type: str
    body: Body | Undecided
