"""The bytes of an old session: bounded, and never pickled."""

import json
import logging
import zlib
from base64 import b64decode, urlsafe_b64decode

from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_object

logger = logging.getLogger("typed_sessions")

MAX_COOKIE_CHARACTERS = 16 * 1024
"""Of one cookie. Browsers keep 4,096 bytes (RFC 6265bis, section 5.6)."""
MAX_BYTES = 1024 * 1024
"""Of an old session's data, unpacked."""


def is_plausible(value: str, /) -> bool:
    """Whether it may be the value of a cookie of one of the old libraries: short, and ASCII."""
    return len(value) <= MAX_COOKIE_CHARACTERS and value.isascii()


def json_object(data: bytes, cookie: str, /) -> JsonObject | None:
    """The JSON object that it is; None if it is something else, too large or too deep.

    Args:
        data: UTF-8.
        cookie: the name of the old cookie, for the log.
    """
    if len(data) > MAX_BYTES or refuse_pickle(data, cookie):
        return None
    try:
        found: object = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if is_object(found) else None


def refuse_pickle(data: bytes, cookie: str, /) -> bool:
    """Whether it is pickled, which is logged: reading it would run whatever code it holds."""
    # PROTO and STOP of protocols 2 to 5 (https://docs.python.org/3/library/pickletools.html).
    is_pickled = data[:1] == b"\x80" and data[1:2] in b"\2\3\4\5" and data[-1:] == b"."
    if is_pickled:
        logger.warning(
            "an old session of the cookie %s is pickled; nothing pickled is read, so it was not taken over: "
            "let the old application write JSON for a while before the move",
            cookie,
        )
    return is_pickled


def from_base64(text: str, /) -> bytes | None:
    """The bytes of base64 of either alphabet, padded or not; None if it is none."""
    padded = text + "=" * (-len(text) % 4)
    decode = urlsafe_b64decode if {"-", "_"} & set(text) else b64decode
    try:
        return decode(padded)
    except ValueError:
        return None


def inflated(data: bytes, /) -> bytes | None:
    """What zlib packed; None if that is too large, or nothing that it packed."""
    unpacking = zlib.decompressobj()
    try:
        found = unpacking.decompress(data, MAX_BYTES)
    except zlib.error:
        return None
    return found if unpacking.eof else None


def unpacked(text: str, /) -> bytes | None:
    """The bytes of base64, packed by zlib if there is a dot before it, as Django and itsdangerous write it."""
    data = from_base64(text.removeprefix("."))
    return inflated(data) if data is not None and text.startswith(".") else data
