"""What aiogram's own storages store, and the keys that become of it."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from aiogram.fsm.storage.base import DefaultKeyBuilder, StorageKey
from aiogram.fsm.storage.redis import RedisStorage
from redis.asyncio import Redis

from tests.importing.servers import async_redis_client, redis_client
from typed_sessions import JsonObject, MemoryStore, SessionConfig, SessionModel, Sessions
from typed_sessions.importing import Bad, Entry, Found, Other, Target, import_sessions
from typed_sessions.importing.aiogram import FsmKeys
from typed_sessions.importing.aiogram_mongodb import AiogramMongo
from typed_sessions.importing.aiogram_redis import AiogramRedis
from typed_sessions.importing.mongodb import MongoExport
from typed_sessions.importing.redis import RedisServer, Text
from typed_sessions.integrations.aiogram.fsm import TypedStorage
from typed_sessions.integrations.aiogram.fsm_session import FsmSession, FsmState
from typed_sessions.integrations.places import PlaceKey, per_bot, per_chat, per_thread, per_user, per_user_in_chat

ADA = StorageKey(bot_id=42, chat_id=1001, user_id=1001)
IN_GROUP = StorageKey(bot_id=42, chat_id=-100, user_id=1002)
IN_TOPIC = StorageKey(bot_id=42, chat_id=-100, user_id=1002, thread_id=5)
BUSINESS = StorageKey(bot_id=42, chat_id=1001, user_id=1001, business_connection_id="AbC-7")
SCENES = StorageKey(bot_id=42, chat_id=1001, user_id=1001, destiny="scenes_history")
EVERYTHING = FsmKeys(with_bot_id=True, with_business_connection_id=True, with_destiny=True)


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    pizzas: list[str] = []


class Checkout(FsmSession):
    session_config = SessionConfig(name="checkout")

    data: dict[str, list[str]] = {}


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = async_redis_client(redis_url)
    await client.flushdb()
    yield client
    await client.flushdb()
    await client.aclose()


def builder(keys: FsmKeys) -> DefaultKeyBuilder:
    return DefaultKeyBuilder(
        prefix=keys.prefix,
        separator=keys.separator,
        with_bot_id=keys.with_bot_id,
        with_business_connection_id=keys.with_business_connection_id,
        with_destiny=keys.with_destiny,
    )


async def fill(redis: Redis, keys: FsmKeys, *places: StorageKey) -> None:
    """Let aiogram store a state and data for each."""
    storage = RedisStorage(redis, builder(keys))
    for place in places:
        await storage.set_state(place, "Checkout:street")
        await storage.set_data(place, {"pizzas": ["funghi"]})


def source(redis_url: str, keys: FsmKeys) -> AiogramRedis:
    return AiogramRedis(RedisServer(redis_url), keys)


async def test_typed_storage_goes_on_where_redis_storage_stopped(redis: Redis, redis_url: str) -> None:
    await fill(redis, EVERYTHING, ADA, IN_GROUP, IN_TOPIC, BUSINESS)
    sessions = Sessions(MemoryStore())

    tally = await import_sessions(sessions.store, source(redis_url, EVERYTHING), Target(model=Checkout))

    storage = TypedStorage(sessions, Checkout)
    assert (tally.imported, tally.bad) == (4, 0)
    for place in (ADA, IN_GROUP, IN_TOPIC, BUSINESS):
        assert await storage.get_state(place) == "Checkout:street"
        assert await storage.get_data(place) == {"pizzas": ["funghi"]}
    assert await sessions.delete_owner(1001) == 2


async def test_keys_without_a_bot_belong_to_the_one_that_is_named(redis: Redis, redis_url: str) -> None:
    await fill(redis, FsmKeys(), ADA)
    sessions = Sessions(MemoryStore())

    await import_sessions(sessions.store, source(redis_url, FsmKeys(bot_id=42)), Target(model=FsmState))

    assert await TypedStorage(sessions).get_state(ADA) == "Checkout:street"


async def test_a_bot_that_nobody_named_is_asked_for(redis: Redis, redis_url: str) -> None:
    await fill(redis, FsmKeys(), ADA)

    [bad] = source(redis_url, FsmKeys())

    assert isinstance(bad, Bad)
    assert bad.reason == "its key does not tell the bot; say which one it was: --bot-id N, or --with-bot-id"


async def test_the_data_alone_goes_into_any_session_model(redis: Redis, redis_url: str) -> None:
    await fill(redis, FsmKeys(), IN_GROUP)
    sessions = Sessions(MemoryStore())

    await import_sessions(sessions.store, source(redis_url, FsmKeys(key=per_user_in_chat)), Target(model=Cart))

    assert (await sessions.load(Cart, (-100, 1002))).pizzas == ["funghi"]


async def test_a_state_without_data_makes_no_session_of_the_data_alone(redis: Redis, redis_url: str) -> None:
    await fill(redis, FsmKeys(), IN_GROUP)
    await RedisStorage(redis, builder(FsmKeys())).set_state(ADA, "Checkout:street")
    sessions = Sessions(MemoryStore())

    tally = await import_sessions(sessions.store, source(redis_url, FsmKeys(key=per_user_in_chat)), Target(model=Cart))

    assert (tally.imported, tally.left_out) == (1, 1)
    assert [key.text async for key in sessions.keys(Cart)] == ["-100/1002"]


async def test_a_state_without_data_and_data_without_a_state(redis: Redis, redis_url: str) -> None:
    storage = RedisStorage(redis, builder(FsmKeys()))
    await storage.set_state(ADA, "Checkout:street")
    await storage.set_data(IN_GROUP, {"a": 1})

    entries = [each for each in source(redis_url, FsmKeys(bot_id=42)) if isinstance(each, Entry)]

    assert sorted(map(str, (entry.data for entry in entries))) == [
        "{'state': 'Checkout:street', 'data': {}}",
        "{'state': None, 'data': {'a': 1}}",
    ]


async def test_locks_and_other_destinies_are_left_out(redis: Redis, redis_url: str) -> None:
    await fill(redis, EVERYTHING, ADA, SCENES)
    await redis.set(builder(EVERYTHING).build(ADA, "lock"), "1")

    found = list(source(redis_url, EVERYTHING))

    assert sorted(type(each).__name__ for each in found) == ["Entry", "Other", "Other"]


async def test_the_life_is_that_of_what_lives_longer(redis: Redis, redis_url: str) -> None:
    storage = RedisStorage(redis, builder(FsmKeys()), state_ttl=100, data_ttl=5000)
    await storage.set_state(ADA, "a")
    await storage.set_data(ADA, {"a": 1})
    await storage.set_state(IN_GROUP, "a")
    await redis.persist(builder(FsmKeys()).build(IN_GROUP, "state"))

    entries = {each.name: each for each in source(redis_url, FsmKeys(bot_id=42)) if isinstance(each, Entry)}

    end = entries["fsm:1001:1001"].expires_at
    assert end is not None
    assert end.timestamp() == pytest.approx(float(await redis.expiretime("fsm:1001:1001:data")), abs=2)
    assert entries["fsm:-100:1002"].expires_at is None


async def test_what_is_not_aiograms_is_reported(redis: Redis, redis_url: str) -> None:
    await redis.set("fsm:1:2:other", "{}")
    await redis.set("fsm:a:b:data", "{}")
    await redis.set("fsm:1:2:data", "{")
    await redis.set("fsm:1:3:data", "[]")
    await redis.hset("fsm:1:4:data", "a", "1")
    await redis.set("fsm:1:5:state", b"\xff")

    found = list(source(redis_url, FsmKeys(bot_id=42)))

    assert len(found) == 6
    assert not [each for each in found if not isinstance(each, Bad)]


async def test_a_key_that_is_no_unicode_is_reported_with_what_it_holds(redis: Redis, redis_url: str) -> None:
    await redis.set(b"fsm:\xff:data", b"{}")

    [bad] = source(redis_url, FsmKeys(bot_id=42))

    assert isinstance(bad, Bad)
    assert (bad.reason, bad.original) == ("its key is no UTF-8; rename it", b"{}")


async def test_data_that_is_made_while_redis_is_searched_is_not_lost(redis: Redis, redis_url: str) -> None:
    await redis.set("fsm:1:2:state", "Checkout:street")

    [entry] = AiogramRedis(Busy(redis_url), FsmKeys(bot_id=42))

    assert isinstance(entry, Entry)
    assert entry.data == {"state": "Checkout:street", "data": {"pizzas": []}}


class Busy(RedisServer):
    """A server on which a handler stores data just when a page of keys was told, so that no page tells its key."""

    def texts(self, names: Sequence[bytes]) -> Sequence[Text]:
        with redis_client(self.url) as client:
            client.set("fsm:1:2:data", '{"pizzas": []}')
        return super().texts(names)


async def test_a_pair_is_read_once_though_its_keys_come_apart(redis: Redis, redis_url: str) -> None:
    await fill(redis, FsmKeys(), *(StorageKey(bot_id=42, chat_id=chat, user_id=chat) for chat in range(1, 1201)))

    found = list(source(redis_url, FsmKeys(bot_id=42)))

    assert len(found) == len({entry.name for entry in found}) == 1200


@pytest.mark.parametrize(
    "keys", [FsmKeys(bot_id=42), FsmKeys(prefix="my:bot", separator="|", with_bot_id=True), EVERYTHING]
)
@pytest.mark.parametrize("place", [ADA, IN_GROUP, IN_TOPIC, BUSINESS])
def test_keys_are_parsed_as_they_were_built(keys: FsmKeys, place: StorageKey) -> None:
    key = keys.parsed(builder(keys).build(place))

    connection = place.business_connection_id if keys.with_business_connection_id else None
    assert key == (42, connection, place.chat_id, place.thread_id, place.user_id, place.destiny)


@pytest.mark.parametrize(
    ("made_by", "key"),
    [
        (per_chat, (-100,)),
        (per_thread, (-100, 5)),
        (per_bot(per_user_in_chat), (42, -100, 1002)),
    ],
)
def test_keys_are_made_as_the_bot_makes_them(made_by: FsmKeys, key: tuple[int, ...], tmp_path: Path) -> None:
    entry = document({"_id": "fsm:-100:5:1002", "data": {"pizzas": []}}, tmp_path, key=made_by, bot_id=42)

    assert isinstance(entry, Entry)
    assert entry.key == key


@pytest.mark.parametrize(
    ("made_by", "owner"), [(per_chat, None), (per_thread, None), (per_user, 1002), (per_user_in_chat, 1002)]
)
async def test_a_member_is_forgotten_without_the_group(made_by: PlaceKey, owner: int | None, tmp_path: Path) -> None:
    found = document({"_id": "fsm:-100:1002", "data": {"pizzas": ["funghi"]}}, tmp_path, key=made_by)
    sessions = Sessions(MemoryStore())
    await import_sessions(sessions.store, [found], Target(model=Cart))

    assert await sessions.delete_owner(1002) == (0 if owner is None else 1)


def document(content: object, folder: Path, **keys: object) -> Found:
    """What a document of the collection is."""
    (folder / "export.json").write_text(json.dumps(content))
    [found] = AiogramMongo(MongoExport(folder / "export.json"), FsmKeys(**keys))  # type: ignore[arg-type]  # of the test
    return found


def test_a_document_of_mongo_storage(tmp_path: Path) -> None:
    stored: JsonObject = {"_id": "fsm:1001:1001", "state": "Checkout:street", "data": {"pizzas": ["funghi"]}}

    entry = document(stored, tmp_path, bot_id=42)

    assert isinstance(entry, Entry)
    assert entry.key == (42, 1001, 1001, 0, "", "default")
    assert entry.data == {"state": "Checkout:street", "data": {"pizzas": ["funghi"]}}
    assert (entry.owner, json.loads(entry.original)) == (1001, stored)


@pytest.mark.parametrize(
    "content",
    [
        {"_id": 7, "data": {}},
        {"_id": "fsm:1:2", "state": 5},
        {"_id": "fsm:1:2", "data": [1]},
        {"_id": "fsm:1:2", "data": []},
        {"_id": "fsm:1:2", "data": 0},
        {"_id": "fsm:1:2", "data": ""},
        {"_id": "fsm:1:2", "data": False},
        {"_id": "other:1:2", "data": {}},
        {"_id": "fsm:1", "data": {}},
        {"_id": "fsm:1:2:3:4", "data": {}},
        {"_id": "fsm:1:2", "data": {"a": {"$minKey": 1}}},
    ],
)
def test_a_document_that_is_not_aiograms_is_reported(content: object, tmp_path: Path) -> None:
    bad = document(content, tmp_path, bot_id=42)

    assert isinstance(bad, Bad)
    assert json.loads(bad.original) == content


def test_a_document_without_data_is_left_out_of_the_data_alone(tmp_path: Path) -> None:
    content: JsonObject = {"_id": "fsm:1:2", "state": "Checkout:street"}

    assert document(content, tmp_path, key=per_user_in_chat) == Other("fsm:1:2")


def test_a_document_of_another_destiny_is_left_out(tmp_path: Path) -> None:
    content: JsonObject = {"_id": "fsm:1:2:scenes_history", "data": {}}

    assert document(content, tmp_path, bot_id=42, with_destiny=True) == Other("fsm:1:2:scenes_history")
