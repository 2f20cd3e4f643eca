"""Every error that typed-sessions raises.

TypedSessionsError
├── SessionDefinitionError    a session model or its history is declared wrongly (at class creation)
├── SettingsError             an environment variable or setting has a wrong value
├── InvalidKeyError           a key that cannot be stored
│   └── MissingKeyError       the event of a bot has no chat or user to make a key of
├── InvalidSessionError       stored data that does not satisfy its model
├── UpcastError               a step of the history failed
├── NewerVersionError         stored by newer code than this
├── TooOldVersionError        stored by code older than the history reaches
├── UnstorableValueError      a value that would not come back from the store as it is
├── SessionTooLargeError      more bytes than the model or the settings allow
├── SessionConflictError      somebody else saved the same fields meanwhile
├── SessionGoneError          somebody else deleted the session meanwhile
├── SessionClosedError        used after its turn was over
├── LockTimeoutError          another turn on the key took too long
├── StoreUnavailableError     the database cannot be reached or does not answer in time
└── SchemaMismatchError       the table is missing or of another layout

Messages name a session by its model and a salted hash, and data by the path of the field: neither keys nor
stored values reach a log (OWASP Logging Cheat Sheet, "Data to exclude"). The attributes hold the evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typed_sessions.key import SessionKey
    from typed_sessions.model import SessionModel


class FieldProblem(TypedDict):
    """What is wrong with one field: its dotted path, the pydantic error type, the sentence."""

    path: str
    type: str
    message: str


class TypedSessionsError(Exception):
    """The root of all errors of typed-sessions."""


class SessionDefinitionError(TypedSessionsError):
    """A session model, history, group or binding is declared in a way that cannot work."""


class SettingsError(TypedSessionsError):
    """A setting is missing or wrong. `variables` names the environment variables."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.variables = tuple(problems)
        lines = [f"{variable}: {problem}" for variable, problem in problems.items()]
        super().__init__("wrong settings; set these environment variables:\n  " + "\n  ".join(lines))


