"""Values that itsdangerous signed."""

from datetime import timedelta
from typing import Any

try:
    from itsdangerous import BadData, BadSignature, Signer, TimestampSigner
    from itsdangerous.encoding import base64_decode, base64_encode
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f'{error.name} is not installed; pip install "typed-sessions[takeover]"', name=error.name
    ) from error

from typed_sessions.clock import Clock
from typed_sessions.integrations.takeover.into import Keys, checked_keys
from typed_sessions.integrations.takeover.payload import is_plausible

NOTHING = timedelta(0)


class Signed:
    """Reads values with a signature and the time that it was made at.

    Args:
        keys: secrets, the newest first; all of them verify.
        max_age: how old a signature may be.
        clock: the time that its age is counted to.
        options: of `TimestampSigner`.
    """

    def __init__(self, keys: Keys, max_age: timedelta, clock: Clock, **options: Any) -> None:  # noqa: ANN401 # its own
        # itsdangerous takes the newest last.
        self._signer = TimestampSigner(checked_keys(keys)[::-1], **options)
        self._max_age = max_age
        self._clock = clock

    def read(self, value: str, /) -> str | None:
        """The value without its signature; None if that is wrong, too old, or of the future.

        Two values that are read are two signed texts, so that a takeover may be noted by the value.
        """
        if not is_plausible(value) or not _is_as_written(value.rpartition(".")[2]):
            return None
        try:
            text, signed_at = self._signer.unsign(value, return_timestamp=True)
        except (BadSignature, ValueError, OverflowError, OSError):  # the latter three: a time beyond the calendar
            return None
        is_valid = NOTHING <= self._clock() - signed_at <= self._max_age
        return text.decode("ascii") if is_valid else None


class SignedId:
    """Reads ids with a signature and no time. Args as `Signed`."""

    def __init__(self, keys: Keys, **options: Any) -> None:  # noqa: ANN401 # its own
        self._signer = Signer(checked_keys(keys)[::-1], **options)

    def read(self, value: str, /) -> str | None:
        """The id; None if the signature is wrong."""
        if not is_plausible(value):
            return None
        try:
            return self._signer.unsign(value).decode("ascii")
        except BadSignature:
            return None


def _is_as_written(signature: str) -> bool:
    """Whether it is spelt as itsdangerous writes it.

    It reads many spellings of one signature (RFC 4648, sections 3.3 and 3.5): it skips what is not of the alphabet, and
    the bits that are left over in the last character.
    """
    try:
        return base64_encode(base64_decode(signature)).decode() == signature
    except BadData:
        return False
