"""How large a session may be."""

from dataclasses import dataclass

MAX_BYTES = 1024 * 1024
WARN_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of JSON: a save above `max_bytes` is refused, one from `warn_bytes` on is logged as a warning."""

    max_bytes: int = MAX_BYTES
    warn_bytes: int = WARN_BYTES
