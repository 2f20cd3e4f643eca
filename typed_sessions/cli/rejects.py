"""The file that keeps the lines of an export that could not be stored."""

import base64
import json
import os
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from typed_sessions.transfer.restoring import Rejected


class Rejects:
    """A file with a line of JSON for each; made with the first one. It holds data: only its owner may read it.

    It replaces no other: where one is, it gets a number.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None

    def add(self, rejected: Rejected) -> None:
        """Write one down.

        Raises:
            OSError: the file cannot be written.
        """
        if self._file is None:
            self._file = self._opened()
        self._file.write(json_of(rejected) + "\n")
        self._file.flush()

    def _opened(self) -> TextIO:
        wanted = self.path
        for number in count(2):
            try:
                handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                self.path = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
            else:
                return os.fdopen(handle, "w", encoding="utf-8")
        raise AssertionError("there are endless numbers")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


def json_of(rejected: Rejected) -> str:
    """The line with its number and the reason: as text, or in base64 if it is none."""
    line = rejected.line.rstrip(b"\n")
    try:
        original = {"original": line.decode()}
    except UnicodeDecodeError:
        original = {"base64": base64.b64encode(line).decode()}
    return json.dumps({"line": rejected.number, "reason": rejected.reason, **original}, ensure_ascii=False)
