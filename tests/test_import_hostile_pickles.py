"""A pickle is read without running anything of it, however hostile it is, and one entry costs no other."""

import json
import pickle
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.importing.pickles import around, call, data_of, persisted, read, text
from typed_sessions import JsonObject
from typed_sessions.importing import Bad, Entry, SourceError
from typed_sessions.importing.pickles.process import ISOLATED, MEBIBYTE, PickleFile
from typed_sessions.importing.pickles.walls import FORBIDDEN
from typed_sessions.importing.telegram import Part, TelegramParts

ROOT = Path(__file__).parent.parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.pickle"


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that no pickle may make."""
    return tmp_path / "canary"


def payloads(canary: Path) -> Mapping[str, bytes]:
    """What a hostile pickle may try, each to make the canary."""
    command = text(f"touch {canary}")
    code = text(f"__import__('pathlib').Path({str(canary)!r}).touch()")
    getattr_of = call("builtins.getattr", b"cos\nsystem\n", text("__call__"))
    imported = call("builtins.__import__", text("os"))
    inner = b"cos\nsystem\n(" + command + b"tR."
    noon = b"C\x0a\x07\xea\x01\x1f\x0c\x00\x00\x00\x00\x00"
    setter = b"}" + text("__setstate__") + b"cos\nsystem\nsb"
    return {
        "os.system": call("os.system", command),
        "posix.system": call("posix.system", command),
        "nt.system": call("nt.system", command),
        "subprocess": call("subprocess.check_output", b"(" + text("touch") + text(str(canary)) + b"t"),
        "eval": call("builtins.eval", code),
        "exec": call("builtins.exec", code),
        "eval of Python 2": call("__builtin__.eval", code),
        "open": call("builtins.open", text(str(canary)), text("w")),
        "pathlib": call("pathlib.Path.touch", call("pathlib.PosixPath", text(str(canary)))),
        "a chain of getattr": getattr_of + b"(" + command + b"tR",
        "getattr of a module": call("builtins.getattr", imported, text("system")) + b"(" + command + b"tR",
        "pickle in pickle": call("pickle.loads", b"C" + bytes([len(inner)]) + inner),
        "functools.partial": call("functools.partial", b"cos\nsystem\n", command) + b"(tR",
        "operator.methodcaller": call("operator.methodcaller", text("system"), command) + b"(" + imported + b"tR",
        "map": call("builtins.list", call("builtins.map", b"cos\nsystem\n", b"]" + command + b"a")),
        "OBJ": b"(cos\nsystem\n" + command + b"o",
        "INST": b"(" + command + b"ios\nsystem\n",
        "NEWOBJ": b"csubprocess\nPopen\n(" + command + b"t\x81",
        "NEWOBJ_EX": b"csubprocess\nPopen\n(" + command + b"t}" + text("shell") + b"\x88s\x92",
        "STACK_GLOBAL": text("os") + text("system") + b"\x93(" + command + b"tR",
        "BUILD with a state that sets": call("types.SimpleNamespace") + setter + command + b"b",
        "BUILD of slots": call("shop.Thing") + b"N}" + text("__class__") + b"cos\nsystem\ns\x86b",
        "APPENDS to a call": call("os.system", command) + b"(" + command + b"e",
        "ADDITEMS to a call": call("os.system", command) + b"(" + command + b"\x90",
        "a persistent id": b"(" + command + b"tQ",
        "telegram's own": call("telegram.ext._picklepersistence._reconstruct_to", b"cos\nsystem\n", command),
        "copyreg": call("copyreg._reconstructor", b"csubprocess\nPopen\n", b"cbuiltins\nobject\n", b"N"),
        "a time zone": call("datetime.datetime", noon, call("zoneinfo.ZoneInfo", text(f"../../../..{canary}"))),
    }  # fmt: skip


@pytest.mark.parametrize("name", payloads(Path("x")))
def test_a_hostile_entry_does_nothing_and_costs_no_other(name: str, path: Path, canary: Path) -> None:
    found = read(path, around(payloads(canary)[name]))

    assert not canary.exists()
    bad, good = found
    assert isinstance(bad, Bad)
    assert isinstance(good, Entry)
    assert (good.key, good.data) == ((2,), {"good": 1})
    assert json.loads(bad.original)


@pytest.mark.parametrize(
    "name", ["os.system", "eval", "a chain of getattr", "pickle in pickle", "NEWOBJ", "STACK_GLOBAL"]
)
def test_a_class_that_is_allowed_is_not_called_either(name: str, path: Path, canary: Path) -> None:
    allowed = frozenset({"os.system", "builtins.eval", "pickle.loads", "subprocess.Popen", "builtins.getattr"})

    read(path, around(payloads(canary)[name]), allowed=allowed)

    assert not canary.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it cannot be unpickled: EOFError"),
        (b"no pickle", "it cannot be unpickled"),
        (persisted()[:-20], "it cannot be unpickled"),
        (pickle.dumps([1]), "there is a list where a dict should be"),
        (pickle.dumps({"chat_data": {}}), "it holds no user_data; it holds chat_data"),
        (pickle.dumps({"user_data": 5}), "there is a int where a dict should be"),
        (around(b"\x82\x01"), "it cannot be unpickled: ValueError: unregistered extension code"),
        (around(b"\x8e" + b"\xff" * 7 + b"\x7f"), "it"),
        (around(b"r\xff\xff\xff\x7f"), "it"),
        (around(b"(" * 1_000_000), "it cannot be unpickled"),
    ],
)
def test_a_file_that_is_none_is_told(content: bytes, reason: str, path: Path) -> None:
    with pytest.raises(SourceError) as told:
        read(path, content, memory=512 * MEBIBYTE)

    assert f"{path} cannot be read: {reason}" in str(told.value)


@pytest.mark.parametrize("digits", [2000, 5000])
def test_a_key_of_too_many_digits_costs_no_other(digits: int, path: Path) -> None:
    bad, good = read(path, persisted(user_data={10**digits: {}, 2: {"good": 1}}))

    assert isinstance(bad, Bad)
    assert isinstance(good, Entry)
    assert good.key == (2,)


def test_what_a_file_is_named_to_be_reaches_no_terminal(path: Path) -> None:
    with pytest.raises(SourceError) as told:
        read(path, pickle.dumps({"\x1b[2J": {}}))

    assert "it holds \\x1b[2J" in str(told.value)


def test_a_billion_laughs_are_refused(path: Path) -> None:
    laughs: list[object] = ["ha"] * 10
    for _ in range(12):
        laughs = [laughs] * 10

    assert str(data_of(path, laughs)).startswith("it is larger than 16,777,216 characters of JSON")


def test_what_holds_itself_or_is_too_deep_is_refused(path: Path) -> None:
    circle: list[object] = []
    circle.append(circle)

    assert data_of(path, circle) == "it is nested deeper than 100 levels, or holds itself"


@pytest.mark.parametrize("depth", [1000, 1_000_000])
def test_a_deep_nest_of_tuples_is_refused(depth: int, path: Path) -> None:
    bad, good = read(path, around(b")" + b"\x85" * depth))

    assert isinstance(bad, Bad)
    assert isinstance(good, Entry)


@pytest.mark.parametrize(
    "payload",
    [
        b"}" + b")" + b"\x85" * 5_000_000 + b"K\x01s",  # a hash so deep that the stack overflows
        b"})" + b"2\x86" * 60 + b"K\x01s",  # a hash that takes 2**60 steps
    ],
    ids=["crash", "endless"],
)
def test_a_pickle_that_breaks_or_stalls_its_reader_is_told(payload: bytes, path: Path) -> None:
    begun = time.monotonic()

    with pytest.raises(SourceError, match="cannot be read to its end"):
        read(path, around(payload), seconds=1)

    assert time.monotonic() - begun < 20


def test_a_memory_bomb_is_told(path: Path) -> None:
    bomb = b"}(" + b"".join(b"M" + number.to_bytes(2, "little") + b"]" for number in range(60_000)) + b"u"

    with pytest.raises(SourceError, match=r"memory|reader broke"):
        read(path, around(b"]" + bomb * 40), memory=64 * MEBIBYTE)


def test_the_reader_is_killed_when_it_says_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "typed_sessions.importing.pickles.process.ISOLATED", (sys.executable, "-c", "import time; time.sleep(60)")
    )
    path.write_bytes(persisted())

    with pytest.raises(SourceError, match="it took more than 1 s"):
        list(PickleFile(path, TelegramParts(Part.USER_DATA), seconds=1))


@pytest.mark.parametrize(
    "attempt",
    [
        "import os; os.system('touch canary')",
        "import subprocess; subprocess.run(['touch', 'canary'])",
        "open('canary', 'w')",
        "open('/etc/passwd')",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import antigravity",
        "eval('1')",
        "import os; os.open('canary', os.O_CREAT | os.O_WRONLY)",
        "import os; os.fork()",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.kill(os.getppid(), 0)",
        "import ctypes",
        "import pathlib; pathlib.Path('canary').touch()",
        "open('/usr/share/zoneinfo/../../../etc/passwd')",
    ],
)
def test_nothing_is_possible_behind_the_walls(attempt: str, tmp_path: Path) -> None:
    done = behind_walls(attempt, tmp_path)

    assert done.returncode == FORBIDDEN, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("attempt", ["1 + 1", "open('/usr/share/zoneinfo/UTC', 'rb').close()", "b'x' * 1024"])
def test_what_reading_needs_is_possible_behind_the_walls(attempt: str, tmp_path: Path) -> None:
    done = behind_walls(attempt, tmp_path)

    assert done.returncode == 0, done.stderr


def test_memory_is_limited_behind_the_walls(tmp_path: Path) -> None:
    attempt = "try:\n    bytearray(512 * 1024 * 1024)\nexcept MemoryError:\n    os._exit(7)"

    assert behind_walls(attempt, tmp_path).returncode == 7


def test_no_file_can_be_written_behind_the_limits(tmp_path: Path) -> None:
    behind_walls("open('canary', 'w').write('x')", tmp_path, with_hook=False)

    assert (tmp_path / "canary").read_bytes() == b""


def behind_walls(attempt: str, folder: Path, *, with_hook: bool = True) -> "subprocess.CompletedProcess[str]":
    """What becomes of a program in the place of one that reads a pickle."""
    begin, end = ISOLATED[-2].split("from typed_sessions.importing.pickles.reading import main\n")
    assert end == "main()\n"
    program = f"""{begin}
