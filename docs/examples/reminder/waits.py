"""How long to wait, as people write it: `90s`, `10m`, `1h30m`, `2d`."""

import re
from datetime import timedelta

LONGEST = timedelta(days=366)
EXAMPLES = ("10m", "1h30m", "2d")

_WAIT = re.compile(r"(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?")


def wait_of(text: str) -> timedelta | None:
    """None for what is no time, or none within a year."""
    found = _WAIT.fullmatch(text.strip().lower())
    if found is None:
        return None
    days, hours, minutes, seconds = (int(number or 0) for number in found.groups())
    wait = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return wait if timedelta(0) < wait <= LONGEST else None
