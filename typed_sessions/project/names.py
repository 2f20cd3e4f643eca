"""The names of sessions that a user gives to a command."""

from collections.abc import Collection
from difflib import get_close_matches

from typed_sessions.errors import TypedSessionsError


class UnknownNameError(TypedSessionsError):
    """There is no session of that name. `known` are those that there are."""

    def __init__(self, name: str, known: Collection[str]) -> None:
        self.name, self.known = name, tuple(sorted(known))
        super().__init__(f"there is no session {name!r}; {_likely(name, self.known)}{_listed(self.known)}")


def _likely(name: str, known: tuple[str, ...]) -> str:
    likely = get_close_matches(name, known, n=1)
    return f"did you mean {likely[0]}? " if likely and len(known) > 1 else ""


def _listed(known: tuple[str, ...]) -> str:
    if not known:
        return "there is none here; run it in the folder of your project"
    return f"there {'is' if len(known) == 1 else 'are'} {', '.join(known)}"
