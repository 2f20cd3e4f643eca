"""The file of an export: written whole lines at a time, gone on with where it broke off, read again."""

import gzip
import os
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from typed_sessions.key import SessionKey
from typed_sessions.stores.protocol import Row
from typed_sessions.transfer.lines import (
    BEGIN,
    Footer,
    Header,
    LineError,
    Seal,
    footer_line,
    header_line,
    parsed,
    record_line,
)

GZIP: Final = ".gz"
_CHUNK: Final = 1024 * 1024
_WITH_GZIP_HEADER: Final = 31


class Sink:
    """Where an export goes. In a file it can be gone on with, nothing but whole pages is ever seen.

    Args:
        file: to write to.
        is_packed: pack each page by itself, so that those before it can be read when it is torn.
        seal: of what is in the file already.
    """

    def __init__(self, file: BinaryIO, *, is_packed: bool = False, seal: Seal | None = None) -> None:
        self._file = file
        self._is_packed = is_packed
        self._seal = seal or Seal()

    @property
    def count(self) -> int:
        """How many records are in it."""
        return self._seal.count

    def begin(self, header: Header) -> None:
        self._write(header_line(header), 0)

    def add(self, rows: Sequence[Row]) -> None:
        if rows:
            self._write(b"".join(record_line(key, record) for key, record in rows), len(rows))

    def end(self) -> None:
        self._write(footer_line(self._seal.footer()), 0)

    def _write(self, lines: bytes, records: int) -> None:
        self._file.write(gzip.compress(lines, mtime=0) if self._is_packed else lines)
        self._file.flush()
        self._seal.add(lines, records)


@dataclass
class Found:
    """What of an export is in a file."""

    header: Header | None = None
    footer: Footer | None = None
    last: SessionKey | None = None
    models: set[str] = field(default_factory=set[str])
    seal: Seal = field(default_factory=Seal)
    size: int = 0
    """Bytes of the file that are whole."""


def find(path: Path) -> Found:
    """What a file holds of an export, up to where it is torn.

    Raises:
        LineError: it is no export.
        OSError: it cannot be read.
    """
    found = Found()
    with path.open("rb") as file:
        for lines, end in _pieces(file, is_packed=path.suffix == GZIP):
            for line in lines.splitlines(keepends=True):
                _note(found, line)
            found.size = end
    if found.header is None and not _is_torn_header(path):
        raise LineError("it does not begin as one")
    return found


def _is_torn_header(path: Path) -> bool:
    """Whether a file without a whole line may be an export that was killed as it began, and not somebody's text."""
    with path.open("rb") as file:
        begun = file.read(_CHUNK)
    if path.suffix == GZIP:
        try:
            begun = zlib.decompressobj(_WITH_GZIP_HEADER).decompress(begun)
        except zlib.error:
            return False
    return begun[: len(BEGIN)] == BEGIN[: len(begun)]


def _note(found: Found, line: bytes) -> None:
    what = parsed(line)
    if found.header is None and not isinstance(what, Header):
        raise LineError("its first line is no header")
    match what:
        case Header():
            found.header = what
        case Footer():
            found.footer = what
            return
        case (key, _):
            found.last = key
            found.models.add(key.model)
    found.seal.add(line, 0 if isinstance(what, Header) else 1)


def _pieces(file: BinaryIO, *, is_packed: bool) -> Iterator[tuple[bytes, int]]:
    """Whole lines, each time with where they end in the file; a torn line or page at the end is left out."""
    if is_packed:
        yield from _unpacked(file)
        return
    end = 0
    for line in file:
        if not line.endswith(b"\n"):
            return
        end += len(line)
        yield line, end


def _unpacked(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    rest, end = b"", 0
    while (member := _member(file, rest)) is not None:
        lines, rest, size = member
        end += size
        yield lines, end


def _member(file: BinaryIO, rest: bytes) -> tuple[bytes, bytes, int] | None:
    """What was packed by itself: unpacked, what was read behind it, and its size; None if it is torn or missing."""
    unpacking, lines, size = zlib.decompressobj(_WITH_GZIP_HEADER), bytearray(), 0
    with suppress(zlib.error):
        while chunk := rest or file.read(_CHUNK):
            lines += unpacking.decompress(chunk)
            size, rest = size + len(chunk), b""
            if unpacking.eof:
                return bytes(lines), unpacking.unused_data, size - len(unpacking.unused_data)
    return None


@contextmanager
def created(path: Path) -> Generator[Sink]:
    """A new file, removed if the block fails before a record. It holds keys and data, so only its owner may read it.

    Raises:
        OSError: it is there already, or cannot be made.
    """
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    sink: Sink | None = None
    try:
        with os.fdopen(number, "wb") as file:
            sink = Sink(file, is_packed=path.suffix == GZIP)
            yield sink
            os.fsync(number)
    except BaseException:
        if sink is None or not sink.count:
            path.unlink(missing_ok=True)
        raise


@contextmanager
def continued(path: Path, found: Found) -> Generator[Sink]:
    """A file to be gone on with. What is torn at its end is cut off."""
    with path.open("r+b") as file:
        file.truncate(found.size)
        file.seek(found.size)
        yield Sink(file, is_packed=path.suffix == GZIP, seal=found.seal)
        os.fsync(file.fileno())


@contextmanager
def reading(path: Path) -> Generator[Iterator[bytes]]:
    """The lines of a file, unpacked, up to where a packed file is torn.

    Raises:
        OSError: it cannot be read.
    """
    # By its first bytes: somebody may have given it another name.
    with path.open("rb") as raw:
        is_packed = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path) if is_packed else path.open("rb") as file:
        yield _untorn(file)


def _untorn(file: Iterable[bytes]) -> Iterator[bytes]:
    with suppress(EOFError, zlib.error, gzip.BadGzipFile):
        yield from file
