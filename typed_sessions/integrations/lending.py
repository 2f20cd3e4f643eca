"""Lends a function the sessions that it asks for, in the manners in which it asks for them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeAlias, TypeVar

from typed_sessions.codec import M
from typed_sessions.engine import Engine
from typed_sessions.errors import MissingKeyError, SessionClosedError
from typed_sessions.integrations.binding import Binding
from typed_sessions.integrations.parameters import Manner
from typed_sessions.integrations.places import Place
from typed_sessions.model import SessionModel
from typed_sessions.session import AnySession, Session
from typed_sessions.sessions import Sessions
from typed_sessions.turn import AnyLease, Turn

S = TypeVar("S")

Opened: TypeAlias = dict[type[SessionModel], AnySession]


@dataclass(frozen=True, slots=True)
class Asked(Generic[S]):
    """What one parameter of a function asks for."""

    parameter: str
    binding: Binding[Any, S]
    manner: Manner


class Lazy(Generic[M]):
    """A session that is opened when it is first awaited, and gives its data. It may be awaited again.

    It serves every task while the block runs; a nested open of its key joins it in the task that awaited it first.

    Raises:
        SessionClosedError: (when awaited) the block is over.
    """

    _session: Session[M] | None = None
    _is_over = False

    def __init__(self, sessions: Sessions, binding: Binding[M, S], place: Place[S]) -> None:
        self._open: Callable[[], Awaitable[Session[M]]] = partial(binding.session, sessions, place)
        self._opening = asyncio.Lock()

    def __await__(self) -> Generator[Any, Any, M]:
        return self._data().__await__()

    async def _data(self) -> M:
        async with self._opening:
            session = self._session or await self._entered()
        return session.data

    async def _entered(self) -> Session[M]:
        self._refuse_if_over()
        session = await self._open()
        await session.__aenter__()
        try:
            self._refuse_if_over()  # the block may have ended meanwhile, if another task awaits
        except SessionClosedError as error:
            await session.__aexit__(type(error), error, None)
            raise
        self._session = session
        return session

    def _refuse_if_over(self) -> None:
        if self._is_over:
            raise SessionClosedError(None, "was awaited after its handler had ended; await it before")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        if self._session is not None:
            await self._session.__aexit__(kind, error, trace)


@asynccontextmanager
async def lending(
    sessions: Sessions, asked: Iterable[Asked[S]], place: Place[S], /
) -> AsyncGenerator[dict[str, object]]:
    """Give what is asked for, by parameter, for the time of the block, and save it on a clean exit.

    All of one store are opened together and saved in one transaction, but for those that are lazy: each of these is
    saved by itself, before the others. One model is one session, in whatever manners it is asked for.

    Raises:
        MissingKeyError: the event has no key for a session that is not optional.
        as `Session`, when it is entered and left.
    """
    asked = list(asked)
    opened = await _opened(sessions, asked, place)
    async with AsyncExitStack() as stack:
        for turn in turns(opened.values()):
            await stack.enter_async_context(turn)
        given: dict[type[SessionModel], AnySession | Lazy[Any]] = dict(opened)
        for each in asked:
            if each.manner is Manner.LAZY and each.binding.model not in given:
                lazy: Lazy[Any] = Lazy(sessions, each.binding, place)
                given[each.binding.model] = await stack.enter_async_context(lazy)
        yield {each.parameter: _in_manner(each.manner, given.get(each.binding.model)) for each in asked}


async def _opened(sessions: Sessions, asked: Iterable[Asked[S]], place: Place[S]) -> Opened:
    """The sessions to be entered at once."""
    opened: Opened = {}
    for each in asked:
        if each.manner is Manner.LAZY or each.binding.model in opened:
            continue
        try:
            opened[each.binding.model] = await each.binding.session(sessions, place)
        except MissingKeyError:
            if each.manner is not Manner.OPTIONAL:
                raise
    return opened


def turns(opened: Iterable[AnySession], /) -> list[Turn]:
    """The turns of the sessions to be entered together: one for each store.

    They are always in the same order, lest two handlers wait for each other.
    """
    stores: dict[Engine, list[AnyLease]] = {}
    for session in opened:
        stores.setdefault(session.lease.engine, []).append(session.lease)
    return [Turn(engine, stores[engine]) for engine in sorted(stores, key=id)]


def _in_manner(manner: Manner, given: AnySession | Lazy[Any] | None) -> object:
    match manner, given:
        case Manner.LAZY, Session():
            return Ready(given)
        case Manner.DATA, Session():
            return given.data
        case Manner.OPTIONAL, Session():
            return given.data if is_there(given) else None
        case Manner.OPTIONAL, _:
            return None
        case _:
            return given


class Ready(Generic[M]):
    """A session that is open already, for those who await it."""

    def __init__(self, session: Session[M]) -> None:
        self._session = session

    def __await__(self) -> Generator[Any, Any, M]:
        yield from ()
        return self._session.data


def is_there(session: AnySession, /) -> bool:
    """Whether the store has the session, or an outer block, which this one has joined, is about to make it."""
    return not session.is_new or session.lease.opened.changed() is not None
