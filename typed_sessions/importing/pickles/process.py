"""Starts the process that reads a pickle, and listens to it."""

import json
import math
import os
import signal
import subprocess  # a wall between what is in a pickle and everything else
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from typed_sessions.importing.entry import Bad, Found, SourceError
from typed_sessions.importing.pickles.walls import FORBIDDEN
from typed_sessions.importing.telegram import TelegramParts

ROOT: Final = Path(__file__).parents[3]
MEBIBYTE: Final = 1024 * 1024
LONGEST_LINE: Final = 64 * MEBIBYTE
"""Characters of an entry that the writer lets through, with each of them escaped."""

# Without any of the packages' own `__init__`, which would need what is installed: there the standard library is all.
PROGRAM: Final = """
import sys, types
names = ["typed_sessions", "typed_sessions.importing", "typed_sessions.importing.pickles"]
for name in names:
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = [sys.argv[1] + "/" + name.replace(".", "/")]
from typed_sessions.importing.pickles.reading import main
main()
"""
ISOLATED: Final = (sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", PROGRAM, str(ROOT))


@dataclass(frozen=True, slots=True)
class PickleFile:
    """The file or files of python-telegram-bot's `PicklePersistence`.

    They are read in a process of its own that runs nothing of them. What is not plain data, times, decimals or objects
    of Telegram's (as their `to_dict`) is reported, entry by entry. Sets and tuples become lists, bytes base64, and the
    int keys of dicts texts.

    Args:
        path: the `filepath` of the persistence. With `single_file=False`, what the names of its files begin with.
        parts: which part of it, and what becomes of the keys.
        allowed: names of classes of yours whose content is taken, as `shop.states.State`: the value of an enum, the
            attributes of an object, the fields of a named tuple.
        memory: bytes that the process may take.
        seconds: of processor time that it may take, and to wait for its next word.
    """

    path: Path
    parts: TelegramParts
    allowed: frozenset[str] = frozenset()
    memory: int = 2048 * MEBIBYTE
    seconds: int = 300

    def count(self) -> int:
        with closing(self._lines()) as lines:
            return int(next(lines)[1]["count"])

    def __iter__(self) -> Iterator[Found]:
        with closing(self._lines()) as lines:
            next(lines)
            for line, told in lines:
                yield self._found(line, told)

    def _found(self, line: bytes, told: dict[str, Any]) -> Found:
        if "problem" in told:
            return Bad(told["name"], told["problem"], told["original"].encode(errors="backslashreplace"))
        return self.parts.found(told["name"], tuple(told["key"]), told["data"], line)

    def _lines(self) -> Generator[tuple[bytes, dict[str, Any]]]:
        """What the process says, line by line, without the last.

        Raises:
            SourceError: there is no file, or it cannot be read to its end.
        """
        path, is_whole = self._file()
        wish = {
            "part": self.parts.part,
            "is_whole": is_whole,
            "allowed": sorted(self.allowed),
            "marks_ints": self.parts.marks_ints,
            "memory": self.memory,
            "seconds": self.seconds,
        }
        with (
            path.open("rb") as file,
            started(file, json.dumps(wish)) as process,
            Patience(process, self.seconds) as wait,
        ):
            while True:
                line = wait.line()
                told = json.loads(line) if line.endswith(b"\n") else None
                if told is None:
                    raise SourceError(f"{path} cannot be read to its end: {self._end(process, wait)}")
                if "fault" in told:
                    raise SourceError(f"{path} cannot be read: {told['fault']}")
                if "end" in told:
                    return
                yield line, told

    def _file(self) -> tuple[Path, bool]:
        """The file to read, and whether it holds all parts."""
        own = self.path.with_name(f"{self.path.name}_{self.parts.part.holder}")
        if own.is_file():
            return own, False
        if self.path.is_file():
            return self.path, True
        raise SourceError(f"there is no file {self.path} and no {own.name} beside it; give the filepath of the bot")

    def _end(self, process: subprocess.Popen[bytes], patience: "Patience") -> str:
        """Why the process ended without a last line."""
        process.kill()
        code = process.wait()
        if patience.is_over or code == -getattr(signal, "SIGXCPU", 0):
            return f"it took more than {self.seconds} s; give it more (--seconds), if you trust the file"
        if code == FORBIDDEN:
            return "it tried what no data does, and was stopped before it; do not trust the file"
        return f"its reader broke (exit code {code}); the file is damaged or hostile, or --memory is too little"


def started(file: BinaryIO, wish: str) -> subprocess.Popen[bytes]:
    """The process that reads a pickle, with nothing of this one but the file."""
    needed = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    return subprocess.Popen(  # noqa: S603  # our own program
        [*ISOLATED, wish], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=needed
    )


class Patience:
    """Reads the lines of a process, and kills it when one takes too long."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self._process, self._seconds = process, seconds
        self._since = math.inf
        self._is_left = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.is_over = False

    def line(self) -> bytes:
        """The next line; without an end, if the process ended or says too much."""
        assert self._process.stdout is not None
        self._since = time.monotonic()
        try:
            return self._process.stdout.readline(LONGEST_LINE)
        finally:
            self._since = math.inf

    def _watch(self) -> None:
        while not self._is_left.wait(min(1.0, self._seconds / 4)):
            if time.monotonic() - self._since > self._seconds:
                self.is_over = True
                self._process.kill()
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_left.set()
        self._process.kill()
        self._thread.join()
