"""A document of a public format, in the form of the session that keeps it."""

from dataclasses import dataclass, field

from typed_sessions import JsonObject


@dataclass(frozen=True, slots=True)
class Sample:
    """One document: where it comes from, the version of the session model, and what is stored."""

    name: str
    version: int
    data: JsonObject = field(repr=False)
