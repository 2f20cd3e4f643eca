"""What grammY itself stored, on disk and in real servers. `importing/grammy/make.mjs` made it."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine

from tests.empty_database import address, empty_database
from tests.importing.carts import CARTS, GRAMMY, GROUP, Cart, Visits
from tests.importing.servers import redis_client
from typed_sessions import MemoryStore, SessionDefinitionError, Sessions
from typed_sessions.importing import (
    Bad,
    Entry,
    Found,
    Other,
    Source,
    SourceError,
    Tally,
    Target,
    Versions,
    import_sessions,
)
from typed_sessions.importing.entry import Reader, Stored
from typed_sessions.importing.files import GrammyFolder, JsonFile
from typed_sessions.importing.grammy import GrammyKeys, GrammySource, found
from typed_sessions.importing.mongodb import MongoExport, MongoValues
from typed_sessions.importing.postgresql import PostgresqlTable
from typed_sessions.importing.redis import RedisServer, RedisTexts
from typed_sessions.integrations.places import Part
from typed_sessions.stores.protocol import Query
from typed_sessions.testing import SettableClock

UNVERSIONED_IS_FIRST = Target(model=Cart, versions=Versions(1))


@pytest.fixture
def redis(redis_url: str) -> Iterator[RedisServer]:
    """A server with what `storage-redis` was told to SET there."""
    with redis_client(redis_url) as client:
        client.flushdb()
        for line in (GRAMMY / "redis.jsonl").read_text().splitlines():
            client.set(*json.loads(line))
        yield RedisServer(redis_url)
        client.flushdb()


@pytest.fixture(params=["postgresql", "postgresql+psycopg", "postgresql+asyncpg"])
def postgresql(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database in which the statements of `storage-psql` were run."""
    with empty_database("postgresql+psycopg", request, tmp_path) as url:
        fill(url)
        yield address(url.set(drivername=request.param))


def fill(url: URL) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for line in (GRAMMY / "postgresql.jsonl").read_text().splitlines():
            statement, values = json.loads(line)
            for place in range(len(values)):
                statement = statement.replace(f"${place + 1}", f"%({place})s")
            connection.exec_driver_sql(statement, {str(place): value for place, value in enumerate(values)})
    engine.dispose()


async def imported(source: Source, clock: SettableClock) -> tuple[Tally, Sessions]:
    sessions = Sessions(MemoryStore(), clock=clock)
    return await import_sessions(sessions.store, source, UNVERSIONED_IS_FIRST, clock=clock), sessions


async def check_carts(reader: Reader, clock: SettableClock) -> None:
    """All three generations of sessions are there, and nothing else."""
    tally, sessions = await imported(GrammySource(reader), clock)

    assert {key.text: cart async for key, cart in sessions.items(Cart)} == CARTS
    assert (tally.imported, tally.expired, tally.bad) == (3, 1, 0)
    assert tally.versions == {(None, 1): 1, (1, 2): 1, (2, 3): 1}
    assert await asyncio.to_thread(reader.count) == 4


async def test_the_folder_of_storage_file(clock: SettableClock) -> None:
    await check_carts(GrammyFolder(GRAMMY / "file"), clock)


async def test_a_file_of_all_sessions(clock: SettableClock, tmp_path: Path) -> None:
    stored = (json.loads(line) for line in (GRAMMY / "redis.jsonl").read_text().splitlines())
    content = {key: json.loads(text) for key, text in stored if "." not in key}
    (tmp_path / "sessions.json").write_text(json.dumps(content))

    await check_carts(JsonFile(tmp_path / "sessions.json"), clock)


async def test_the_keys_of_storage_redis(redis: RedisServer, clock: SettableClock) -> None:
    with redis_client(redis.url) as client:
        client.delete(*client.scan_iter("*.*"))

    await check_carts(RedisTexts(redis), clock)


async def test_the_table_of_storage_psql(postgresql: str, clock: SettableClock) -> None:
    await check_carts(PostgresqlTable(postgresql), clock)


async def test_the_collection_of_storage_mongodb_as_mongoexport_writes_it(clock: SettableClock) -> None:
    await check_carts(MongoValues(MongoExport(GRAMMY / "mongoexport.json")), clock)


async def test_a_json_array_of_mongoexport(clock: SettableClock, tmp_path: Path) -> None:
    lines = (GRAMMY / "mongoexport.json").read_text().splitlines()
    (tmp_path / "array.json").write_text(f"[{','.join(lines)}]\n")

    await check_carts(MongoValues(MongoExport(tmp_path / "array.json")), clock)


