"""What is MongoDB's own: transactions, indexes, documents, clients."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient
from pymongo.collation import Collation
from pymongo.collection import Collection
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from tests import mongo_server
from tests.carts import Cart, Shop
from tests.conftest import held
from tests.test_quarantine import BROKEN, CART, Mended
from tests.test_quarantine import Cart as Invalid
from typed_sessions import (
    SchemaMismatchError,
    SessionDefinitionError,
    SessionKey,
    Sessions,
    SettingsError,
    StoreUnavailableError,
    SyncSessions,
)
from typed_sessions.stores.diagnosis import Diagnosable
from typed_sessions.stores.mongo import MongoStore, SyncMongoStore
from typed_sessions.stores.mongo.documents import expiry_of
from typed_sessions.stores.protocol import Change, Delete, Insert, Move, Outcome, Query, Touch, Update
from typed_sessions.testing import SettableClock
from typed_sessions.testing.clock import NOON
from typed_sessions.testing.samples import expired, found, keep, kept, key_of, record_of

KEY, OTHER = key_of("42"), key_of("43")
SAVED = Outcome.SAVED
ONE_CHANGE: list[tuple[Change, Outcome]] = [
    (Insert(OTHER, record_of()), SAVED),
    (Insert(KEY, record_of()), Outcome.CONFLICT),
    (Update(KEY, 7, record_of(revision=8)), SAVED),
    (Touch(KEY, 7, NOON), SAVED),
    (Delete(KEY, 7), SAVED),
    (Delete(KEY), SAVED),
    (Delete(KEY, 6), Outcome.CONFLICT),
]
SEVERAL: list[list[Change]] = [
    [Move(KEY, 7, OTHER)],
    [Delete(KEY, 7), Insert(KEY, record_of(revision=8))],
    [Insert(OTHER, record_of()), Insert(key_of("44"), record_of())],
]
AnyDocument = dict[str, Any]
Documents = Collection[AnyDocument]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    yield from held(mongo_server.server())


@pytest.fixture(scope="module")
def alone() -> Iterator[str]:
    yield from held(mongo_server.started("--standalone"))


@pytest.fixture
def url(server: str) -> Iterator[str]:
    with mongo_server.database(server) as own_url:
        yield own_url


@pytest.fixture
def documents(url: str) -> Iterator[Documents]:
    """The collection of the sessions, as anybody sees it."""
    with MongoClient[AnyDocument](url) as client:
        yield client.get_default_database()["typed_sessions"]


@pytest.fixture
async def store(url: str) -> AsyncIterator[MongoStore]:
    store = MongoStore.from_url(url)
    yield store
    await store.close()


@pytest.fixture
async def lonely(alone: str) -> AsyncIterator[MongoStore]:
    """A store on a server that stands alone."""
    with mongo_server.database(alone) as url:
        store = MongoStore.from_url(url)
        yield store
        await store.close()


@pytest.mark.parametrize(("change", "outcome"), ONE_CHANGE, ids=str)
async def test_a_server_that_stands_alone_saves_one_session_at_a_time(
    lonely: MongoStore, change: Change, outcome: Outcome
) -> None:
    await keep(lonely, {KEY: record_of()})

    assert list(await lonely.save([change])) == [outcome]


@pytest.mark.parametrize("changes", SEVERAL, ids=["a move", "delete and insert", "two inserts"])
async def test_a_server_that_stands_alone_refuses_several_changes_and_writes_none(
    lonely: MongoStore, changes: list[Change]
) -> None:
    await keep(lonely, {KEY: record_of()})

    with pytest.raises(SessionDefinitionError, match=r"stands alone.*rs\.initiate\(\)"):
        await lonely.save(changes)
    assert await found(lonely, Query()) == [KEY]
    assert await kept(lonely, KEY) == record_of()


async def test_a_group_on_a_server_that_stands_alone_is_refused_when_it_is_saved(lonely: MongoStore) -> None:
    sessions = Sessions(lonely)

    with pytest.raises(SessionDefinitionError, match="2 changes in one save"):
        async with sessions.open_group(Shop, "42") as shop:
            shop.cart.count, shop.prefs.currency = 1, "CHF"
    assert await found(lonely, Query()) == []


async def test_a_session_is_put_aside_and_made_anew_in_one_save(store: MongoStore) -> None:
    aside = SessionKey("cart!quarantine", "42/7")
    await keep(store, {KEY: record_of(revision=7)})

    changes: list[Change] = [Delete(KEY, 7), Insert(aside, record_of()), Insert(KEY, record_of(revision=8))]
    assert list(await store.save(changes)) == [SAVED] * 3
    assert list(await store.save(changes)) == [Outcome.CONFLICT, Outcome.CONFLICT, Outcome.CONFLICT]
    assert await store.load([KEY, aside]) == {KEY: record_of(revision=8), aside: record_of()}


async def test_an_invalid_session_is_put_into_quarantine_and_goes_back(store: MongoStore) -> None:
    sessions = Sessions(store)
    await keep(store, {CART: BROKEN})

    async with sessions.open(Invalid, ("chat", 7)) as cart:
        cart.count = 1
    [entry] = [each async for each in sessions.quarantine.entries("cart")]
    assert await sessions.quarantine.retry(Mended, entry, replace=True)
    assert (await sessions.load(Mended, ("chat", 7))).lines == ["a pizza"]


class Listening(CommandListener):
    """Notes from which point in time each `find` reads."""

    def __init__(self) -> None:
        self.levels: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "find":
            self.levels.append(event.command["readConcern"]["level"])

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


def test_several_sessions_are_read_at_one_moment(url: str) -> None:
    listening = Listening()
    with MongoClient[AnyDocument](url, event_listeners=[listening]) as client:
        store = SyncMongoStore(client.get_default_database())
        store.save([Insert(KEY, record_of()), Insert(OTHER, record_of())])

        assert store.load([KEY, OTHER]) == {KEY: record_of(), OTHER: record_of()}
        assert store.load([KEY]) == {KEY: record_of()}
    assert listening.levels == ["snapshot", "majority"]


async def test_a_server_that_stands_alone_reads_several_sessions(lonely: MongoStore) -> None:
    for key in (KEY, OTHER):
        await keep(lonely, {key: record_of()})

    assert await lonely.load([KEY, OTHER]) == {KEY: record_of(), OTHER: record_of()}


async def test_a_session_beyond_what_a_document_holds_is_refused_and_the_old_one_stays(store: MongoStore) -> None:
    await keep(store, {KEY: record_of()})

    large = record_of(b'{"note":"' + b"x" * 2**24 + b'"}', revision=8)
    with pytest.raises(StoreUnavailableError, match="larger than the 16 MiB of a document; lower max_bytes") as caught:
        await store.save([Update(KEY, 7, large)])
    assert "xxx" not in str(caught.value.__cause__)
    assert await kept(store, KEY) == record_of()


async def test_a_prefix_without_a_model_finds_the_sessions_of_every_model(store: MongoStore) -> None:
    inside = [key_of(("a.c", "1")), key_of("a.c", model="prefs"), SessionKey("cart!reset", "a.c/x")]
    outside = [key_of("abc"), key_of("a.cd"), key_of("a.c\n"), key_of(("x", "a.c")), key_of("A.C")]
    await keep(store, {key: record_of() for key in [*inside, *outside]})

    assert sorted(await found(store, Query(prefix="a.c"))) == sorted(inside)


class Renewing(CommandListener):
    """Somebody who renews a session just before another deletes it."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "delete":
            self._documents.update_one({"_id": "cart/42"}, {"$set": expiry_of(NOON + timedelta(hours=1))})

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


