"""All old sessions of a table in one go, beside whoever uses it."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, create_engine, text

from tests.empty_database import address, empty_database
from tests.old_carts import (
    BROKEN,
    DRIVERS,
    NAME,
    NOW,
    OF_1,
    OF_2,
    OF_3,
    SECRET,
    Cart,
    CartHistory,
    counted,
    errand,
    fill,
    key,
    many,
    record,
    run,
    store_at,
    stored,
    versions,
)
from typed_sessions import (
    MemoryStore,
    Record,
    SchemaMismatchError,
    SessionKey,
    Sessions,
    Settings,
    SettingsError,
    StoreUnavailableError,
    SyncSessions,
)
from typed_sessions.clock import utc_now
from typed_sessions.eager.conversion import Conversion, by_steps, to_head
from typed_sessions.eager.crew import FIRST_PAGE, PAGE, PAGE_BYTES, Crew, census, size_after
from typed_sessions.eager.places import Place
from typed_sessions.eager.tally import Census
from typed_sessions.limits import Limits
from typed_sessions.migrations import upgrade
from typed_sessions.stores.protocol import Insert, Outcome, Update
from typed_sessions.stores.sqlalchemy.bulk import Count, Stale


@pytest.fixture(scope="module", params=DRIVERS)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with empty_database(request.param, request, tmp_path_factory.mktemp("eager")) as url:
        upgrade(address(url))
        yield address(url)


def only(*drivers: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("url", drivers, indirect=True, scope="module")


one_of_each = only("sqlite+pysqlite", "postgresql+psycopg", "mariadb+pymysql")
sqlite = only("sqlite+pysqlite")


def test_old_sessions_get_the_version_of_the_model_and_others_stay(url: str) -> None:
    old, current = record(OF_1, expires_at=NOW + timedelta(days=1)), record(OF_3, 3)
    fill(url, {key(1): old, key(2): record(OF_2, 2), key(3): current, SessionKey("other", "1"): old})

    tally = run(errand(url))

    upcast = replace(old, version=3, min_reader=2, revision=6, data=OF_3, updated_at=NOW)
    assert (tally.written, tally.outrun, tally.failed) == (2, 0, 0)
    assert stored(url) == {
        key(1): upcast, key(2): replace(upcast, expires_at=None), key(3): current, SessionKey("other", "1"): old
    }  # fmt: skip


@sqlite
async def test_the_bytes_are_those_of_a_turn(url: str) -> None:
    fill(url, {key(1): record()})
    sessions = Sessions(memory := MemoryStore())
    await memory.save([Insert(key(1), record())])

    run(errand(url))
    async with sessions.open(Cart, "1"):
        pass

    assert stored(url)[key(1)].data == (await memory.load([key(1)]))[key(1)].data


def test_every_page_is_carried_once(url: str) -> None:
    fill(url, many(2 * FIRST_PAGE + 50))

    tally = run(errand(url), workers=3)

    assert tally.written == 2 * FIRST_PAGE + 50
    assert {(each.version, each.revision) for each in stored(url).values()} == {(3, 6)}


HOSTILE = [
    '"', "\\", "{", "}", ",", "NULL", "a\nb", "\t", " a", "''", "%s", "%(a)s", ":a", "ключ", "😀", "\x01", "$1", "a'b",
]  # fmt: skip


def test_keys_and_data_of_any_kind_come_through(url: str) -> None:
    data = {key(each): record(Cart(items=[each, "\0", "\\u0000"]).model_dump_json().encode(), 2) for each in HOSTILE}
    fill(url, data)
    same = Conversion(NAME, 3, 3, lambda _key, record: record.data)

    tally = run(errand(url, same))

    assert tally.written == len(HOSTILE)
    assert {each: record.data for each, record in stored(url).items()} == {
        each: record.data for each, record in data.items()
    }


def test_expired_and_newer_sessions_are_counted_and_left_alone(url: str) -> None:
    kept = {key("expired"): record(expires_at=NOW), key("newer"): record(b'{"new": 1}', 4)}
    fill(url, kept | {key("alive"): record(expires_at=NOW + timedelta(seconds=1))})

    found = census(errand(url))
    tally = run(errand(url))

    assert found == [Count(1, alive=1, expired=1), Count(4, alive=1, expired=0)]
    assert (Census(found, 3).stale, Census(found, 3).expired, Census(found, 3).newer) == (1, 1, 1)
    assert (tally.written, stored(url).items() >= kept.items()) == (1, True)


@one_of_each
def test_a_failing_session_stops_no_other_and_is_told_without_key_and_data(url: str) -> None:
    fill(url, {key("secret-1"): record(BROKEN), key("secret-2"): record(BROKEN), key(3): record()})

    tally = run(errand(url))

    [(reason, count)] = tally.reasons.items()
    assert (tally.written, count) == (1, 2)
    assert "CartHistory.v1_to_v2 could not upcast the stored session: it raised ValueError" in reason
    assert "secret" not in reason
    assert SECRET not in reason
    assert versions(url) == [3, 1, 1]


@sqlite
@pytest.mark.parametrize("data", [b"[]", b'{"items": ["fung', b"\xff\xfe", b'{"items": [], "user": ""}'])
def test_whatever_is_stored_a_run_comes_to_its_end(url: str, data: bytes) -> None:
    fill(url, {key(1): record(data.decode(errors="replace").encode()), key(2): record()})

    tally = run(errand(url))

    assert tally.done == 2
    assert versions(url)[1] == 3


@one_of_each
def test_a_session_that_changes_meanwhile_is_left_to_its_writer(url: str) -> None:
    fill(url, {key(1): record(), key(2): record()})
    theirs = replace(record(OF_3, 3), revision=6)
    head = to_head(Cart, Limits())

    def overtaken(which: SessionKey, old: Record) -> bytes:
        if which == key(1):
            with closing(store_at(url)) as store:
                assert store.save([Update(key(1), 5, theirs)]) == [Outcome.SAVED]
        return head.convert(which, old)

    tally = run(errand(url, replace(head, convert=overtaken)))

    assert (tally.written, tally.outrun) == (1, 1)
    assert stored(url)[key(1)] == theirs


@only("postgresql+psycopg", "postgresql+asyncpg", "mariadb+pymysql", "mariadb+asyncmy")
def test_a_session_that_somebody_holds_is_passed_over_at_once(url: str) -> None:
    fill(url, {key(1): record(), key(2): record()})

    def hold(connection: Connection) -> int:
        with connection.begin():
            connection.execute(text("UPDATE typed_sessions SET owner = 'bob' WHERE version = 1 AND revision = 5"))
            return run(errand(url)).outrun

    assert errand(url).place.run(hold) == 2


@sqlite
def test_sessions_that_stay_old_are_looked_at_once(url: str) -> None:
    fill(url, {key(number): record(BROKEN if number % 2 else OF_1) for number in range(2 * FIRST_PAGE + 50)})

    rehearsal, real = run(errand(url, is_rehearsal=True)), run(errand(url))

    assert (rehearsal.written, rehearsal.failed) == (real.written, real.failed) == (FIRST_PAGE + 25, FIRST_PAGE + 25)


@one_of_each
def test_a_rehearsal_writes_nothing(url: str) -> None:
    before = many(5) | {key("broken"): record(BROKEN)}
    fill(url, before)

    tally = run(errand(url, is_rehearsal=True))

    assert (tally.written, tally.failed, stored(url)) == (5, 1, before)
    assert [(sample.version, sample.before, sample.after) for sample in tally.samples] == [(1, OF_1, OF_3)] * 3


@one_of_each
def test_a_run_that_was_stopped_ends_after_the_batch_in_hand_and_the_next_goes_on(url: str) -> None:
    fill(url, many(3 * FIRST_PAGE))
    crew = Crew(errand(url), 1)

    batches = crew.batches()
    first = next(batches)
    crew.stop()
    rest = counted(batches)

    assert first.written + rest.written < 3 * FIRST_PAGE + 1
    assert first.written + rest.written + run(errand(url)).written == 3 * FIRST_PAGE
    assert {each.revision for each in stored(url).values()} == {6}


@sqlite
def test_a_stopped_crew_begins_nothing(url: str) -> None:
    fill(url, many(3))
    crew = Crew(errand(url), 2)

    crew.stop()

    assert counted(crew.batches()).done == 0


@one_of_each
def test_to_a_version_below_the_head_by_the_steps_alone(url: str) -> None:
    fill(url, {key(1): record(), key(2): record(OF_2, 2), key(3): record(OF_3, 3)})

    tally = run(errand(url, by_steps(NAME, CartHistory(), 2)))

    assert tally.written == 1
    assert (versions(url), stored(url)[key(1)].data, stored(url)[key(1)].min_reader) == ([2, 2, 3], OF_2, 2)


@one_of_each
def test_no_turn_beside_it_loses_anything(url: str) -> None:
    fill(url, many(2000))
    is_over, turns = threading.Event(), [0] * 3

    def work(number: int) -> None:
        with closing(store_at(url)) as store:
            sessions = SyncSessions(store)
            while not is_over.is_set():
                # All over the keys, so that old and new sessions are met; no other of these three takes the same ones.
                with sessions.open(Cart, f"{3 * (turns[number] * 37 % 666) + number}") as cart:
                    cart.count += 1
                turns[number] += 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    tally = run(errand(url, clock=utc_now))
    is_over.set()
    for worker in workers:
        worker.join()
    run(errand(url, clock=utc_now))

    found = stored(url).values()
    assert tally.failed == 0
    assert {each.version for each in found} == {3}
    assert sum(Cart.model_validate_json(each.data).count for each in found) == sum(turns)


@sqlite
def test_a_table_that_is_not_there_is_said(url: str) -> None:
    elsewhere = Place(Settings(database_url=SecretStr(url), table="nowhere"))

    with pytest.raises(SchemaMismatchError, match="typed-sessions db upgrade"):
        census(replace(errand(url), place=elsewhere))


@pytest.mark.parametrize(
    "address", ["postgresql+psycopg://nobody@127.0.0.1:1/x", "postgresql+asyncpg://nobody@127.0.0.1:1/x"]
)
def test_a_server_that_does_not_answer_is_said(address: str) -> None:
    with pytest.raises(StoreUnavailableError):
        census(errand(address))


@sqlite
def test_an_error_of_the_database_ends_the_run(url: str) -> None:
    fill(url, many(3))
    engine = create_engine(url)
    with engine.begin() as connection:
        refusing = "CREATE TRIGGER refusing BEFORE UPDATE ON typed_sessions BEGIN SELECT RAISE(ABORT, 'no'); END"
        connection.execute(text(refusing))

    with pytest.raises(StoreUnavailableError, match="SQLITE_CONSTRAINT_TRIGGER"):
        run(errand(url))

    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER refusing"))
    engine.dispose()
    assert versions(url) == [1, 1, 1]


def test_a_database_in_memory_is_refused() -> None:
    with pytest.raises(SettingsError, match="vanishes with its connection"):
        errand("sqlite://")


@pytest.mark.parametrize(("size", "sessions"), [(100, PAGE), (PAGE_BYTES // 10, 9), (2 * PAGE_BYTES, 1)])
def test_pages_of_large_sessions_hold_few(size: int, sessions: int) -> None:
    assert size_after([Stale("1", 1, 1, 1, b"x" * size)]) == sessions