import importlib, os, pathlib, socket, subprocess
from typed_sessions.importing.pickles.walls import forbid, limit
limit(memory=256 * 1024 * 1024, seconds=5)
{"forbid()" if with_hook else ""}
{attempt}
"""
    return subprocess.run(
        [*ISOLATED[:-2], program, ISOLATED[-1]], cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )


def test_the_reader_needs_nothing_that_is_installed(path: Path) -> None:
    path.write_bytes(persisted(user_data={1: {}}))
    wish: JsonObject = {
        "part": "user_data",
        "is_whole": True,
        "allowed": [],
        "marks_ints": False,
        "memory": 2**30,
        "seconds": 5,
    }
    show = "import atexit, sys; atexit.register(lambda: print(sorted(sys.modules), file=sys.stderr))\n"

    with path.open("rb") as file:
        done = subprocess.run(
            [*ISOLATED[:-2], show + ISOLATED[-2], ISOLATED[-1], json.dumps(wish)],
            stdin=file, capture_output=True, text=True, check=True,
        )  # fmt: skip

    assert "typed_sessions.importing.pickles.reading" in done.stderr
    assert "pydantic" not in done.stderr
    assert "telegram'" not in done.stderr


def test_the_process_that_imports_never_unpickles() -> None:
    """`pickle` is imported by what runs in the other process alone."""
    package = ROOT / "typed_sessions"
    importers = [path for path in package.rglob("*.py") if "import pickle" in path.read_text()]

    assert [path.relative_to(package).as_posix() for path in importers] == ["importing/pickles/notes.py"]
