"""The ids of web sessions: what the browser keeps, and what the store keeps of it.

An id is 32 random bytes (OWASP Session Management Cheat Sheet asks for 64 bits of entropy at least; NIST SP 800-63B-4
for 64). The store knows it only by its SHA-256, so that who reads the database can be nobody's session. Salt and
stretching would add nothing: nobody guesses 256 random bits.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence

from typed_sessions.errors import SessionDefinitionError

ID_BYTES = 32
MIN_SIGNING_KEY_BYTES = 32
"""As many as the hash has (RFC 2104, section 3)."""

_ID = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_SEPARATOR = "."
_PURPOSE = b"typed-sessions id\0"


def mint() -> str:
    """A new id: 43 characters of base64url."""
    return secrets.token_urlsafe(ID_BYTES)


def digest(id_: str, /) -> str:
    """What the store knows of an id: 64 hexadecimal digits, which are no id."""
    return hashlib.sha256(id_.encode()).hexdigest()


class Ids:
    """Writes ids into cookies and reads them back.

    Args:
        signing_keys: secrets of 32 bytes at least. The first signs, all verify; so a new one is put in front, and the
            old one is taken away when its cookies have expired. Without any, ids are not signed: they cannot be
            guessed anyway, but a forged one costs a look into the store.

    Raises:
        SessionDefinitionError: a key is too short.
    """

    def __init__(self, signing_keys: Sequence[str | bytes] = ()) -> None:
        if isinstance(signing_keys, str | bytes):
            raise SessionDefinitionError("signing_keys is a list of keys; write signing_keys=[key]")
        self._keys = [key.encode() if isinstance(key, str) else key for key in signing_keys]
        if any(len(key) < MIN_SIGNING_KEY_BYTES for key in self._keys):
            raise SessionDefinitionError(
                f"a signing key has at least {MIN_SIGNING_KEY_BYTES} bytes; make one with secrets.token_urlsafe(32)"
            )

    def write(self, id_: str, /) -> str:
        """The value of the cookie."""
        return f"{id_}{_SEPARATOR}{_signature(self._keys[0], id_)}" if self._keys else id_

    def read(self, value: str, /) -> str | None:
        """The id in the value of a cookie; None if it is no id, or not signed by one of the keys."""
        id_, _, signature = value.partition(_SEPARATOR)
        if _ID.match(id_) is None:
            return None
        if not self._keys:
            return id_ if value == id_ else None
        given = signature.encode()
        # All of them, and none left out early: the time must not tell which key it was.
        matches = [hmac.compare_digest(_signature(key, id_).encode(), given) for key in self._keys]
        return id_ if any(matches) else None


def _signature(key: bytes, id_: str) -> str:
    signed = hmac.digest(key, _PURPOSE + id_.encode(), "sha256")
    return urlsafe_b64encode(signed).rstrip(b"=").decode()
