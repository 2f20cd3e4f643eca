"""Two objects with declared keys side by side: what is gone, and in which way the new one can be written.

`{**old["look"]}` takes all keys at once. It does not do where a key is gone, and type checkers refuse it where a key
that is not always there changed inside. Then the keys are listed. An open object can only be taken at once, because
nobody knows the names of its further keys.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from typed_sessions.drafting.fitting import fits
from typed_sessions.shapes.nodes import Node

_STAYS: Final = "keys that are not declared have to stay"
_MOST_NAMES: Final = 4


@dataclass(frozen=True, slots=True)
class Pair:
    """The old object and the new one, both resolved."""

    old: Node
    new: Node

    @property
    def gone(self) -> tuple[str, ...]:
        """The keys that the new object has no more."""
        return tuple(name for name in self.old.properties() if name not in self.new.properties())

    @property
    def sometimes(self) -> tuple[str, ...]:
        """The keys that neither object always has."""
        kept = [name for name in self.new.properties() if name in self.old.properties()]
        return tuple(name for name in kept if not self.old.is_required(name) and not self.new.is_required(name))

    @property
    def is_listed(self) -> bool:
        """Whether the new object has to be written key by key."""
        return bool(self.gone or self._changed)

    @property
    def needs_statements(self) -> bool:
        """Whether an expression does not do, because a key has to be written that is not always there."""
        return self.is_listed and bool(self.sometimes)

    @property
    def refusal(self) -> str:
        """Why it cannot be drafted at all; "" if it can."""
        if not self.old.is_open:
            return ""
        if not self.new.is_open:
            return "what of the keys that are not declared? it is closed now"
        if not self._keeps_further_keys:
            return "what of the keys that are not declared? their type changed"
        if self.gone:
            return f"{_are(self.gone, 'gone')}, and {_STAYS}"
        if self._changed:
            return f"{_are(self._changed, 'not in every old one')}, and {_STAYS}"
        added = tuple(self._added_sometimes())
        return f"{_are(added, 'new')}, and an old one may hold anything there" if added else ""

    @property
    def _changed(self) -> tuple[str, ...]:
        before, after = self.old.properties(), self.new.properties()
        return tuple(name for name in self.sometimes if not fits(before[name], after[name]))

    @property
    def _keeps_further_keys(self) -> bool:
        before, after = self.old.values(), self.new.values()
        return after is None or (before is not None and fits(before, after))

    def _added_sometimes(self) -> Iterator[str]:
        for name in self.new.properties():
            if name not in self.old.properties() and not self.new.is_required(name):
                yield name


def listed(names: Sequence[str]) -> str:
    """Some keys for a comment: `'a', 'b' and 'c'`; of many, the first ones."""
    shown = [repr(name) for name in names]
    if len(shown) > _MOST_NAMES:
        shown = [*shown[: _MOST_NAMES - 1], f"{len(shown) - _MOST_NAMES + 1} more"]
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def _are(names: Sequence[str], what: str) -> str:
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'} {what}"
