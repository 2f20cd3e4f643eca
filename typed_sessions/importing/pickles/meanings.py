"""What notes mean that stand for values of the standard library: times, numbers, containers."""

import datetime as dt
import uuid
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from typed_sessions.importing.pickles.kinds import is_dict, is_row, is_set, is_tuple
from typed_sessions.importing.pickles.notes import Note, is_a

DICTS: Final = frozenset({
    "__builtin__.dict", "builtins.dict", "collections.Counter", "collections.OrderedDict", "collections.defaultdict",
})  # fmt: skip
LISTS: Final = frozenset({"__builtin__.list", "builtins.list", "builtins.tuple", "collections.deque"})
SETS: Final = frozenset({"__builtin__.frozenset", "__builtin__.set", "builtins.frozenset", "builtins.set"})

DATETIME: Final = "datetime.datetime"
TIMEDELTA: Final = "datetime.timedelta"

MICROSECONDS: Final = 1_000_000
FOLD: Final = 0x80
PAIR: Final = 2


class RefusedError(Exception):
    """Why a value cannot be imported, told without the value."""


def moment(note: Note) -> dt.datetime:
    """A `datetime`. It is pickled as bytes: the year in two, the month with the fold in its highest bit, and so on."""
    state, zone = _state_and_zone(note, 10)
    day, hour, minute, second = state[3:7]
    microsecond = int.from_bytes(state[7:])
    month, fold = state[2] & ~FOLD, state[2] >> 7
    year = int.from_bytes(state[:2])
    return dt.datetime(year, month, day, hour, minute, second, microsecond, tzinfo=zone, fold=fold)


def clock_time(note: Note) -> dt.time:
    """A `time`, with the fold in the highest bit of the hour."""
    state, zone = _state_and_zone(note, 6)
    hour, minute, second = state[0] & ~FOLD, state[1], state[2]
    return dt.time(hour, minute, second, int.from_bytes(state[3:]), tzinfo=zone, fold=state[0] >> 7)


def day(note: Note) -> dt.date:
    """A `date`."""
    state, _ = _state_and_zone(note, 4)
    return dt.date(int.from_bytes(state[:2]), state[2], state[3])


def period(note: Note) -> dt.timedelta:
    """A `timedelta`."""
    days, seconds, microseconds = map(_number, note.arguments)
    return dt.timedelta(days, seconds, microseconds)


def period_text(note: Note) -> str:
    """A `timedelta` as ISO 8601 has it, and Pydantic reads it."""
    whole = period(note) // dt.timedelta(microseconds=1)
    seconds, rest = divmod(abs(whole), MICROSECONDS)
    return f"{'-' if whole < 0 else ''}PT{seconds}{f'.{rest:06}' if rest else ''}S"


def decimal_text(note: Note) -> str:
    """A `Decimal`, which is pickled as its text."""
    [text] = note.arguments
    return _text(text)


def fraction_text(note: Note) -> str:
    """A `Fraction`: its text, or numerator and denominator."""
    parts = note.arguments
    return _text(parts[0]) if len(parts) == 1 else "/".join(str(_number(part)) for part in parts)


def uuid_text(note: Note) -> str:
    """A `UUID`."""
    return str(uuid.UUID(int=_number(dict(pairs(note.state)).get("int"))))


def encoded(note: Note) -> bytes:
    """Bytes as old protocols have them: the Latin-1 text of them."""
    text, encoding = note.arguments
    return _text(text).encode("latin-1") if encoding == "latin1" else _unknown()


def buffer(note: Note) -> bytes:
    """A `bytearray`, or empty `bytes`."""
    match note.arguments:
        case ():
            return b""
        case (bytes() as content, *_):
            return content
        case (Note() as content, *_) if is_a(content, "_codecs.encode"):
            return encoded(content)
        case (str() as text, "latin-1"):
            return text.encode("latin-1")
        case _:
            return _unknown()


TEXTS: Final[Mapping[str, Callable[[Note], str]]] = {
    DATETIME: lambda note: moment(note).isoformat(),
    "datetime.date": lambda note: day(note).isoformat(),
    "datetime.time": lambda note: clock_time(note).isoformat(),
    TIMEDELTA: period_text,
    "decimal.Decimal": decimal_text,
    "fractions.Fraction": fraction_text,
    "uuid.UUID": uuid_text,
}
BYTES: Final[Mapping[str, Callable[[Note], bytes]]] = {
    "_codecs.encode": encoded,
    "__builtin__.bytes": buffer,
    "__builtin__.bytearray": buffer,
    "builtins.bytearray": buffer,
}


def pairs(value: object) -> Iterable[tuple[object, object]]:
    """The keys and values of a dict, of whatever class.

    Raises:
        RefusedError: it is none.
    """
    if is_dict(value):
        return value.items()
    if isinstance(value, Note) and value.origin in DICTS:
        given = [pair for each in value.arguments if is_dict(each) for pair in each.items()]
        return [*given, *((pair[0], pair[1]) for pair in value.content if is_tuple(pair) and len(pair) == PAIR)]
    raise RefusedError(f"there is a {name_of(value)} where a dict should be")


def items(note: Note) -> Iterable[object]:
    """What is in a list or set of whatever class."""
    given = note.arguments[0] if note.arguments else ()
    if not is_row(given) and not is_set(given):
        raise TypeError
    return [*given, *note.content]


def name_of(value: object) -> str:
    """What kind of value it is."""
    return value.origin if isinstance(value, Note) else type(value).__name__


def _state_and_zone(note: Note, size: int) -> tuple[bytes, dt.tzinfo | None]:
    state, zone = (*note.arguments, None)[:2]
    # Old protocols have the bytes as a call, or as text.
    state = encoded(state) if is_a(state, "_codecs.encode") else state
    if not isinstance(state, bytes) or len(state) != size:
        raise TypeError
    return state, None if zone is None else _zone(zone)


def _zone(zone: object) -> dt.tzinfo:
    match zone:
        case Note(origin="datetime.timezone", arguments=(Note() as offset, *_)) if is_a(offset, TIMEDELTA):
            return dt.timezone(period(offset))
        case Note(origin="zoneinfo.ZoneInfo._unpickle" | "zoneinfo.ZoneInfo", arguments=(str() as key, *_)):
            return zoneinfo.ZoneInfo(key)
        case Note(origin="pytz._UTC"):
            return dt.UTC
        case Note(origin="pytz._p", arguments=(_, int() as offset, *_)):
            return dt.timezone(dt.timedelta(seconds=offset))
        case _:
            raise RefusedError(f"it holds a time of the zone {name_of(zone)}, which is not read")


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _unknown() -> bytes:
    raise TypeError
