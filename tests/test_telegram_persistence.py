"""The data of an application comes back as it was, and nothing else is written."""

import enum
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from telegram.ext import PersistenceInput

from tests.telegram_persistent import (
    ADA,
    BOB,
    BOT_ID,
    NEVER,
    OTHERS,
    Data,
    FlakyStore,
    LaterProfile,
    Profile,
    Room,
    Stats,
    built,
    plain,
    rows,
    running,
    typed,
)
from typed_sessions import (
    History,
    InvalidSessionError,
    JsonObject,
    MemoryStore,
    NewerVersionError,
    SessionConfig,
    SessionDefinitionError,
    SessionKey,
    SessionModel,
    Sessions,
    StoreUnavailableError,
    UnstorableValueError,
)
from typed_sessions.integrations.telegram.persistence import SQLPersistence
from typed_sessions.stores.protocol import Insert, Query, Update
from typed_sessions.testing import SettableClock

ADAS = SessionKey.of("profile", (BOT_ID, ADA.id))


class Colour(enum.Enum):
    RED = "red"


class Fancy(dict[str, int]):
    pass


@pytest.fixture
def store() -> FlakyStore:
    return FlakyStore()


@pytest.fixture
def sessions(store: FlakyStore, clock: SettableClock) -> Sessions:
    return Sessions(store, clock=clock)


async def test_models_come_back_after_a_restart(sessions: Sessions) -> None:
    async with running(sessions) as first:
        await first.hear()
        first.user().tags.append("vip")
        first.application.chat_data[ADA.id].topic = "pizza"
        first.application.bot_data.total = 3

    async with running(sessions) as second:
        assert second.application.user_data[ADA.id] == Profile(tags=["vip"])
        assert second.application.chat_data[ADA.id] == Room(topic="pizza")
        assert second.application.bot_data == Stats(total=3)


DICTS: list[Data] = [
    {"a": None, "b": [1, -0.5, True, "x", [], {}], "c": {"d": {"e": [{"f": 1}]}}},
    {3: "int", "3": "str", -7: 1, 0: {1: {2: 3}}},
    {"int:3": "a", 3: "b", "str:int:3": "c", "str:": "d", "int:": "e", "int:03": "f", "": "g"},
    {"model_dump": 1, "session_config": 2, "__class__": 3, "_x": 4, "model_extra": {"model_fields": 5}},
    {"é": "É", "key with spaces": "\n", "%2F/": "/"},
]


@pytest.mark.parametrize("data", DICTS)
async def test_a_plain_dict_comes_back_with_the_types_of_its_keys(sessions: Sessions, data: Data) -> None:
    async with running(sessions, plain(sessions)) as first:
        first.user().update(data)

    async with running(sessions, plain(sessions)) as second:
        found = second.application.user_data[ADA.id]

    assert (found, repr(found)) == (data, repr(data))


def nested(depth: int) -> list[object]:
    return [nested(depth - 1)] if depth else []


def circle() -> Data:
    made: Data = {}
    made["me"] = made
    return made


UNSTORABLE: list[tuple[object, str]] = [
    ((1, 2), "x: a tuple would"),
    ({1}, "x: a set would"),
    (b"x", "x: a bytes would"),
    (datetime(2026, 3, 1, tzinfo=UTC), "x: a datetime would"),
    (Colour.RED, "x: a Colour would"),
    (Fancy(), "x: a Fancy would"),
    (Profile(), "x: a Profile would"),
    ([0, {"y": (1,)}], r"x\.1\.\*: a tuple would"),
    ({True: 1}, "x: one of its keys is a bool"),
    ({1.5: 1}, "x: one of its keys is a float"),
    ({None: 1}, "x: one of its keys is a NoneType"),
    (float("nan"), "does not exist in JSON"),
    (2**53, "beyond"),
    ("a\0", "NUL"),
    (nested(40), "nested deeper"),
    (circle(), "nested deeper"),
]


@pytest.mark.parametrize(("value", "message"), UNSTORABLE)
async def test_what_would_not_come_back_is_refused_with_its_path(
    sessions: Sessions, value: object, message: str
) -> None:
    async with running(sessions, plain(sessions)) as process:
        process.user()["x"] = value
        await process.write()
        process.user()["x"] = "mended"

    [error] = process.errors
    assert isinstance(error, UnstorableValueError)
    with pytest.raises(UnstorableValueError, match=message):
        raise error


async def test_a_broken_model_is_refused_with_its_path(sessions: Sessions) -> None:
    async with running(sessions) as process:
        process.user().tags.append(5)
        await process.write()
        process.user().tags.clear()

    [error] = process.errors
    assert isinstance(error, UnstorableValueError)
    assert error.path == "tags.0"


