"""Visitors who talk to the core of the web sessions without any framework: requests, and a jar of cookies."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from tests.shop import RecordingStore
from typed_sessions import (
    History,
    JsonObject,
    Record,
    SessionConfig,
    SessionKey,
    SessionModel,
    Sessions,
    Store,
)
from typed_sessions.clock import MICROSECOND, Clock
from typed_sessions.integrations.web import Visit, Visits
from typed_sessions.integrations.web.ids import digest
from typed_sessions.stores.protocol import Change, Outcome, Query
from typed_sessions.testing import SettableClock

DAY = timedelta(days=1)


class CartHistory(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {"lines": old["items"], "currency": "EUR", "note": ""}


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", version=2, history=CartHistory())

    lines: list[str] = []
    currency: str = "EUR"
    note: str = ""


class Prefs(SessionModel):
    session_config = SessionConfig(name="prefs")

    language: str = "en"


class Hint(SessionModel):
    session_config = SessionConfig(name="hint", ttl=timedelta(minutes=5))

    text: str = ""


VISIT = "typed-sessions-visit"


def visits_on(store: Store, clock: Clock, /, *models: type[SessionModel], **settings: object) -> Visits:
    """Visits with the models above, or these, as one process has them."""
    exclusive_settings = {name: settings.pop(name) for name in ("serialize", "lock_timeout") if name in settings}
    sessions = Sessions(store, clock=clock, **exclusive_settings)  # type: ignore[arg-type]  # any of its settings
    return Visits(sessions, models or (Cart, Prefs, Hint), **settings)  # type: ignore[arg-type]  # any of its settings


class TickingClock(SettableClock):
    """Two things never happen at the same time, as in several processes of the real world."""

    def __call__(self) -> datetime:
        return self.advance(MICROSECOND)


class Visitor:
    """One browser. `told` holds the `Set-Cookie` headers of the last response."""

    def __init__(self, visits: Visits, id_: str | None = None) -> None:
        self.visits = visits
        self.jar: dict[str, list[str]] = {} if id_ is None else {visits.cookie.name: [id_]}
        self.told: list[str] = []

    @property
    def id(self) -> str:
        """What its cookie holds."""
        [id_] = self.jar[self.visits.cookie.name]
        return id_

    @property
    def has_cookie(self) -> bool:
        return self.visits.cookie.name in self.jar

    def elsewhere(self, visits: Visits) -> "Visitor":
        """The same browser, that talks to another process."""
        other = Visitor(visits)
        other.jar = self.jar
        return other

    @asynccontextmanager
    async def request(self, *, writes: bool = True, status: int = 200) -> AsyncGenerator[Visit]:
        """The handler of a request is the block."""
        sent = {name: list(values) for name, values in self.jar.items()}
        visit = Visit(self.visits, lambda name: sent.get(name, []), is_turn=writes)
        try:
            yield visit
            self._receive(await visit.finish(is_good=status < 500))
        except BaseException:
            await visit.end(is_good=False)
            raise
        await visit.end(is_good=True)

    def _receive(self, told: list[str]) -> None:
        self.told = told
        for header in told:
            name, _, rest = header.partition("=")
            value, *attributes = rest.split("; ")
            if "Max-Age=0" in attributes:
                self.jar.pop(name, None)
            else:
                self.jar[name] = [value]

    async def add(self, line: str) -> None:
        """Put something into the cart."""
        async with self.request() as visit:
            (await visit.data(Cart)).lines.append(line)

    async def lines(self) -> list[str]:
        """What is in the cart."""
        async with self.request(writes=False) as visit:
            return (await visit.data(Cart)).lines

    async def login(self, owner: str | int) -> None:
        async with self.request() as visit:
            await visit.login(owner)

    async def logout(self) -> None:
        async with self.request() as visit:
            await visit.logout()

    async def owner(self) -> str | None:
        async with self.request(writes=False) as visit:
            return await visit.owner()


async def rows(store: Store) -> dict[str, list[str]]:
    """The texts of the keys that are stored, by the names of their models."""
    found: dict[str, list[str]] = {}
    for key, _ in await store.scan(Query()):
        found.setdefault(key.model, []).append(key.text)
    return found


async def row(store: Store, model: str, id_: str) -> Record:
    """What is stored of a model under an id."""
    key = SessionKey(model, digest(id_))
    return (await store.load([key]))[key]


class FailingStore(RecordingStore):
    """A store that fails when it is told to, before or after it has done what it was asked for."""

    failure: Exception | None = None
    is_late = False

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        if self.failure is not None:
            raise self.failure
        return await super().load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        outcomes: Sequence[Outcome] = await super().save(changes) if self.failure is None or self.is_late else ()
        if self.failure is not None:
            raise self.failure
        return outcomes
