"""A bot of python-telegram-bot whose data is kept by `SQLPersistence`, as one process of perhaps several."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeAlias

from telegram import Update
from telegram.ext import Application, BaseHandler, CallbackContext, ContextTypes, PersistenceInput, TypeHandler

from typed_sessions import History, JsonObject, MemoryStore, Record, SessionConfig, SessionKey, SessionModel, Sessions
from typed_sessions.integrations.telegram.persistence import SQLPersistence
from typed_sessions.stores.protocol import Change, Outcome, Query, Row
from typed_sessions.testing.bots import BotApi, Person, group, private, supergroup
from typed_sessions.testing.bots.telegram import builder_of, feed, started

ADA, BOB = Person(id=71001001, first_name="Ada"), Person(id=71001002, first_name="Bob")
GROUP, SUPERGROUP = group(-2001001), supergroup(-1002001001)
BOT_ID = 7009001
OURS, OTHERS = (
    Person(id=BOT_ID, first_name="Ours", username="our_bot", is_bot=True),
    Person(id=7009002, first_name="Theirs", is_bot=True),
)
NEVER = 3600.0
"""Seconds between two writes: tests write by hand."""

Context: TypeAlias = CallbackContext[Any, Any, Any, Any]
Data: TypeAlias = dict[Any, Any]
AnyApplication: TypeAlias = Application[Any, Any, Any, Any, Any, Any]


class Profile(SessionModel):
    session_config = SessionConfig(name="profile")

    name: str = ""
    visits: int = 0
    tags: list[str] = []


class ProfileHistory(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {"full_name": old["name"], "visits": old["visits"], "tags": old["tags"]}


class LaterProfile(SessionModel):
    session_config = SessionConfig(name="profile", version=2, history=ProfileHistory())

    full_name: str = ""
    visits: int = 0
    tags: list[str] = []


class Room(SessionModel):
    session_config = SessionConfig(name="room")

    topic: str = ""


class Stats(SessionModel):
    session_config = SessionConfig(name="stats")

    total: int = 0
    best: str = ""


class Brief(SessionModel):
    session_config = SessionConfig(name="brief", ttl=timedelta(hours=1))

    note: str = ""


class FlakyStore(MemoryStore):
    """A memory store that notes what it is asked for, and raises `failure` if it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.saves: list[Change] = []
        self.scans = 0
        self.failure: Exception | None = None

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        self._fail()
        return await super().load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        self._fail()
        self.saves += changes
        return await super().save(changes)

    async def scan(self, query: Query, /) -> Sequence[Row]:
        self._fail()
        self.scans += 1
        return await super().scan(query)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


class Process:
    """One process of the bot: an application, what went wrong in it, and its persistence."""

    def __init__(self, api: BotApi, persistence: SQLPersistence[Any, Any, Any], *, is_typed: bool = True) -> None:
        self.api = api
        self.persistence = persistence
        types = persistence.context_types if is_typed else ContextTypes()
        self.application: AnyApplication = builder_of(api).context_types(types).persistence(persistence).build()
        self.errors: list[Exception] = []
        self.heard: list[Update] = []
        self.application.add_error_handler(self._note)
        self.application.add_handler(TypeHandler(Update, self._hear), group=99)

    async def _note(self, _: object, context: Context) -> None:
        assert context.error is not None
        self.errors.append(context.error)

    async def _hear(self, update: Update, _: Context) -> None:
        self.heard.append(update)

    async def hear(self, person: Person = ADA, text: str = "hi") -> None:
        """Handle a message; what it changes is not written yet."""
        await feed(self.application, self.api.updates.message(person, text, chat=private(person)))

    async def write(self) -> None:
        """What the application does at each interval."""
        await self.application.update_persistence()

    def user(self, person: Person = ADA) -> Any:  # noqa: ANN401 # whatever the test made it
        """The live `user_data`, marked as changed, as a handler of that user would do."""
        self.application.mark_data_for_update_persistence(user_ids=person.id)
        return self.application.user_data[person.id]


@asynccontextmanager
async def built(
    sessions: Sessions,
    persistence: SQLPersistence[Any, Any, Any] | None = None,
    *,
    bot: Person = OURS,
    is_typed: bool = True,
    handlers: Sequence[BaseHandler[Any, Any, Any]] = (),
) -> AsyncGenerator[Process]:
    """A process that has not started yet."""
    async with BotApi(bot) as api:
        process = Process(api, persistence or typed(sessions), is_typed=is_typed)
        process.application.add_handlers(handlers)
        try:
            yield process
        finally:
            # If it could not start, the application leaves its connections open.
            await process.application.bot.shutdown()


@asynccontextmanager
async def running(
    sessions: Sessions,
    persistence: SQLPersistence[Any, Any, Any] | None = None,
    *,
    bot: Person = OURS,
    is_typed: bool = True,
    handlers: Sequence[BaseHandler[Any, Any, Any]] = (),
) -> AsyncGenerator[Process]:
    """A process that is up; its data is written when it ends."""
    async with (
        built(sessions, persistence, bot=bot, is_typed=is_typed, handlers=handlers) as process,
        started(process.application),
    ):
        yield process


def typed(sessions: Sessions, store_data: PersistenceInput | None = None) -> SQLPersistence[Profile, Room, Stats]:
    """A persistence with a model for each kind of data."""
    return SQLPersistence(
        sessions, user_data=Profile, chat_data=Room, bot_data=Stats, store_data=store_data, update_interval=NEVER
    )


def plain(sessions: Sessions) -> SQLPersistence[Data, Data, Data]:
    """A persistence of plain dicts."""
    return SQLPersistence(sessions, update_interval=NEVER)


async def rows(sessions: Sessions) -> dict[str, set[str]]:
    """The keys that are in the store, by the names of their models."""
    found: dict[str, set[str]] = {}
    for key, _ in await sessions.store.scan(Query()):
        found.setdefault(key.model, set()).add(key.text)
    return found
