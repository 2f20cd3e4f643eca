"""The form of an export: a header, a line of JSON for each record, a footer. No I/O."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from pydantic_core import from_json, to_json

from typed_sessions.json_kinds import is_object
from typed_sessions.key import MAX_KEY_CHARACTERS, SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Row

FORMAT: Final = "typed-sessions export"
VERSION: Final = 1
BEGIN: Final = b'{"format":"%s"' % FORMAT.encode()
"""With these bytes every export begins."""

MAX_MODEL_CHARACTERS: Final = 64
"""With the suffix of what was set aside."""
_MAX_INT: Final = 2**63 - 1
_MAX_VERSION: Final = 2**31 - 1
_FIELDS: Final = frozenset(
    {"model", "key", "version", "min_reader", "revision", "created_at", "updated_at", "expires_at", "owner"}
)


class LineError(ValueError):
    """A line that is not of this form. The message says why, without what it holds."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records are in an export. `prefix` and `owner` are encoded texts."""

    models: tuple[str, ...] = ()
    """All, if there are none."""
    prefix: str | None = None
    owner: str | None = None
    has_set_aside: bool = True
    """Also what was quarantined, or set aside by a reset."""
    has_expired: bool = True


@dataclass(frozen=True, slots=True)
class Header:
    """The first line."""

    selection: Selection
    begun: datetime


@dataclass(frozen=True, slots=True)
class Footer:
    """The last line, without which an export is not whole."""

    count: int
    sha256: str
    """Of all bytes before this line, in hexadecimal."""


Line: TypeAlias = Header | Row | Footer


class Seal:
    """Counts the records of an export and digests its bytes, as they go by."""

    def __init__(self) -> None:
        self.count = 0
        self._digest = hashlib.sha256()

    def add(self, data: bytes, records: int) -> None:
        self._digest.update(data)
        self.count += records

    def footer(self) -> Footer:
        return Footer(self.count, self._digest.hexdigest())


def header_line(header: Header) -> bytes:
    wanted = header.selection
    told = {
        "format": FORMAT,
        "format_version": VERSION,
        "begun": _text(header.begun),
        "models": list(wanted.models) or None,
        "prefix": wanted.prefix,
        "owner": wanted.owner,
        "set_aside": wanted.has_set_aside,
        "expired": wanted.has_expired,
    }
    return to_json(told) + b"\n"


def record_line(key: SessionKey, record: Record) -> bytes:
    told = {
        "model": key.model,
        "key": key.text,
        "version": record.version,
        "min_reader": record.min_reader,
        "revision": record.revision,
        "created_at": _text(record.created_at),
        "updated_at": _text(record.updated_at),
        "expires_at": _text(record.expires_at),
        "owner": record.owner,
        **_data(record.data),
    }
    return to_json(told) + b"\n"


def footer_line(footer: Footer) -> bytes:
    return to_json({"records": footer.count, "sha256": footer.sha256}) + b"\n"


def parsed(line: bytes) -> Line:
    """What a line says.

    Raises:
        LineError: it is none of an export, or not one that this version reads.
    """
    try:
        told: object = from_json(line)
    except ValueError:
        raise LineError("it is no JSON; was the file cut off or edited?") from None
    if not is_object(told):
        raise LineError("it is no JSON object")
    if "format" in told:
        return _header(told)
    return _footer(told) if "sha256" in told else _row(told)


def _header(told: dict[str, Any]) -> Header:
    if told["format"] != FORMAT:
        raise LineError(f"the format is not {FORMAT!r}")
    if told.get("format_version") != VERSION:
        raise LineError(f"the version of the format is not {VERSION}; use the typed-sessions that wrote it")
    selection = Selection(
        models=_models(told),
        prefix=_optional(told, "prefix"),
        owner=_optional(told, "owner"),
        has_set_aside=told.get("set_aside") is True,
        has_expired=told.get("expired") is True,
    )
    return Header(selection, _time(told, "begun"))


def _models(told: dict[str, Any]) -> tuple[str, ...]:
    models: list[Any] = told["models"] if isinstance(told.get("models"), list) else []
    return tuple(map(str, models))


def _footer(told: dict[str, Any]) -> Footer:
    return Footer(_int(told, "records", 0, _MAX_INT), _str(told, "sha256"))


def _row(told: dict[str, Any]) -> Row:
    if missing := _FIELDS - told.keys():
        raise LineError(f"it has no {min(missing)}")
    if strangers := told.keys() - _FIELDS - {"data", "data_base64"}:
        raise LineError(f"{len(strangers)} of its fields are not known here; use the typed-sessions that wrote it")
    record = Record(
        version=_int(told, "version", 0, _MAX_VERSION),
        min_reader=_int(told, "min_reader", 0, _MAX_VERSION),
        revision=_int(told, "revision", 0, _MAX_INT),
        data=_bytes(told),
        created_at=_time(told, "created_at"),
        updated_at=_time(told, "updated_at"),
        expires_at=None if told["expires_at"] is None else _time(told, "expires_at"),
        owner=_optional(told, "owner"),
    )
    return SessionKey(
        _storable(told, "model", MAX_MODEL_CHARACTERS), _storable(told, "key", MAX_KEY_CHARACTERS)
    ), record


def _bytes(told: dict[str, Any]) -> bytes:
    if ("data" in told) == ("data_base64" in told):
        raise LineError("it has not one of data and data_base64")
    if "data" in told:
        return _str(told, "data").encode()
    try:
        return base64.b64decode(_str(told, "data_base64"), validate=True)
    except ValueError:
        raise LineError("data_base64 is no base64") from None


def _data(data: bytes) -> dict[str, str]:
    try:
        return {"data": data.decode()}
    except UnicodeDecodeError:
        return {"data_base64": base64.b64encode(data).decode()}


def _storable(told: dict[str, Any], field: str, characters: int) -> str:
    text = _str(told, field)
    # Not only as `SessionKey.of` makes them: what a reset set aside may have a key that was cut off.
    if not 0 < len(text) <= characters or "\0" in text or text != text.rstrip(" "):
        raise LineError(f"{field} is none that can be stored")
    return text


def _optional(told: dict[str, Any], field: str) -> str | None:
    text = None if told.get(field) is None else _str(told, field)
    if text is not None and ("\0" in text or len(text) > MAX_KEY_CHARACTERS):
        raise LineError(f"{field} is none that can be stored")
    return text


def _str(told: dict[str, Any], field: str) -> str:
    value = told.get(field)
    if not isinstance(value, str):
        raise LineError(f"{field} is no text")
    return value


def _int(told: dict[str, Any], field: str, least: int, most: int) -> int:
    value = told.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise LineError(f"{field} is no number from {least} to {most}")
    return value


def _time(told: dict[str, Any], field: str) -> datetime:
    try:
        time = datetime.fromisoformat(_str(told, field))
    except ValueError:
        raise LineError(f"{field} is no time") from None
    if time.tzinfo is None:
        raise LineError(f"{field} has no time zone")
    return time.astimezone(UTC)


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="microseconds")
