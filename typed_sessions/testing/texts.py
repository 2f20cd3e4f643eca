"""Random texts that satisfy a place of a frozen shape."""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import TypeAdapter

from typed_sessions.history import JsonObject
from typed_sessions.testing.validation import format_problem, matches

TEXT: Final = st.characters(codec="utf-8", exclude_characters="\0")
"""What every store keeps: no NUL, no half of a surrogate pair."""

_TIMEZONES: Final = st.one_of(
    st.just(UTC), st.integers(-14 * 60, 14 * 60).map(lambda by: timezone(timedelta(minutes=by)))
)
_MIN_DATE, _MAX_DATE = datetime(2, 1, 1), datetime(9998, 12, 31)  # noqa: DTZ001 # bounds of local times, too
_ADDRESSES: Final = {"ipv4": st.ip_addresses(v=4), "ipv6": st.ip_addresses(v=6), "ipvany": st.ip_addresses()}
_LETTERS: Final = st.text("abcxyz", min_size=1, max_size=8)
_DECIMAL_PLACES: Final = 4
_MAX_DECIMAL: Final = 10**9


def texts(schema: JsonObject) -> SearchStrategy[str]:
    """Texts of `{"type": "string"}`, with its format, pattern and lengths."""
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength")
    pattern: str | None = schema.get("pattern")
    drawn = _of_format(schema.get("format"), schema)
    if drawn is None:
        if pattern is None:
            return st.text(TEXT, min_size=shortest, max_size=longest)
        drawn = st.from_regex(pattern, alphabet=TEXT)
    fits = drawn.filter(lambda text: len(text) >= shortest and (longest is None or len(text) <= longest))
    return fits if pattern is None else fits.filter(lambda text: matches(pattern, text))


def _of_format(name: object, schema: JsonObject) -> SearchStrategy[str] | None:
    if name == "date-time":
        return _date_times(schema.get("x-timezone"))
    if name == "decimal":
        return _decimals(schema)
    if isinstance(name, str) and name.startswith("ip"):
        return _addresses(name)
    return _FORMATS.get(str(name))


def _date_times(timezone_: object) -> SearchStrategy[str]:
    aware = _written(datetime, st.datetimes(_MIN_DATE, _MAX_DATE, timezones=_TIMEZONES))
    naive = _written(datetime, st.datetimes(_MIN_DATE, _MAX_DATE))
    chosen: Mapping[object, SearchStrategy[str]] = {"aware": aware, "naive": naive}
    return chosen.get(timezone_, naive | aware)


def _decimals(schema: JsonObject) -> SearchStrategy[str]:
    """Decimals between the limits, counted in units of the last place."""
    places: int = schema.get("x-decimal-places", min(_DECIMAL_PLACES, schema.get("x-max-digits", _DECIMAL_PLACES)))
    unit = Decimal(str(schema["multipleOf"])) if "multipleOf" in schema else Decimal(1).scaleb(-places)
    low = _limit(schema, "minimum", "exclusiveMinimum", -_MAX_DECIMAL)
    high = _limit(schema, "maximum", "exclusiveMaximum", low + 2 * _MAX_DECIMAL)
    digits: int | None = schema.get("x-max-digits")
    if digits is not None:
        largest = Decimal(10) ** (digits - places) - unit
        low, high = max(low, -largest), min(high, largest)
    counted = st.integers(int((low / unit).to_integral_value("ROUND_CEILING")), int(high // unit))
    return counted.map(lambda count: str(count * unit)).filter(lambda text: format_problem(text, schema) is None)


def _limit(schema: JsonObject, including: str, excluding: str, without: int | Decimal) -> Decimal:
    return Decimal(str(schema.get(including, schema.get(excluding, without))))


def _addresses(name: str) -> SearchStrategy[str] | None:
    kind = re.match("ipv4|ipv6|ipvany", name)
    if kind is None:
        return None
    alone = _ADDRESSES[kind[0]]
    if name.endswith(("network", "interface")):
        return alone.map(lambda address: f"{address}/{address.max_prefixlen}")
    return alone.map(str)


def _written(kind: Any, values: SearchStrategy[Any]) -> SearchStrategy[str]:  # noqa: ANN401 # any type
    """The values as Pydantic writes them."""
    adapter = TypeAdapter(kind, config={"ser_json_bytes": "base64", "ser_json_timedelta": "iso8601"})
    return values.map(lambda value: adapter.dump_python(value, mode="json"))


def _uuids(version: int) -> SearchStrategy[str]:
    """Of a version that Hypothesis does not know; the number of it is the fifteenth character."""
    return st.uuids(version=4).map(str).map(lambda text: f"{text[:14]}{version}{text[15:]}")


_EMAILS: Final = st.builds("{}@{}.com".format, _LETTERS, _LETTERS)
_FORMATS: Final[dict[str, SearchStrategy[str]]] = {
    "date": st.dates(date(2, 1, 1), date(9998, 12, 31)).map(date.isoformat),
    "time": st.times().map(lambda time: time.isoformat()),
    "duration": _written(timedelta, st.timedeltas(timedelta(days=-36500), timedelta(days=36500))),
    "uuid": st.uuids().map(str),
    "uuid1": st.uuids(version=1).map(str),
    "uuid3": st.uuids(version=3).map(str),
    "uuid4": st.uuids(version=4).map(str),
    "uuid5": st.uuids(version=5).map(str),
    "uuid6": _uuids(6),
    "uuid7": _uuids(7),
    "uuid8": _uuids(8),
    "base64": st.text(TEXT).map(lambda text: base64.b64encode(text.encode()).decode()),  # Base64Str reads no bytes
    "base64url": st.binary().map(lambda data: base64.urlsafe_b64encode(data).decode()),
    "binary": st.text(TEXT),
    "uri": st.builds("https://{}.com/{}".format, _LETTERS, _LETTERS),
    "multi-host-uri": st.builds("postgresql://{}:5432/{}".format, _LETTERS, _LETTERS),
    "email": _EMAILS,
    "name-email": st.builds("{} <{}>".format, _LETTERS, _EMAILS),
    "fraction": st.fractions(max_denominator=1000).map(str),
    "regex": st.sampled_from(["", "a", "^a+$", r"\d*"]),
    "path": st.text("abc/._ ", min_size=1, max_size=20),
    "zoneinfo": st.just("UTC"),
    "color": st.sampled_from(["black", "red"]),
}
"""For each format that Pydantic has. An unknown one is a text like any other."""
