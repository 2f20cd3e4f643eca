"""What the project's session model would make of a stored session: read, and saved again. Nothing is written."""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from typed_sessions.cli.json_output import json_of
from typed_sessions.cli.output import complain
from typed_sessions.codec import Codec
from typed_sessions.errors import (
    FieldProblem,
    InvalidSessionError,
    TooOldVersionError,
    TypedSessionsError,
)
from typed_sessions.json_kinds import is_array, is_object
from typed_sessions.key import SessionKey
from typed_sessions.limits import Limits
from typed_sessions.model import SessionConfig, SessionModel
from typed_sessions.project.discovery import Discovery, discovering
from typed_sessions.project.project import ProjectError, find_project
from typed_sessions.record import Record

KINDS: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
"""What JSON calls the types of `json.loads`."""

Change: TypeAlias = Literal["same", "added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What becomes of a record: `after`, with the version that it is written under, or the error."""

    config: SessionConfig
    version: int
    after: bytes | None = None
    error: TypedSessionsError | None = None

    @property
    def problems(self) -> Sequence[FieldProblem]:
        """The fields that are invalid, by path."""
        return self.error.problems if isinstance(self.error, InvalidSessionError) else ()

    @property
    def policy(self) -> str | None:
        """What `on_invalid` does at the next open, if it does something."""
        is_invalid = isinstance(self.error, InvalidSessionError | TooOldVersionError)
        return self.config.on_invalid if is_invalid and self.config.on_invalid != "raise" else None


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the stored data, without its value.

    `size` is that of its JSON, in bytes, `length` that of arrays; `change` is None if there is nothing to compare with.
    """

    name: str
    kind: str
    length: int | None
    size: int
    change: Change | None


@contextmanager
def model_of(name: str) -> Generator[type[SessionModel] | None]:
    """The project's session model of this name, while its modules can be imported; None if there is none here."""
    with ExitStack() as looking:
        discovery = Discovery({})
        with suppress(ProjectError):
            discovery = looking.enter_context(discovering(find_project(Path.cwd())))
        if name not in discovery.models and discovery.problems:
            complain("\n".join(["not everything of the project could be looked at:", *discovery.problems]))
        declared = discovery.models.get(name)
        yield None if declared is None else declared.model


def previewed(model: type[SessionModel], limits: Limits, key: SessionKey, record: Record) -> Preview:
    """Read a record with a model, and make of it what a save would write."""
    codec, config = Codec(model, limits), model.session_config
    try:
        decoded = codec.decode(key, record)
        dumped = codec.dump(key, decoded.data, decoded.form)
        after = codec.sealed(key, decoded.data, dumped, decoded.form)
    except TypedSessionsError as error:
        return Preview(config, config.version, error=error)
    return Preview(config, decoded.form.version, after)


def fields(before: bytes, after: bytes | None) -> list[Field]:
    """The top-level fields of the data before and after, in the order of the stored ones."""
    old = _object(before)
    if after is None:
        return [_field(name, value, None) for name, value in old.items()]
    new = _object(after)
    return [
        _field(name, new.get(name, old.get(name)), _change(name, old, new))
        for name in [*old, *(name for name in new if name not in old)]
    ]


def _object(data: bytes) -> dict[str, object]:
    value = json_of(data)
    return dict(value) if is_object(value) else {"(all of it)": value}


def _change(name: str, old: dict[str, object], new: dict[str, object]) -> Change:
    if name not in old:
        return "added"
    if name not in new:
        return "removed"
    return "same" if _json(old[name]) == _json(new[name]) else "changed"


def _field(name: str, value: object, change: Change | None) -> Field:
    length = len(value) if is_array(value) or is_object(value) else None
    return Field(name, KINDS[type(value)], length, len(_json(value)), change)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
