"""What a chat is to be reminded of."""

from datetime import datetime

from pydantic import AwareDatetime, BaseModel

from reminder.reminders_history import RemindersHistory
from typed_sessions import SessionConfig, SessionModel


class Reminder(BaseModel):
    """A text, when it is due, and the number by which it can be forgotten."""

    number: int
    text: str
    due: AwareDatetime


class Reminders(SessionModel):
    """The reminders of a chat, which are dropped one by one when they have been sent."""

    session_config = SessionConfig(name="reminders", version=2, history=RemindersHistory())

    last_number: int = 0
    waiting: list[Reminder] = []

    def add(self, text: str, due: datetime) -> Reminder:
        self.last_number += 1
        reminder = Reminder(number=self.last_number, text=text, due=due)
        self.waiting.append(reminder)
        return reminder

    def find(self, number: int) -> Reminder | None:
        return next((reminder for reminder in self.waiting if reminder.number == number), None)

    def drop(self, number: int) -> bool:
        """Whether there was one."""
        found = self.find(number)
        if found:
            self.waiting.remove(found)
        return found is not None
