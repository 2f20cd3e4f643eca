"""Sizes and times as people read them."""

from datetime import datetime, timedelta
from typing import Final

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_KILO: Final = 1000


def size(count: float) -> str:
    """A number of bytes: `512 B`, `1.2 kB`."""
    if count < _KILO:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB"):
        count /= _KILO
        if count < _KILO:
            return f"{count:.1f} {unit}"
    return f"{count / _KILO:,.1f} TB"


def span(length: timedelta) -> str:
    """A length of time in its largest unit, rounded down: `3 h`, `12 d`. `0 s` if it is negative."""
    seconds = max(0, int(length.total_seconds()))
    for unit, name in _UNITS:
        if seconds >= unit:
            return f"{seconds // unit:,} {name}"
    return "0 s"


def since(time: datetime, now: datetime) -> str:
    """How long ago it was."""
    return span(now - time)


def until(time: datetime | None, now: datetime) -> str:
    """When a session expires."""
    if time is None:
        return "never"
    return f"in {span(time - now)}" if now < time else f"{since(time, now)} ago"
