"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


class SettableClock:
    """Hand it in as `clock`: it shows `now` until `advance` or an assignment moves it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def advance(self, by: timedelta, /) -> datetime:
        """Move on, and give the new time."""
        self.now += by
        return self.now

    def __call__(self) -> datetime:
        return self.now
