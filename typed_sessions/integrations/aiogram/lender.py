"""Lends the sessions of one bot: to handlers, and to what aiogram calls without a middleware."""

from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import Any, Final, NamedTuple, TypeAlias, cast

from aiogram.dispatcher.middlewares.data import MiddlewareData
from aiogram.types import Update

from typed_sessions.errors import InvalidKeyError, MissingKeyError, SessionDefinitionError
from typed_sessions.integrations.aiogram.askers import Asker
from typed_sessions.integrations.aiogram.places import place_of
from typed_sessions.integrations.binding import Bindings
from typed_sessions.integrations.in_flight import InFlight
from typed_sessions.integrations.lending import Asked, is_there, lending
from typed_sessions.integrations.parameters import Manner
from typed_sessions.integrations.places import Place
from typed_sessions.key import SessionKey
from typed_sessions.model import SessionModel
from typed_sessions.sessions import Sessions

SLOT: Final = "typed_sessions_slot"
"""Where an update's slot stands in aiogram's data."""

Data: TypeAlias = dict[str, Any]


class Read(NamedTuple):
    """A session as a filter sees it."""

    data: SessionModel
    is_there: bool


class Slot:
    """What one update carries along: who lends it sessions, what its filters have read, and whether it is in flight."""

    __slots__ = ("_counted", "lender", "reads", "update")

    def __init__(self, lender: "Lender", update: Update | None) -> None:
        self.lender = lender
        self.update = update
        self.reads: dict[SessionKey, Read] = {}
        self._counted: ExitStack | None = None

    @contextmanager
    def in_flight(self) -> Generator[None]:
        """Have the bot wait at shutdown for the end of the block, or for the end of the outer one."""
        if self._counted is not None:
            yield
            return
        with ExitStack() as counted:
            counted.enter_context(self.lender.in_flight.running())
            self._counted = counted
            try:
                yield
            finally:
                self._counted = None

    def need_not_be_waited_for(self) -> None:
        """End that early: nothing is to be saved."""
        if self._counted is not None:
            self._counted.close()
            self._counted = None

    def place(self, data: Data) -> Place[MiddlewareData]:
        """Where the update is from."""
        # aiogram leaves the update out where it calls the handlers of errors, and those of all updates.
        return place_of(cast("MiddlewareData", {"event_update": self.update, **data}))


class Lender:
    """Lends the sessions that are bound."""

    def __init__(self, sessions: Sessions, bindings: Bindings[MiddlewareData], in_flight: InFlight) -> None:
        self.in_flight = in_flight
        self._sessions = sessions
        self._bindings = bindings
        self._asked: dict[Asker, Sequence[Asked[MiddlewareData]]] = {}

    def asked(self, asker: Asker, /) -> Sequence[Asked[MiddlewareData]]:
        """What to give to a function, by its bindings.

        Raises:
            SessionDefinitionError: it cannot get what it asks for.
        """
        known = self._asked.get(asker)
        if known is None:
            refuse(asker.problems(self._bindings))
            bound = ((wish, self._bindings.of(wish.model)) for wish in asker.wishes if wish.model)
            known = [Asked(wish.parameter, binding, wish.manner) for wish, binding in bound if binding]
            self._asked[asker] = known
        return known

    @asynccontextmanager
    async def lending(self, asker: Asker, data: Data, slot: Slot, /) -> AsyncGenerator[Data]:
        """Give a function what it asks for, by parameter, for the time of the block, and save it on a clean exit."""
        asked = self.asked(asker)
        with slot.in_flight():
            try:
                async with AsyncExitStack() as stack:
                    with _named(asker):
                        given = await stack.enter_async_context(lending(self._sessions, asked, slot.place(data)))
                    yield given
            finally:
                slot.reads.clear()  # another state of affairs, for the filters of those that are tried next

    async def read(self, asker: Asker, data: Data, slot: Slot, /) -> Data:
        """Give a filter what it asks for, by parameter, for reading."""
        place = slot.place(data)
        with _named(asker):
            return {each.parameter: await self._read(each, place, slot) for each in self.asked(asker)}

    async def _read(
        self, asked: Asked[MiddlewareData], place: Place[MiddlewareData], slot: Slot
    ) -> SessionModel | None:
        is_optional = asked.manner is Manner.OPTIONAL
        try:
            session = await asked.binding.session(self._sessions, place)
        except MissingKeyError:
            if is_optional:
                return None
            raise
        read = slot.reads.get(session.key)
        if read is None:
            data = await session.load()
            read = slot.reads[session.key] = Read(data, is_there(session))
            session.lease.close("was read for a filter")
        return read.data if read.is_there or not is_optional else None


def refuse(problems: Iterable[str]) -> None:
    """Raise `SessionDefinitionError` if there are problems."""
    found = list(problems)
    if found:
        raise SessionDefinitionError("\n  ".join(["handlers ask for sessions that they cannot get:", *found]))


@contextmanager
def _named(asker: Asker) -> Generator[None]:
    try:
        yield
    except InvalidKeyError as error:
        error.add_note(f"The session is asked for by {asker.name}.")
        raise
