"""The session model of our own applications."""

from tests.benchmarks.web.apps.work import ENTRIES
from typed_sessions import SessionConfig, SessionModel


class Tally(SessionModel):
    session_config = SessionConfig(name="tally")

    count: int = 0
    entries: list[str] = []

    def count_up(self, seen: int) -> None:
        self.count = seen + 1
        self.entries = [*self.entries, f"entry {self.count}"][-ENTRIES:]
