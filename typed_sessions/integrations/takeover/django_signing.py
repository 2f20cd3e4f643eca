"""What `django.core.signing` signs, verified without Django, which the new application need not have."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from typed_sessions.clock import EPOCH
from typed_sessions.integrations.takeover.into import Keys, checked_keys

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MAX_DIGITS = 8
"""Of a time in seconds: until the year 6,900,000, which is more than a `datetime` holds."""


class Signed:
    """Reads values of `TimestampSigner`: a text, the time, and an HMAC of both with SHA-256.

    Args:
        keys: secrets, the newest first; all of them verify.
        salt: says what was signed.
    """

    def __init__(self, keys: Keys, salt: str) -> None:
        self._keys = [salted(f"{salt}signer", key) for key in checked_keys(keys)]

    def read(self, value: str, /) -> tuple[str, datetime] | None:
        """The text, and when it was signed; None if the signature is wrong."""
        signed, _, signature = value.rpartition(":")
        text, _, stamp = signed.rpartition(":")
        signed_at = _time(stamp)
        given = signature.encode()
        is_right = any(hmac.compare_digest(_signature(key, signed), given) for key in self._keys)
        return (text, signed_at) if is_right and signed_at is not None else None


def salted(salt: str, key: bytes, /) -> bytes:
    """The key of an HMAC, as `django.utils.crypto.salted_hmac` makes it."""
    return hashlib.sha256(salt.encode() + key).digest()


def _signature(key: bytes, signed: str) -> bytes:
    return urlsafe_b64encode(hmac.digest(key, signed.encode(), "sha256")).rstrip(b"=")


def _time(stamp: str) -> datetime | None:
    if not stamp or len(stamp) > MAX_DIGITS or not stamp.isalnum() or not stamp.isascii():
        return None
    seconds = 0
    for digit in stamp:
        seconds = seconds * len(DIGITS) + DIGITS.index(digit)
    try:
        return EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None
