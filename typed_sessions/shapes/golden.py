"""A golden sample: a session as one version stored it, in a file of the user's tests."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from typed_sessions.errors import TypedSessionsError
from typed_sessions.history import JsonObject

_FILE: Final = re.compile(r"v([1-9][0-9]*)(-.+)?\.json\Z")


class GoldenError(TypedSessionsError):
    """A file is no golden sample; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Golden:
    """One sample.

    `becomes` says what the data is in later versions, as far as somebody wrote it down. It never has to be changed
    for a new version, because the steps to those that were released do not change.
    """

    name: str
    version: int
    data: JsonObject
    becomes: Mapping[int, JsonObject] = field(default_factory=dict[int, JsonObject])


def golden_file(version: int, /) -> str:
    """The file name of the one sample that every version has; further ones are called `v1-anything.json`."""
    return f"v{version}.json"


def version_of_file(name: str, /) -> int | None:
    """The version that a file name stands for; None if it is not the name of a sample."""
    found = _FILE.match(name)
    return int(found[1]) if found else None


def golden_text(name: str, version: int, data: JsonObject) -> str:
    """The text of a sample's file."""
    return json.dumps({"session": name, "version": version, "data": data}, indent=2, ensure_ascii=False) + "\n"


def parse_golden(text: str, /) -> Golden:
    """The sample in the text of a file.

    Raises:
        GoldenError: it is no JSON, or not of this form.
    """
    try:
        parsed = _GoldenFile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise GoldenError(f"{where + ': ' if where else ''}{first['msg']}") from None
    strangers = [version for version in parsed.becomes if version <= parsed.version]
    if strangers:
        raise GoldenError(f"becomes.{strangers[0]}: data of version {parsed.version} becomes a later version only")
    return Golden(parsed.session, parsed.version, parsed.data, parsed.becomes)


class _GoldenFile(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    session: str
    version: int = Field(ge=1)
    data: dict[str, Any]
    becomes: dict[int, dict[str, Any]] = {}
