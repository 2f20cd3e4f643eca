"""How tasks and threads run, but for alarms, which ring when a test says so."""

from typed_sessions.blocking import complete
from typed_sessions.stores.sqlalchemy.locks.runners import Chore, TaskRunner, ThreadRunner


class TasksByHand(TaskRunner):
    """Tasks of asyncio."""

    def __init__(self) -> None:
        super().__init__()
        self.alarms: list[Chore] = []

    def later(self, seconds: float, chore: Chore) -> None:  # noqa: ARG002 # see the protocol
        self.alarms.append(chore)

    def taken(self) -> list[Chore]:
        """The alarms that were set and have not been taken."""
        alarms, self.alarms = self.alarms, []
        return alarms


class ThreadsByHand(ThreadRunner):
    """Threads, of which one may come between: it does something while the holders of locks are looked through."""

    def __init__(self) -> None:
        self.alarms: list[Chore] = []
        self.between: list[Chore] = []

    def later(self, seconds: float, chore: Chore) -> None:  # noqa: ARG002 # see the protocol
        self.alarms.append(chore)

    async def ring(self) -> None:
        """Let those alarms ring that are set."""
        alarms, self.alarms = self.alarms, []
        for alarm in alarms:
            await alarm()

    def is_gone(self, place: int) -> bool:
        while self.between:
            complete(self.between.pop()())
        return super().is_gone(place)
