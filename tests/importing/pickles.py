"""Pickles: real ones of python-telegram-bot, and hostile ones written opcode by opcode."""

import pickle
import struct
from pathlib import Path
from typing import Any

from typed_sessions.importing import Bad, Entry
from typed_sessions.importing.pickles.process import PickleFile
from typed_sessions.importing.telegram import Part, TelegramParts


def persisted(**parts: object) -> bytes:
    """The file of a `PicklePersistence` with these parts."""
    return pickle.dumps({"user_data": {}, "chat_data": {}, "conversations": {}, **parts})


def around(payload: bytes) -> bytes:
    """The file of a persistence in which one user's data holds what the opcodes of `payload` leave on the stack."""
    users = b"}(K\x01}U\x04evil" + payload + b"sK\x02}U\x04goodK\x01su"
    return b"\x80\x02}(U\tuser_data" + users + b"U\tchat_data}U\rconversations}u."


def call(name: str, *arguments: bytes) -> bytes:
    """The opcodes that call a global with arguments."""
    module, _, function = name.rpartition(".")
    return b"c" + module.encode() + b"\n" + function.encode() + b"\n(" + b"".join(arguments) + b"tR"


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def read(path: Path, content: bytes, part: Part = Part.USER_DATA, **options: Any) -> list[Entry | Bad]:  # noqa: ANN401  # of PickleFile
    """What a file of a `PicklePersistence` gives."""
    path.write_bytes(content)
    is_plain_dict: bool = options.pop("is_plain_dict", False)
    found = PickleFile(path, TelegramParts(part, is_plain_dict=is_plain_dict), **options)
    return [each for each in found if isinstance(each, Entry | Bad)]


def data_of(path: Path, value: object, **options: Any) -> object:  # noqa: ANN401  # of PickleFile
    """What becomes of a value in the data of a user; the reason, if it is refused."""
    [found] = read(path, persisted(user_data={1: {"it": value}}), **options)
    if isinstance(found, Bad):
        return found.reason
    data: Any = found.data
    return data["it"]