async def test_the_end_and_the_owner_are_kept(clock: SettableClock) -> None:
    _, sessions = await imported(GrammySource(GrammyFolder(GRAMMY / "file")), clock)

    rows = {key.text: (record.expires_at, record.owner) for key, record in await sessions.store.scan(Query())}
    assert rows == {
        "1001": (None, "1001"),
        "1002": (None, "1002"),
        str(GROUP): (datetime(2076, 1, 19, 12, tzinfo=UTC), None),
    }


@pytest.mark.parametrize("is_redis", [True, False])
async def test_a_part_of_a_multi_session(is_redis: bool, redis: RedisServer) -> None:
    keys = GrammyKeys(prefix="visits.", separator=".", bot_id=42)
    reader: Reader = RedisTexts(redis, "visits.") if is_redis else GrammyFolder(GRAMMY / "multi")
    sessions = Sessions(MemoryStore())

    tally = await import_sessions(sessions.store, GrammySource(reader, keys), Target(model=Visits, field="count"))

    assert (tally.imported, tally.left_out) == (2, 0 if is_redis else 1)
    assert (await sessions.load(Visits, (42, GROUP, 1002))).count == 2


def value(text: str, name: str = "7", keys: GrammyKeys = GrammyKeys()) -> Found:  # noqa: B008  # frozen
    return found(Stored(name, text.encode()), keys)


@pytest.mark.parametrize(
    ("text", "data", "version"),
    [
        ('{"a": 1}', {"a": 1}, None),
        ('{"__d": {"a": 1}}', {"a": 1}, None),
        ('{"__d": {"a": 1}, "v": 3, "e": null}', {"a": 1}, 3),
        ('{"__d": 5, "v": 0}', 5, 0),
        ('{"__d": null}', None, None),
        ('{"v": 3, "e": 1}', {"v": 3, "e": 1}, None),  # no envelope without __d
        ('[{"__d": 1}]', [{"__d": 1}], None),
        ("5", 5, None),
    ],
)
def test_an_envelope_is_told_as_grammy_tells_it(text: str, data: object, version: int | None) -> None:
    assert value(text) == Entry("7", ("7",), data, version, None, 7, text.encode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is no JSON"),
        ('{"a": NaN}', "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ('{"__d": {}, "v": 1.5}', "its version, v in the envelope, is no whole number"),
        ('{"__d": {}, "v": "1"}', "its version, v in the envelope, is no whole number"),
        ('{"__d": {}, "e": "soon"}', "its expiry is no time in milliseconds"),
        ('{"__d": {}, "e": 1e300}', "its expiry is no time in milliseconds"),
        ('{"__d": {}, "e": true}', "its expiry is no time in milliseconds"),
    ],
)
def test_what_is_no_session_is_reported_with_its_text(text: str, reason: str) -> None:
    bad = value(text)

    assert isinstance(bad, Bad)
    assert bad.reason.startswith(reason)
    assert bad.original == text.encode()


def test_a_key_with_another_prefix_was_not_asked_for() -> None:
    assert value("{}", "visits:7", GrammyKeys("cart:")) == Other("visits:7")


@pytest.mark.parametrize("name", ["-100123", "cart:7", "7/8", "9" * 40, "٣", ""])
def test_only_a_private_chat_has_an_owner(name: str) -> None:
    entry = value("{}", name)

    assert isinstance(entry, Entry)
    assert entry.owner is None


@pytest.mark.parametrize(
    ("parts", "bot_id", "name", "key", "owner"),
    [
        (("chat", "user"), None, "-100:42", (-100, 42), 42),
        (("user", "chat"), None, "42:-100", (-100, 42), 42),
        (("user", "chat"), 7, "42:42", (7, 42, 42), 42),
        (("chat", "thread"), None, "-100:5", (-100, 5), None),
        (("connection", "chat"), None, "AbC:42", ("AbC", 42), 42),
        ((), None, "-100:42", ("-100", "42"), None),
    ],
)
def test_the_parts_of_a_key_make_that_of_the_bot(
    parts: tuple[Part, ...], bot_id: int | None, name: str, key: tuple[int | str, ...], owner: int | None
) -> None:
    entry = value("{}", name, GrammyKeys(separator=":", bot_id=bot_id, parts=parts))

    assert isinstance(entry, Entry)
    assert (entry.key, entry.owner) == (key, owner)