async def test_what_did_not_change_is_not_written(sessions: Sessions, store: FlakyStore) -> None:
    async with running(sessions) as first:
        first.user().name = "Ada"
    store.saves.clear()

    async with running(sessions) as second:
        await second.hear(ADA)
        await second.hear(BOB)

    assert store.saves == []


async def test_an_update_writes_only_what_changed(sessions: Sessions, store: FlakyStore) -> None:
    async with running(sessions) as process:
        await process.hear(BOB)
        process.user(ADA).name = "Ada"
        await process.write()
        await process.write()

    assert [change.key for change in store.saves] == [ADAS]


async def test_a_person_is_forgotten_by_owner(sessions: Sessions) -> None:
    async with running(sessions) as process:
        process.user(ADA).name = "Ada"
        process.application.chat_data[ADA.id].topic = "private"
        process.application.mark_data_for_update_persistence(chat_ids=ADA.id)
        process.user(BOB).name = "Bob"

    assert await sessions.delete_owner(ADA.id) == 2
    assert await rows(sessions) == {"profile": {f"{BOT_ID}/{BOB.id}"}}


async def test_the_data_of_a_group_is_nobodys(sessions: Sessions) -> None:
    async with running(sessions) as process:
        process.application.chat_data[-5].topic = "ours"
        process.application.mark_data_for_update_persistence(chat_ids=-5)

    [(_, record)] = await sessions.store.scan(Query("room"))
    assert record.owner is None


async def test_two_bots_share_a_database(sessions: Sessions) -> None:
    async with running(sessions) as ours, running(sessions, bot=OTHERS) as theirs:
        ours.user().name = "Ada"
        theirs.user().name = "Countess"

    async with running(sessions) as ours, running(sessions, bot=OTHERS) as theirs:
        assert ours.application.user_data == {ADA.id: Profile(name="Ada")}
        assert theirs.application.user_data == {ADA.id: Profile(name="Countess")}


async def test_other_sessions_of_a_model_are_not_the_applications(sessions: Sessions) -> None:
    await sessions.save((BOT_ID, ADA.id, "draft"), Profile(name="not Ada"))

    async with running(sessions) as process:
        assert process.application.user_data == {}


@pytest.mark.parametrize("part", ["settings", "007", "0", "-", "+7", "\u0667", "7\n"])
async def test_a_key_that_is_no_number_is_not_of_the_application(
    sessions: Sessions, store: FlakyStore, part: str
) -> None:
    await sessions.save((BOT_ID, part), Profile(name="not Ada"))
    await sessions.save((BOT_ID, part), Stats(total=5))
    await spoil(store, SessionKey.of("profile", (BOT_ID, part)), b'{"name": 5}')
    await spoil(store, SessionKey.of("stats", (BOT_ID, part)), b'{"total": "x"}')

    async with running(sessions) as process:
        assert process.application.user_data == {}
        assert process.application.bot_data == Stats()


@pytest.mark.parametrize("option", [{"states": {"order": 5}}, {"callback_data": 5}])
def test_what_is_no_type_is_refused(sessions: Sessions, option: dict[str, Any]) -> None:
    with pytest.raises(SessionDefinitionError, match="a value of int is no type that Pydantic knows; declare"):
        SQLPersistence(sessions, **option)


async def test_an_application_of_other_types_is_told_how_to_build_it(sessions: Sessions) -> None:
    only_user = SQLPersistence(sessions, user_data=Profile, update_interval=NEVER)
    async with running(sessions, only_user, is_typed=False) as process:
        await process.hear()
        [error] = process.errors

    assert isinstance(error, SessionDefinitionError)
    assert process.heard == []
    assert ".context_types(persistence.context_types)" in str(error)


class Required(SessionModel):
    session_config = SessionConfig(name="required", initial=lambda: Required(name="x"))

    name: str


def test_a_model_that_cannot_be_made_without_arguments_is_refused(sessions: Sessions) -> None:
    with pytest.raises(SessionDefinitionError, match="give its fields defaults"):
        SQLPersistence(sessions, user_data=Required)


def test_two_kinds_of_data_have_two_names(sessions: Sessions) -> None:
    with pytest.raises(SessionDefinitionError, match="give each a name of its own"):
        SQLPersistence(sessions, user_data=Profile, chat_data=Profile)


async def test_what_is_not_to_be_stored_is_not_stored(sessions: Sessions) -> None:
    only_bot = PersistenceInput(user_data=False, chat_data=False, callback_data=False)
    async with running(sessions, typed(sessions, only_bot)) as process:
        await process.hear()
        process.user().name = "Ada"
        process.application.bot_data.total = 1

    assert await rows(sessions) == {"stats": {str(BOT_ID)}}


