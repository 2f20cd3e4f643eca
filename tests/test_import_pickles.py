"""What values of Python become in a pickle that is imported, and which are refused."""

import datetime as dt
import decimal
import enum
import fractions
import json
import pickle
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from tests.importing.pickles import around, call, data_of, persisted, read, text
from typed_sessions import JsonObject
from typed_sessions.importing import Bad, Entry

ROOT = Path(__file__).parent.parent


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


@dataclass
class Profile:
    name: str
    level: Level


class Slotted:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Point(NamedTuple):
    x: int
    y: int


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.pickle"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_become_json(protocol: int, path: Path) -> None:
    values: JsonObject = {
        "none": None, "yes": True, "int": -5, "float": 1.5, "text": "ada ✓", "list": [1, [2]], "tuple": (1, 2),
        "set": {3, 1, 2}, "frozen": frozenset({"b", "a"}), "bytes": b"\xff\x00", "array": bytearray(b"a"),
        "dict": {"a": {1: "x"}}, "ordered": OrderedDict(a=1), "default": defaultdict(list, a=[1]),
        "counter": Counter("aab"), "deque": deque([1, 2], maxlen=5),
        "decimal": decimal.Decimal("1.10"), "fraction": fractions.Fraction(1, 3), "uuid": uuid.UUID(int=7),
        "date": dt.date(2026, 1, 31), "time": dt.time(12, 30, 1, 5),
        "naive": dt.datetime(2026, 1, 31, 12, 0, 0, 123456),  # noqa: DTZ001  # as bots have them
        "utc": dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC),
        "berlin": dt.datetime(2026, 1, 31, 12, tzinfo=ZoneInfo("Europe/Berlin")),
        "period": dt.timedelta(days=1, seconds=2, microseconds=3), "back": -dt.timedelta(seconds=1),
    }  # fmt: skip
    content = pickle.dumps({"user_data": {1: values}, "chat_data": {}}, protocol)

    [entry] = read(path, content)

    assert isinstance(entry, Entry)
    assert entry.data == {
        "none": None, "yes": True, "int": -5, "float": 1.5, "text": "ada ✓", "list": [1, [2]], "tuple": [1, 2],
        "set": [1, 2, 3], "frozen": ["a", "b"], "bytes": "_wA=", "array": "YQ==",
        "dict": {"a": {"1": "x"}}, "ordered": {"a": 1}, "default": {"a": [1]},
        "counter": {"a": 2, "b": 1}, "deque": [1, 2],
        "decimal": "1.10", "fraction": "1/3", "uuid": "00000000-0000-0000-0000-000000000007",
        "date": "2026-01-31", "time": "12:30:01.000005",
        "naive": "2026-01-31T12:00:00.123456", "utc": "2026-01-31T12:00:00+00:00",
        "berlin": "2026-01-31T12:00:00+01:00",
        "period": "PT86402.000003S", "back": "-PT1S",
    }  # fmt: skip


def test_a_time_of_pytz_keeps_its_offset(path: Path) -> None:
    moment = b"C\x0a\x07\xea\x01\x1f\x0c\x00\x00\x00\x00\x00"
    berlin = call("pytz._p", text("Europe/Berlin"), b"M\x10\x0e", b"K\x00", text("CET"))

    found = read(path, around(call("datetime.datetime", moment, berlin)))

    assert isinstance(found[0], Entry)
    assert found[0].data == {"evil": "2026-01-31T12:00:00+01:00"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "it holds nan, which does not exist in JSON"),
        (10**5000, "it holds an int of too many digits"),
        ({1: "a", "1": "b"}, "two keys of a dict would have one name in JSON, as 1 and '1'"),
        ({(1, 2): 3}, "a dict has a tuple as a key; JSON has only texts there"),
        ({True: 3}, "a dict has a bool as a key; JSON has only texts there"),
        (1j, "it holds a builtins.complex, which is not read"),
        (print, "it holds the name builtins.print, which is no data"),
        (range(3), "it holds a builtins.range, which is not read"),
        (Color.RED, f"it holds a {__name__}.Color, which is not read; if that is a class of yours with plain"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_without_a_form_in_json_is_refused(value: object, reason: str, path: Path) -> None:
    assert str(data_of(path, value)).startswith(reason)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_classes_that_are_allowed_give_their_content(protocol: int, path: Path) -> None:
    names = frozenset(f"{__name__}.{name}" for name in ("Color", "Level", "Profile", "Point"))
    values = {"enum": Color.RED, "profile": Profile("ada", Level.LOW), "point": Point(1, 2)}
    content = pickle.dumps({"user_data": {1: values}}, protocol)

    [entry] = read(path, content, allowed=names)

    assert isinstance(entry, Entry)
    assert entry.data == {"enum": "red", "profile": {"name": "ada", "level": 1}, "point": [1, 2]}


def test_slots_are_attributes_too(path: Path) -> None:
    assert data_of(path, Slotted("ada"), allowed=frozenset({f"{__name__}.Slotted"})) == {"name": "ada"}


def test_an_entry_that_is_refused_is_shown_as_far_as_it_goes(path: Path) -> None:
    [bad] = read(path, persisted(user_data={1: {"who": Profile("ada", Level.LOW), "when": 5, b"k": b"\x00"}}))

    level = {"class": f"{__name__}.Level", "arguments": [1]}
    assert isinstance(bad, Bad)
    assert json.loads(bad.original) == {
        "pairs": [
            ["who", {"class": f"{__name__}.Profile", "state": {"name": "ada", "level": level}}],
            ["when", 5],
            [{"base64": "aw=="}, {"base64": "AA=="}],
        ]
    }  # fmt: skip


@pytest.mark.parametrize("is_plain_dict", [False, True])
def test_int_keys_are_marked_for_plain_dicts_only(is_plain_dict: bool, path: Path) -> None:
    [entry] = read(path, persisted(user_data={1: {3: "a", "int:3": "b", "x": {4: 5}}}), is_plain_dict=is_plain_dict)

    assert isinstance(entry, Entry)
    assert entry.data == (
        {"int:3": "a", "str:int:3": "b", "x": {"int:4": 5}}
        if is_plain_dict
        else {"3": "a", "int:3": "b", "x": {"4": 5}}
    )