@pytest.mark.parametrize("name", ["42", "42:7:8", "ada:42", ":42"])
def test_a_key_of_other_parts_is_reported(name: str) -> None:
    bad = value("{}", name, GrammyKeys(separator=":", parts=("chat", "user")))

    assert isinstance(bad, Bad)
    assert bad.reason == "its key has other parts than you named; correct --separator and --parts"


def test_a_part_that_is_named_twice_is_refused() -> None:
    with pytest.raises(SessionDefinitionError):
        GrammyKeys(parts=("user", "user"))


def json_file(folder: Path, text: str) -> Sequence[Found]:
    (folder / "all.json").write_text(text)
    return list(GrammySource(JsonFile(folder / "all.json")))


@pytest.mark.parametrize("broken", ['"\\ud800"', "{]", '{"a" 1}', "nul", "1 2", "NaN", "[" * 5000 + "]" * 5000, ""])
def test_a_bad_session_in_a_file_costs_no_other(broken: str, tmp_path: Path) -> None:
    found = json_file(tmp_path, ' {"1": {"a": "}, {\\""}, "2": %s, "3\\"": [1, {}]}\n' % broken)  # noqa: UP031  # braces

    assert [type(each) for each in found] == [Entry, Bad, Entry]
    assert [each.original for each in found if isinstance(each, Bad)] == [broken.encode()]


async def test_a_key_that_a_file_has_twice_is_reported(tmp_path: Path) -> None:
    found = json_file(tmp_path, '{"1": {"count": 1}, "1": {"count": 2}}')

    tally = await import_sessions(MemoryStore(), found, Target(model=Visits))

    assert (tally.imported, tally.bad) == (1, 1)


def test_a_key_that_is_no_unicode_is_reported(tmp_path: Path) -> None:
    [bad] = json_file(tmp_path, '{"\\ud800": {}}')

    assert isinstance(bad, Bad)
    assert bad.reason == "its key is no Unicode text; rename it"


@pytest.mark.parametrize("text", ["", "[]", "5", "{", '{"a": 1', '{"a": 1]', '{"a": 1} 5', '{"a": "}', '{"a"}', "{,}"])
def test_a_file_that_is_no_object_is_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        json_file(tmp_path, text)


def test_files_that_are_no_sessions_are_reported(tmp_path: Path) -> None:
    for place in ("42/42.json", "13/42.json", "README.md", "42/x42.txt", "42/a/42.json"):
        (tmp_path / place).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / place).write_text("{}")
    (tmp_path / "99").mkdir()
    (tmp_path / "99" / "99.json").symlink_to("/etc/hostname")

    told = list(GrammyFolder(tmp_path))

    assert [each.name for each in told if isinstance(each, Stored)] == ["42"]
    assert len([each for each in told if isinstance(each, Bad)]) == 5


def test_texts_with_a_life_of_their_own_in_redis_keep_its_end(redis: RedisServer, clock: SettableClock) -> None:
    with redis_client(redis.url) as client:
        client.set("short", "{}", px=3_600_000)

    [stored] = RedisTexts(RedisServer(redis.url, clock), "short")

    assert isinstance(stored, Stored)
    assert stored.expires_at is not None
    assert timedelta(minutes=59) < stored.expires_at - clock.now <= timedelta(hours=1)


def test_what_is_no_text_in_redis_is_reported(redis: RedisServer) -> None:
    with redis_client(redis.url) as client:
        client.hset("odd.hash", "a", "1")
        client.set(b"odd.\xff", "{}")

    bad = list(RedisTexts(redis, "odd."))

    assert {each.reason.partition(",")[0] for each in bad if isinstance(each, Bad)} == {
        "it is a hash",
        "its key is no UTF-8; rename it",
    }


def test_a_prefix_is_no_pattern_to_redis(redis: RedisServer) -> None:
    with redis_client(redis.url) as client:
        client.mset({"a*b:1": "{}", "axb:1": "{}", "a[b]:1": "{}", "a\\b:1": "{}", "a?b:1": "{}"})

    names = {prefix: [each.name for each in RedisTexts(redis, prefix)] for prefix in ("a*", "a[", "a\\", "a?")}

    assert names == {"a*": ["a*b:1"], "a[": ["a[b]:1"], "a\\": ["a\\b:1"], "a?": ["a?b:1"]}


