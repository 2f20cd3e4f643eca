"""Python values as JSON and back. A value that would come back as another one is refused."""

import re
from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from pydantic import JsonValue, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from typed_sessions.errors import InvalidSessionError, SessionDefinitionError, UnstorableValueError
from typed_sessions.json_kinds import is_array, is_mapping
from typed_sessions.key import SessionKey
from typed_sessions.problems import HIDDEN, problems_among
from typed_sessions.storable import MAX_DEPTH

Path: TypeAlias = tuple[str, ...]

_PLAIN = frozenset({bool, int, float, str})
_INT = "int:"
_STR = "str:"
_NUMBER = re.compile(r"int:(0|-?[1-9][0-9]*)\Z")


class Values(Protocol):
    """How the values of one kind are written and read."""

    def dumped(self, key: SessionKey, value: object, path: Path) -> JsonValue:
        """The value as JSON.

        Raises:
            UnstorableValueError: it would come back as something else.
        """
        ...

    def loaded(self, key: SessionKey, stored: JsonValue) -> object:
        """The value that was dumped.

        Raises:
            InvalidSessionError: what is stored is no such value.
        """
        ...


class PlainValues:
    """The values that JSON has itself, told by their exact types, and dicts whose keys are strings or ints.

    `otherwise` says what to do about a value of another type.
    """

    def __init__(self, otherwise: str) -> None:
        self._otherwise = otherwise

    def dumped(self, key: SessionKey, value: object, path: Path) -> JsonValue:
        if len(path) > MAX_DEPTH:
            raise _unstorable(key, path, f"it is nested deeper than {MAX_DEPTH} levels; flatten it")
        kind = type(value)
        if kind is list and is_array(value):
            return [self.dumped(key, each, (*path, str(place))) for place, each in enumerate(value)]
        if kind is dict and is_mapping(value):
            return self._dumped_dict(key, value, path)
        if value is None or (isinstance(value, bool | int | float | str) and kind in _PLAIN):
            return value
        reason = f"a {kind.__name__} would come back from JSON as something else; {self._otherwise}"
        raise _unstorable(key, path, reason)

    def _dumped_dict(self, key: SessionKey, given: Mapping[Any, Any], path: Path) -> dict[str, JsonValue]:
        dumped: dict[str, JsonValue] = {}
        for name, value in given.items():
            written = written_name(name)
            if written is None:
                reason = f"one of its keys is a {type(name).__name__}; use str or int"
                raise _unstorable(key, path, reason)
            # The keys of the outermost dict take the place of fields, those below are data.
            dumped[written] = self.dumped(key, value, (*path, HIDDEN if path else written))
        return dumped

    def loaded(self, key: SessionKey, stored: JsonValue) -> object:
        if isinstance(stored, list):
            return [self.loaded(key, each) for each in stored]
        if isinstance(stored, dict):
            return {read_name(name): self.loaded(key, each) for name, each in stored.items()}
        return stored


class DeclaredValues:
    """The values of a type that Pydantic knows, such as an enum.

    Raises:
        SessionDefinitionError: it is no such type.
    """

    def __init__(self, declared: object) -> None:
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(declared)
        except PydanticUserError as error:
            what = declared.__qualname__ if isinstance(declared, type) else f"a value of {type(declared).__name__}"
            raise SessionDefinitionError(
                f"{what} is no type that Pydantic knows; declare the type of the states or of the callback data, "
                f"such as an enum"
            ) from error

    def dumped(self, key: SessionKey, value: object, path: Path) -> JsonValue:
        try:
            dumped: JsonValue = self._adapter.dump_python(value, mode="json", warnings="error")
            back = self._adapter.validate_json(to_json(dumped))
        except (PydanticSerializationError, ValidationError, ValueError):
            # `from None`: the cause would quote the value.
            raise _unstorable(key, path, f"a {type(value).__name__} is not of the declared type") from None
        if type(back) is not type(value) or back != value:
            raise _unstorable(key, path, f"this {type(value).__name__} would come back as something else")
        return dumped

    def loaded(self, key: SessionKey, stored: JsonValue) -> object:
        try:
            return self._adapter.validate_json(to_json(stored))
        except ValidationError as error:
            raise InvalidSessionError(key, 1, problems_among(error, frozenset()), error) from None


def written_name(name: object) -> str | None:
    """How the key of a dict is stored: an int as `int:3`; None if it is neither a string nor an int."""
    if type(name) is int:
        return f"{_INT}{name}"
    if type(name) is not str:
        return None
    return f"{_STR}{name}" if name.startswith((_INT, _STR)) else name


def read_name(name: str) -> str | int:
    """The key of a dict that was stored so."""
    if _NUMBER.match(name):
        return int(name.removeprefix(_INT))
    return name.removeprefix(_STR)


def _unstorable(key: SessionKey, path: Path, reason: str) -> UnstorableValueError:
    return UnstorableValueError(key, ".".join(path), reason)
