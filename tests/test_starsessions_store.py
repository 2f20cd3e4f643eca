"""The store for starsessions does what starsessions asks of a store, in memory and on every database.

starsessions ships no tests; these are the behaviours that its documentation and its own stores have.
"""

import json
from datetime import timedelta

import pytest

from typed_sessions import MemoryStore, SessionDefinitionError, Sessions, Store, UnstorableValueError
from typed_sessions.integrations.starsessions import StarsessionsData, StarsessionsStore
from typed_sessions.stores.protocol import Query
from typed_sessions.testing import SettableClock

HOUR = 3600


class Behaviour:
    """What holds in every store. `sessions` is a fixture of the classes below."""

    @pytest.fixture
    def kept(self, sessions: Sessions) -> StarsessionsStore:
        return StarsessionsStore(sessions)

    async def test_an_unknown_id_has_no_data(self, kept: StarsessionsStore) -> None:
        assert await kept.read("unknown", HOUR) == b""

    async def test_what_was_written_is_read(self, kept: StarsessionsStore) -> None:
        id_ = await kept.write("new", b'{"cart": [1, {"x": null}], "\\u00e9": 1e308}', HOUR, HOUR)

        assert data_of(await kept.read(id_, HOUR)) == {"cart": [1, {"x": None}], "é": 1e308}

    async def test_metadata_comes_back_beside_the_data(self, kept: StarsessionsStore) -> None:
        id_ = await kept.write("new", b'{"a": 1, "__metadata__": {"created": 1.5, "lifetime": 60}}', HOUR, HOUR)
        metadata = json.loads(await kept.read(id_, HOUR))["__metadata__"]

        assert (metadata["created"], metadata["lifetime"]) == (1.5, 60)

    async def test_a_second_write_replaces_the_first(self, kept: StarsessionsStore) -> None:
        id_ = await kept.write("new", b'{"a": 1, "b": 2}', HOUR, HOUR)
        again = await kept.write(id_, b'{"a": 3}', HOUR, HOUR)

        assert again == id_
        assert data_of(await kept.read(id_, HOUR)) == {"a": 3}

    async def test_what_was_removed_is_gone(self, kept: StarsessionsStore) -> None:
        id_ = await kept.write("new", b'{"a": 1}', HOUR, HOUR)
        await kept.remove(id_)

        assert await kept.read(id_, HOUR) == b""

    async def test_an_unknown_id_can_be_removed(self, kept: StarsessionsStore) -> None:
        await kept.remove("unknown")

        assert await kept.read("unknown", HOUR) == b""

    async def test_one_session_is_not_another(self, kept: StarsessionsStore) -> None:
        one = await kept.write("new", b'{"a": 1}', HOUR, HOUR)
        other = await kept.write("new", b'{"a": 2}', HOUR, HOUR)
        await kept.remove(other)

        assert data_of(await kept.read(one, HOUR)) == {"a": 1}

    @pytest.mark.parametrize("key", ["born", "data", "metadata", "session_config", "model_config", "copy", ""])
    async def test_a_key_may_have_any_name(self, kept: StarsessionsStore, key: str) -> None:
        id_ = await kept.write("new", json.dumps({key: 1}).encode(), HOUR, HOUR)

        assert data_of(await kept.read(id_, HOUR)) == {key: 1}

    async def test_a_session_is_absent_when_its_ttl_is_over(
        self, kept: StarsessionsStore, clock: SettableClock
    ) -> None:
        id_ = await kept.write("new", b'{"a": 1}', 2 * HOUR, HOUR)
        clock.advance(timedelta(hours=1))

        assert await kept.read(id_, HOUR) == b""

    async def test_a_session_without_a_lifetime_lives_for_thirty_days(
        self, kept: StarsessionsStore, clock: SettableClock
    ) -> None:
        id_ = await kept.write("new", b'{"a": 1}', 0, 0)
        clock.advance(timedelta(days=29))
        is_there = data_of(await kept.read(id_, 0)) == {"a": 1}
        clock.advance(timedelta(days=1))

        assert is_there
        assert await kept.read(id_, 0) == b""

    async def test_an_id_that_is_new_is_never_taken_from_the_browser(self, kept: StarsessionsStore) -> None:
        id_ = await kept.write("planted", b'{"a": 1}', HOUR, HOUR)

        assert len(id_) == 43
        assert await kept.read("planted", HOUR) == b""

    async def test_the_store_knows_no_id(self, kept: StarsessionsStore, sessions: Sessions) -> None:
        id_ = await kept.write("new", b'{"a": 1}', HOUR, HOUR)
        await kept.write(id_, await kept.read(id_, HOUR), HOUR, HOUR)
        [(key, record)] = await sessions.store.scan(Query())

        assert id_ not in key.text + record.data.decode()

    async def test_what_goes_along_with_the_data_is_never_stored(
        self, kept: StarsessionsStore, sessions: Sessions
    ) -> None:
        id_ = await kept.write("new", b'{"a": 1}', HOUR, HOUR)
        lent = json.loads(await kept.read(id_, HOUR))
        await kept.write(id_, json.dumps({**lent, "a": 2}).encode(), HOUR, HOUR)
        [(_, record)] = await sessions.store.scan(Query())

        assert StarsessionsData.model_validate_json(record.data).data == {"a": 2}
        assert b"typed_sessions" not in record.data

    @pytest.mark.parametrize("data", [b"", b"data", b"[1]", b"null", b"\x80\x04}.", b"\xff"])
    async def test_what_is_no_json_object_is_refused(self, kept: StarsessionsStore, data: bytes) -> None:
        with pytest.raises(SessionDefinitionError, match="JSON"):
            await kept.write("new", data, HOUR, HOUR)

    @pytest.mark.parametrize("data", [b'{"a": NaN}', b'{"a": "\\u0000"}'])
    async def test_what_would_not_come_back_is_refused(self, kept: StarsessionsStore, data: bytes) -> None:
        with pytest.raises(UnstorableValueError):
            await kept.write("new", data, HOUR, HOUR)


class TestInMemory(Behaviour):
    @pytest.fixture
    def sessions(self, clock: SettableClock) -> Sessions:
        return Sessions(MemoryStore(), clock=clock)


class TestInDatabases(Behaviour):
    @pytest.fixture
    def sessions(self, store: Store, clock: SettableClock) -> Sessions:
        return Sessions(store, clock=clock)


def data_of(read: bytes) -> dict[str, object]:
    data: dict[str, object] = json.loads(read)
    data.pop("__metadata__")
    return data