def test_all_pages_of_redis_are_read(redis: RedisServer) -> None:
    with redis_client(redis.url) as client:
        client.mset({f"page.{number}": "{}" for number in range(1700)})

    assert len({each.name for each in RedisTexts(redis, "page.")}) == 1700


@pytest.mark.parametrize("postgresql", ["postgresql+psycopg"], indirect=True)
def test_all_pages_of_a_table_are_read_whatever_the_keys(postgresql: str) -> None:
    keys = [*(f"{number}" for number in range(1200)), "É", "a", "A", "b_", "b%", ""]
    engine = create_engine(postgresql)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM sessions")
        for key in keys:
            connection.exec_driver_sql("INSERT INTO sessions VALUES (%(key)s, '{}')", {"key": key})
    engine.dispose()

    assert sorted(each.name for each in PostgresqlTable(postgresql)) == sorted(keys)


@pytest.mark.parametrize("postgresql", ["postgresql+psycopg"], indirect=True)
def test_a_table_that_is_not_there_is_told(postgresql: str) -> None:
    with pytest.raises(SourceError, match="the table other cannot be read"):
        list(PostgresqlTable(postgresql, "other"))


@pytest.mark.parametrize(
    "reader",
    [
        GrammyFolder(Path("nowhere")),
        JsonFile(Path("nowhere.json")),
        MongoValues(MongoExport(Path("nowhere.json"))),
        RedisTexts(RedisServer("redis://127.0.0.1:1")),
        RedisTexts(RedisServer("http://127.0.0.1")),
        PostgresqlTable("postgresql://127.0.0.1:1/x"),
        PostgresqlTable("nonsense"),
        PostgresqlTable("strange://host/name"),
    ],
    ids=lambda reader: type(reader).__name__,
)
def test_a_source_that_cannot_be_read_says_what_to_do(reader: Reader) -> None:
    with pytest.raises(SourceError):
        list(reader)


@pytest.mark.parametrize("secret", ["redis://:hunter2@127.0.0.1:1", "postgresql://ada:hunter2@127.0.0.1:1/x"])
def test_no_error_tells_the_password(secret: str) -> None:
    reader: Reader = RedisTexts(RedisServer(secret)) if "redis" in secret else PostgresqlTable(secret)

    with pytest.raises(SourceError) as told:
        list(reader)

    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{]", "it is no extended JSON"),
        ("5", "it is no document"),
        ('{"key": "7"}', "it has no key and value"),
        ('{"key": 7, "value": {}}', "it has no key and value"),
        (
            '{"key": "7", "value": {"a": {"$regularExpression": {"pattern": "a", "options": ""}}}}',
            "its data has a value",
        ),
        ('{"key": "7", "value": {"a": {"$numberDouble": "NaN"}}}', "it is no JSON"),
        (
            '{"key": "7", "value": {"a": {"$date": {"$numberLong": "999999999999999"}}}}',
            "its data has a value of BSON's type DatetimeMS",
        ),
        (f'{{"key": "7", "value": {{"$date": {{"$numberLong": "{10**30}"}}}}}}', "it is no extended JSON"),
    ],
)
@pytest.mark.parametrize("form", ["{}", "[{}]"])
async def test_documents_that_are_no_sessions_are_reported(line: str, reason: str, form: str, tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text(form.replace("{}", line))

    [bad] = GrammySource(MongoValues(MongoExport(tmp_path / "export.json")))

    assert isinstance(bad, Bad)
    assert bad.reason.startswith(reason)
    assert bad.original


def test_values_of_bson_become_what_javascript_makes_of_them(tmp_path: Path) -> None:
    values = {
        "when": {"$date": "2026-01-31T12:00:00.5Z"},
        "id": {"$oid": "697df1c00000000000000000"},
        "long": {"$numberLong": "9007199254740991"},
        "price": {"$numberDecimal": "1.10"},
        "float": {"$numberDouble": "1.5"},
        "list": [{"$numberInt": "1"}, None, True],
    }
    (tmp_path / "export.json").write_text(json.dumps({"key": "7", "value": values}))

    [stored] = MongoValues(MongoExport(tmp_path / "export.json"))

    assert isinstance(stored, Stored)
    assert json.loads(stored.text) == {
        "when": "2026-01-31T12:00:00.500Z",
        "id": "697df1c00000000000000000",
        "long": 9007199254740991,
        "price": "1.10",
        "float": 1.5,
        "list": [1, None, True],
    }