def test_the_interval_is_that_of_every_persistence(sessions: Sessions) -> None:
    assert plain(sessions).update_interval == NEVER
    assert SQLPersistence(sessions).update_interval == 60


async def test_older_data_is_brought_along_when_it_is_read(sessions: Sessions) -> None:
    await sessions.save((BOT_ID, ADA.id), Profile(name="Ada", visits=2))

    async with running(sessions, SQLPersistence(sessions, user_data=LaterProfile)) as process:
        assert process.application.user_data[ADA.id] == LaterProfile(full_name="Ada", visits=2)


class FromDict(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {"lines": old.get("lines", []), "lucky": old.get("int:7")}


class TakenOver(SessionModel):
    session_config = SessionConfig(name="telegram-user-data", version=2, history=FromDict())

    lines: list[str] = []
    lucky: str | None = None


async def test_a_dict_becomes_a_model_by_a_step(sessions: Sessions) -> None:
    async with running(sessions, plain(sessions)) as before:
        before.user().update({"lines": ["funghi"], 7: "yes"})

    async with running(sessions, SQLPersistence(sessions, user_data=TakenOver)) as after:
        assert after.application.user_data[ADA.id] == TakenOver(lines=["funghi"], lucky="yes")


async def test_newer_data_keeps_the_bot_from_starting_and_stays(sessions: Sessions, store: FlakyStore) -> None:
    await sessions.save((BOT_ID, ADA.id), LaterProfile(full_name="Ada"))
    before = await store.load([ADAS])

    async with built(sessions) as process:
        with pytest.raises(NewerVersionError):
            await process.application.initialize()

    assert await store.load([ADAS]) == before


async def test_an_invalid_row_keeps_the_bot_from_starting(sessions: Sessions, store: FlakyStore) -> None:
    await break_row(store, sessions)

    async with built(sessions) as process:
        with pytest.raises(InvalidSessionError, match=r"profile #.* set on_invalid"):
            await process.application.initialize()


class Tolerant(SessionModel):
    session_config = SessionConfig(name="profile", on_invalid="reset")

    name: str = ""
    visits: int = 0
    tags: list[str] = []


async def test_an_invalid_row_is_set_aside_if_the_model_says_so(sessions: Sessions, store: FlakyStore) -> None:
    await break_row(store, sessions)

    async with running(sessions, SQLPersistence(sessions, user_data=Tolerant, update_interval=NEVER)) as process:
        assert process.application.user_data[ADA.id] == Tolerant()
        process.user().name = "new"

    assert (await sessions.load(Tolerant, (BOT_ID, ADA.id))).name == "new"
    [(_, kept)] = await store.scan(Query("profile!reset"))
    assert kept.data == b'{"name": 5}'


async def break_row(store: MemoryStore, sessions: Sessions) -> None:
    await sessions.save((BOT_ID, ADA.id), Profile(name="Ada"))
    await spoil(store, ADAS, b'{"name": 5}')


async def spoil(store: MemoryStore, key: SessionKey, data: bytes) -> None:
    record = (await store.load([key]))[key]
    await store.save([Update(key, record.revision, replace(record, revision=record.revision + 1, data=data))])


async def test_all_users_are_read_page_by_page(sessions: Sessions, store: FlakyStore) -> None:
    await sessions.save((BOT_ID, 1), Profile(name="Ada"))
    record = (await store.load([first := SessionKey.of("profile", (BOT_ID, 1))]))[first]
    await store.save([Insert(SessionKey.of("profile", (BOT_ID, number)), record) for number in range(2, 1203)])
    store.scans = 0

    found = await another(sessions)

    assert (len(found), store.scans) == (1202, 4)


async def another(sessions: Sessions) -> dict[int, Profile]:
    async with built(sessions) as process:
        await process.application.bot.initialize()
        return await process.persistence.get_user_data()


async def test_a_store_that_does_not_answer_keeps_the_bot_from_starting(sessions: Sessions, store: FlakyStore) -> None:
    store.failure = StoreUnavailableError("no answer")

    async with built(sessions) as process:
        with pytest.raises(StoreUnavailableError):
            await process.application.initialize()


async def test_what_is_refused_says_nothing_of_the_data(sessions: Sessions) -> None:
    async with running(sessions, plain(sessions)) as process:
        process.user()["x"] = {"secret@example.org": ("hunter2",)}
        await process.write()
        process.user().clear()

    assert "hunter2" not in str(process.errors)
    assert "secret" not in str(process.errors)