class InvalidKeyError(TypedSessionsError):
    """The key cannot be stored. Nothing was sent to the store."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"this key cannot be used: {reason}")


class MissingKeyError(InvalidKeyError):
    """The event of a bot is from no chat or user, and the handler asks for a session of one. Nothing was read.

    `reason` says which, `first` what to try first, and `optional` how to ask for a session that may be missing.
    """

    def __init__(
        self, reason: str, *, first: str | None = None, optional: str = "or as optional (`Cart | None`)"
    ) -> None:
        self.reason, self.first = reason, first
        before = f"{first}, or " if first else ""
        super().__init__(
            f"{reason}; {before}bind the session model with another key=, ask for it elsewhere, {optional}"
        )


class InvalidSessionError(TypedSessionsError):
    """Stored data does not satisfy its session model. The row is untouched. `problems` lists the fields.

    `reason` is Pydantic's own error, if it has one. It is not chained as `__cause__`, because the messages of
    validators may quote the stored data.
    """

    def __init__(
        self, key: SessionKey, version: int, problems: Sequence[FieldProblem], reason: Exception | None = None
    ) -> None:
        self.key, self.version, self.problems, self.reason = key, version, tuple(problems), reason
        super().__init__(
            f"the stored session {key} (version {version}) is invalid: {described(problems)}; repair the row, "
            f"raise the model's version with a step that repairs it, or set on_invalid in its SessionConfig"
        )


class UpcastError(TypedSessionsError):
    """A step of the history failed. The row is untouched. `reason` is the step's own exception, if it raised.

    It is not chained as `__cause__`, because its message may quote the stored data.
    """

    def __init__(self, key: SessionKey, step: str, problem: str, reason: Exception | None = None) -> None:
        self.key, self.step, self.reason = key, step, reason
        super().__init__(f"{step} could not upcast the stored session {key}: {problem}; mend the step and deploy again")


class NewerVersionError(TypedSessionsError):
    """The session was stored by newer code, which does not allow this version to read it. Nothing was written."""

    def __init__(self, key: SessionKey, *, stored: int, min_reader: int, ours: int) -> None:
        self.key, self.stored, self.min_reader, self.ours = key, stored, min_reader, ours
        super().__init__(
            f"the stored session {key} has version {stored}, readable from version {min_reader} on, and this code "
            f"has version {ours}; deploy the newer code; only a change that adds nothing but fields can be read here"
        )


class TooOldVersionError(TypedSessionsError):
    """The session is older than the oldest version that the history reaches. The row is untouched."""

    def __init__(self, key: SessionKey, *, stored: int, oldest: int) -> None:
        self.key, self.stored, self.oldest = key, stored, oldest
        super().__init__(
            f"the stored session {key} has version {stored} and the history starts at version {oldest}; "
            f"add the steps from v{stored} on, or set on_invalid in its SessionConfig"
        )


class UnstorableValueError(TypedSessionsError):
    """A value would not come back from the store as it is. Nothing was written. `path` names the field."""

    def __init__(self, key: SessionKey, path: str, problem: str) -> None:
        self.key, self.path, self.problem = key, path, problem
        super().__init__(f"the session {key} cannot be stored: {path or 'the session'}: {problem}")


class SessionTooLargeError(TypedSessionsError):
    """The session has more bytes of JSON than allowed. Nothing was written."""

    def __init__(self, key: SessionKey, *, size: int, limit: int) -> None:
        self.key, self.size, self.limit = key, size, limit
        super().__init__(
            f"the session {key} takes {size} bytes and {limit} are allowed; keep large data in a table of its own, "
            f"or raise SessionConfig(max_bytes=)"
        )


class SessionConflictError(TypedSessionsError):
    """Somebody else saved meanwhile, and the two changes cannot be merged. Nothing of this turn was written.

    `fields` names the top-level fields that both changed. `base` is what was read, `mine` what this turn made
    of it, `theirs` what the store holds now; they are None for a key that is taken.
    """

    def __init__(
        self,
        key: SessionKey,
        fields: Sequence[str],
        *,
        base: SessionModel | None = None,
        mine: SessionModel | None = None,
        theirs: SessionModel | None = None,
        is_taken: bool = False,
    ) -> None:
        self.key, self.fields = key, tuple(fields)
        self.base, self.mine, self.theirs = base, mine, theirs
        if is_taken:
            super().__init__(f"the key of {key} is taken; choose another, or delete the session that has it first")
            return
        what = f"both changed {', '.join(fields)}" if fields else "somebody else saved it first"
        super().__init__(f"conflict on the session {key}: {what}; run the turn again on fresh state")


class SessionGoneError(TypedSessionsError):
    """Somebody else deleted the session meanwhile (perhaps it was made anew). It is not brought back."""

    def __init__(self, key: SessionKey) -> None:
        self.key = key
        super().__init__(f"the session {key} was deleted during this turn; open it again to start a new one")


class SessionClosedError(TypedSessionsError):
    """The session was used outside its turn, where changes would be lost."""

    def __init__(self, key: SessionKey | None, reason: str) -> None:
        self.key = key
        super().__init__(f"the session{f' {key}' if key else ''} {reason}")


class LockTimeoutError(TypedSessionsError):
    """Another turn held the key, in this process or exclusively in another, for longer than the time-out (seconds)."""

    def __init__(self, key: SessionKey, *, waited: float, holder: str) -> None:
        self.key, self.waited, self.holder = key, waited, holder
        super().__init__(
            f"waited {waited:g} s for the session {key}, which is held by {holder}; shorten that turn, "
            f"or raise lock_timeout"
        )


class StoreUnavailableError(TypedSessionsError):
    """The store could not be reached or did not answer in time. It never means that there is no session."""


class SchemaMismatchError(TypedSessionsError):
    """The table (or collection) is missing or of another layout. `differences` lists what was found.

    `remedy` is what to do, where it is not `typed-sessions db upgrade`.
    """

    def __init__(self, table: str, differences: Sequence[str], *, remedy: str | None = None) -> None:
        self.table, self.differences = table, tuple(differences)
        super().__init__(
            f"the table {table} is not as this version needs it: {'; '.join(differences)}. "
            + (
                remedy
                or "Run `typed-sessions db upgrade`; if your project has an Alembic history of its own, put the table "
                "in it with `typed-sessions db init` and run `alembic upgrade head`"
            )
        )


def described(problems: Sequence[FieldProblem], limit: int = 3) -> str:
    """The first problems as one line, by path."""
    lines = [f"{problem['path'] or 'the session'}: {problem['message']}" for problem in problems[:limit]]
    more = len(problems) - limit
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")
