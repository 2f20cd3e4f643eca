"""Files of JSON: the folder that `@grammyjs/storage-file` keeps, and one file that holds all sessions."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typed_sessions.importing.entry import MAX_BYTES, Bad, RefusedError, SourceError, Stored
from typed_sessions.importing.json_texts import is_object_text, members, name_of

SUFFIX: Final = ".json"
FOLDER_CHARACTERS: Final = 2
"""The folder that a session of `@grammyjs/storage-file` lies in is named by so many last characters of its key."""

NO_NAME: Final = "its key is no Unicode text; rename it"


@dataclass(frozen=True, slots=True)
class GrammyFolder:
    """The folder of `@grammyjs/storage-file`: each session is a file, `sessions/23/-1001123.json`.

    Every other file in it is reported as one that cannot be imported.
    """

    path: Path

    def count(self) -> int:
        return sum(1 for _ in _files(self.path))

    def __iter__(self) -> Iterator[Stored | Bad]:
        for path in _files(self.path):
            yield _stored(path.relative_to(self.path).as_posix(), path)


def _files(folder: Path) -> Iterator[Path]:
    """All files of a folder, in an order that does not change. Links to folders are not followed."""
    if not folder.is_dir():
        raise SourceError(f"{folder} is no folder; name the dirName of your FileAdapter, which is sessions by default")
    for place, folders, names in os.walk(folder, onerror=_raise):
        folders.sort()
        yield from (Path(place, name) for name in sorted(names))


def _raise(error: OSError) -> None:
    raise SourceError(f"{error.filename} cannot be read: {error.strerror}") from None


def _stored(place: str, path: Path) -> Stored | Bad:
    try:
        text = _text(path)
        folder, _, rest = place.partition("/")
        name = rest.removesuffix(SUFFIX)
        # It cannot store keys with slashes either.
        if name == rest or "/" in name or name[-FOLDER_CHARACTERS:] != folder:
            return Bad(place, "its path is not one that @grammyjs/storage-file gives a session; move it away", text)
    except RefusedError as error:
        return Bad(place, str(error))
    return Stored(name, text)


def _text(path: Path) -> bytes:
    try:
        if path.is_symlink() or not path.is_file():
            raise RefusedError("it is no plain file; move it away")
        if path.stat().st_size > MAX_BYTES:
            raise RefusedError(f"it has more than {MAX_BYTES:,} bytes; move it away")
        return path.read_bytes()
    except OSError as error:
        raise RefusedError(f"it cannot be read: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class JsonFile:
    """One JSON file with an object of all sessions by their keys.

    It is read as a whole, and no bad session in it costs another.
    """

    path: Path

    def count(self) -> int:
        return len(_members(self.path))

    def __iter__(self) -> Iterator[Stored | Bad]:
        for key, value in _members(self.path):
            name = name_of(key)
            yield Bad(key.decode(errors="backslashreplace"), NO_NAME, value) if name is None else Stored(name, value)


def _members(path: Path) -> list[tuple[bytes, bytes]]:
    try:
        text = path.read_bytes()
        if not is_object_text(text):
            raise SourceError(f"{path} holds no JSON object; it must have the keys and data of all sessions")
        return members(text)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    except RefusedError as error:
        raise SourceError(f"{path} cannot be read: {error}; mend it") from None
