"""Where entries go: the session model, the key, the version that their data has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from typed_sessions.importing.entry import Entry, RefusedError
from typed_sessions.key import KeyLike, TextLike
from typed_sessions.model import SessionModel


def source_key(entry: Entry) -> KeyLike:
    """The key that the source made."""
    return entry.key


def source_owner(entry: Entry) -> TextLike | None:
    """The user whom the source found in the key."""
    return entry.owner


def nobody(_entry: Entry) -> TextLike | None:
    """No owner at all."""
    return None


@dataclass(frozen=True, slots=True)
class Versions:
    """Which version of the session model an entry's data has.

    Args:
        plain: the version of data without one of its own; None for that of the model.
        offset: what is added to a version of grammY's. It numbers its migrations; data from before the first one
            has none, so that the data behind migration 1 is the second version of a history.
        exact: versions of grammY's for which that is not so.
    """

    plain: int | None = None
    offset: int = 1
    exact: Mapping[int, int] = field(default_factory=dict[int, int])

    def of(self, stored: int | None, current: int) -> int:
        """The version of ours.

        Raises:
            RefusedError: there is none for it.
        """
        if stored is None:
            return current if self.plain is None else self.plain
        version = self.exact.get(stored, stored + self.offset)
        if not 1 <= version <= current:
            raise RefusedError(
                f"its version {stored} would be version {version} of the session model, which has 1 to {current}; "
                f"say which one it is (--map-version {stored}=N), or add the steps to the history"
            )
        return version


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where entries go.

    Args:
        model: the session model. Old data goes through its history, and all of it is validated.
        key: the key of an entry's session.
        owner: to whom an entry's session belongs.
        versions: which version of the model an entry's data has.
        field: put the data of an entry into this field. None: the data is the object of all fields.
    """

    model: type[SessionModel]
    key: Callable[[Entry], KeyLike] = source_key
    owner: Callable[[Entry], TextLike | None] = source_owner
    versions: Versions = field(default_factory=Versions)
    field: str | None = None