def test_what_was_renewed_since_it_was_found_is_not_pruned(url: str, documents: Documents) -> None:
    with MongoClient[AnyDocument](url, event_listeners=[Renewing(documents)]) as client:
        store = SyncMongoStore(client.get_default_database())
        store.save([Insert(KEY, expired()), Insert(OTHER, expired())])

        assert store.prune(NOON, 10) == 1
        assert [key for key, _ in store.scan(Query())] == [KEY]


async def test_what_ends_a_microsecond_later_is_not_pruned(store: MongoStore) -> None:
    await keep(store, {KEY: record_of(expires_at=NOON + timedelta(microseconds=1)), OTHER: record_of(expires_at=NOON)})

    assert await store.prune(NOON, 10) == 1
    assert await found(store, Query(alive_at=NOON)) == [KEY]


async def test_a_document_holds_the_data_as_text_and_times_in_microseconds(
    store: MongoStore, documents: Documents
) -> None:
    await keep(store, {KEY: record_of(b'{"b":1.0,"a":1e308}', owner="user/1", expires_at=NOON)})

    [document] = documents.find()
    assert (document["_id"], document["data"], document["owner"]) == ("cart/42", '{"b":1.0,"a":1e308}', "user/1")
    assert document["expires_at"] == NOON.timestamp() * 1_000_000
    assert document["expires_date"] == NOON.replace(tzinfo=None, microsecond=NOON.microsecond // 1000 * 1000)


async def test_a_document_that_is_none_of_ours_is_told_without_what_it_holds(
    store: MongoStore, documents: Documents
) -> None:
    documents.insert_one({"_id": "cart/42", "card": "4111"})

    with pytest.raises(SchemaMismatchError, match="a document that is none of ours") as caught:
        await store.load([KEY])
    assert "4111" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_unique_index_of_the_users_own_is_told_and_not_taken_for_a_conflict(
    store: MongoStore, documents: Documents
) -> None:
    documents.create_index("owner", unique=True)
    await keep(store, {KEY: record_of(owner="secret")})

    with pytest.raises(StoreUnavailableError, match="a unique index of typed_sessions refused") as caught:
        await store.save([Insert(OTHER, record_of(owner="secret"))])
    assert caught.value.__cause__ is None
    assert "secret" not in str(caught.value)


async def test_a_store_without_its_indexes_is_refused_until_they_are_made(store: MongoStore) -> None:
    with pytest.raises(SchemaMismatchError, match=r"has no index on expires_date.*await store\.create_indexes\(\)"):
        await store.verify()

    for _ in range(2):
        await store.create_indexes()
    await store.verify()


def test_the_indexes_are_made_and_verified_by_threads_too(url: str) -> None:
    with closing(SyncMongoStore.from_url(url)) as store:
        with pytest.raises(SchemaMismatchError):
            store.verify()

        store.create_indexes()
        store.verify()


async def test_a_server_that_would_remove_sessions_too_early_is_refused(
    store: MongoStore, documents: Documents
) -> None:
    documents.create_index("expires_date", expireAfterSeconds=60)
    await make_the_others(store, documents)

    with pytest.raises(SchemaMismatchError, match="removes sessions 60 s after their end"):
        await store.verify()


async def make_the_others(store: MongoStore, documents: Documents) -> None:
    index = documents.index_information()["expires_date_1"]
    documents.drop_index("expires_date_1")
    await store.create_indexes()
    documents.drop_index("expiry")
    documents.create_index("expires_date", expireAfterSeconds=index["expireAfterSeconds"])


async def test_the_server_leaves_expired_sessions_for_a_day(store: MongoStore, documents: Documents) -> None:
    await store.create_indexes()

    assert documents.index_information()["expiry"]["expireAfterSeconds"] == timedelta(days=1).total_seconds()


async def test_a_collation_by_which_keys_may_be_alike_is_refused(store: MongoStore, documents: Documents) -> None:
    documents.database.create_collection("typed_sessions", collation=Collation("en", strength=2))
    await store.create_indexes()

    with pytest.raises(SchemaMismatchError, match="its collation is en"):
        await store.verify()


async def test_the_diagnosis_of_a_store_names_what_mends_it(store: MongoStore, clock: SettableClock) -> None:
    assert isinstance(store, Diagnosable)

    findings = await store.diagnose(clock)

    commands = [finding.command for finding in findings if finding.subject == "layout"]
    assert 'db.getCollection("typed_sessions").createIndex({expires_date: 1}, ' in str(commands[0])
    assert [finding.level for finding in findings if finding.subject == "clock"] == ["error"]


async def test_the_commands_of_a_diagnosis_make_the_very_indexes(store: MongoStore, documents: Documents) -> None:
    await store.create_indexes()
    findings = {finding.subject: finding.level for finding in await store.diagnose(lambda: now_of(documents))}

    assert findings == dict.fromkeys(("connection", "topology", "layout", "clock"), "ok")


def now_of(documents: Documents) -> datetime:
    now: datetime = documents.database.client.admin.command("hello")["localTime"]
    return now.replace(tzinfo=UTC)


async def test_a_server_that_stands_alone_is_a_warning(lonely: MongoStore, clock: SettableClock) -> None:
    findings = {finding.subject: finding for finding in await lonely.diagnose(clock)}

    assert (findings["topology"].level, findings["topology"].command) == ("warning", "rs.initiate()")


async def test_a_server_that_does_not_answer_is_a_finding(clock: SettableClock) -> None:
    store = MongoStore.from_url("mongodb://user:hidden@127.0.0.1:1/shop", operation_timeout=0.2)

    [finding] = await store.diagnose(clock)
    await store.close()

    assert (finding.subject, finding.level) == ("connection", "error")
    assert "hidden" not in finding.text


async def test_a_server_that_is_not_there_is_unavailable_and_no_absent_session() -> None:
    store = MongoStore.from_url("mongodb://127.0.0.1:1/shop", operation_timeout=0.2)

    with pytest.raises(StoreUnavailableError, match="no primary of MongoDB was reached in time"):
        await Sessions(store).load(Cart, "42")
    await store.close()


@pytest.mark.parametrize("make", [MongoStore.from_url, SyncMongoStore.from_url])
@pytest.mark.parametrize("wrong", ["mongodb://localhost", "mongodb://localhost/", "mongodb://localhost/?w=1"])
def test_a_url_without_a_database_is_refused_with_an_example(make: Callable[[Any], object], wrong: str) -> None:
    with pytest.raises(SettingsError, match="it names no database; an example: mongodb://localhost:27017/shop"):
        make(wrong)


def test_a_url_that_cannot_be_used_is_refused_without_its_password() -> None:
    with pytest.raises(SettingsError, match="pymongo cannot use it") as caught:
        SyncMongoStore.from_url("mongodb://user:hid:den@host/shop")
    assert "den" not in str(caught.value)


@pytest.mark.parametrize("make", [MongoStore.from_url, SyncMongoStore.from_url])
@pytest.mark.parametrize("scheme", ["mongodb", "mongodb+srv"])
@pytest.mark.parametrize("password", ["hid[den", "hid[den]x", "hid\N{FULLWIDTH QUESTION MARK}den"])
def test_a_url_that_cannot_be_read_is_refused_without_its_password(
    make: Callable[..., object], scheme: str, password: str
) -> None:
    url = f"{scheme}://user:{password}@host/shop"
    for settings in ({}, {"schema_name": "shop"}):
        with pytest.raises(SettingsError, match="write special characters of a name or password as %XX") as caught:
            make(url, **settings)
        assert "den" not in str(caught.value)
        assert caught.value.__suppress_context__


@pytest.mark.parametrize("make", [MongoStore, SyncMongoStore])
def test_a_url_is_no_database(make: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match="for a URL there is from_url"):
        make("mongodb://localhost/shop")


async def test_a_client_that_was_handed_in_stays_open_and_its_options_do_not_count(url: str) -> None:
    async with AsyncMongoClient[AnyDocument](url, w=0, tz_aware=True) as client:
        store = MongoStore(client.get_default_database(), collection="carts")
        await keep(store, {KEY: record_of()})
        await store.close()

        assert list(await store.save([Insert(KEY, record_of())])) == [Outcome.CONFLICT]
        assert await client.get_default_database()["carts"].count_documents({}) == 1


def test_the_client_of_threads_stays_open_too(url: str) -> None:
    with MongoClient[AnyDocument](url) as client:
        store = SyncMongoStore(client.get_default_database())
        store.close()

        assert list(store.save([Insert(KEY, record_of())])) == [SAVED]


async def test_the_settings_name_the_collection_and_the_database(url: str, documents: Documents) -> None:
    store = MongoStore.from_url(url, table="carts", schema_name=f"{documents.database.name}")
    await keep(store, {KEY: record_of()})
    await store.close()

    assert documents.database["carts"].count_documents({}) == 1


async def test_sessions_are_opened_by_the_url_alone(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPED_SESSIONS_DATABASE_URL", url)
    async with Sessions.from_settings() as sessions, sessions.open(Cart, "42") as cart:
        cart.count = 7
    with SyncSessions.from_settings() as sync_sessions:
        assert sync_sessions.load(Cart, "42").count == 7


def test_a_missing_driver_is_told_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("pymongo", "typed_sessions.stores.mongo"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pymongo", None)

    with pytest.raises(ModuleNotFoundError, match=r'pip install "typed-sessions\[mongo\]"'):
        import_module("typed_sessions.stores.mongo")
