"""`TypedStorage`: aiogram's FSM in a store of sessions."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiogram.exceptions import DataNotDictLikeError
from aiogram.fsm.storage.base import BaseStorage, StateType, StorageKey
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from tests.checkout import (
    ADA,
    BOB,
    BOT,
    CLUB,
    KEY,
    Address,
    Checkout,
    CheckoutData,
    Delivery,
    Door,
    Form,
    records,
    rows,
)
from tests.history_project import HistoryProject
from typed_sessions import (
    InvalidSessionError,
    MemoryStore,
    NewerVersionError,
    SessionConfig,
    SessionDefinitionError,
    SessionKey,
    Sessions,
    UnstorableValueError,
)
from typed_sessions.integrations.aiogram.fsm import TypedStorage, fsm_key
from typed_sessions.integrations.aiogram.fsm_session import FsmSession, FsmState
from typed_sessions.shapes.stored import stored_schema
from typed_sessions.stores.protocol import Change, Delete, Outcome, Update
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing import SettableClock

ROOT = Path(__file__).parent.parent
SCENES = replace(KEY, destiny="scenes_history")
STREET = "Baker Street 221b"

ON_SQL = pytest.mark.parametrize("async_url", ["sqlite+aiosqlite", "postgresql+asyncpg"], indirect=True)

PROJECT = """
from typing_extensions import TypedDict
from typed_sessions import SessionConfig
from typed_sessions.integrations.aiogram import FsmSession

class CheckoutData(TypedDict, total=False):
    street: str

class Checkout(FsmSession):
    session_config = SessionConfig(name="checkout")

    data: CheckoutData = {}
"""

PROCESS = """
import asyncio, sys
from tests.checkout import KEY
from typed_sessions import Sessions
from typed_sessions.integrations.aiogram.fsm import TypedStorage
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

async def main(url, name, times):
    async with Sessions(SQLAlchemyStore.from_url(url)) as sessions:
        storage = TypedStorage(sessions)
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(int(times)):
            await storage.update_data(KEY, {f"{name}{number}": number})

asyncio.run(main(*sys.argv[1:]))
"""


class PhonedData(CheckoutData, total=False):
    phone: str


class Phoned(FsmSession):
    """A later `Checkout`, which this one may read."""

    session_config = SessionConfig(name="checkout", version=2, history=Door.session_config.history, readable_from=1)

    data: PhonedData = {}


class PhonedAddress(BaseModel):
    street: str = ""
    floor: int = 0
    phone: str = ""


class PhonedDelivery(FsmSession):
    """A later `Delivery`, which this one may read."""

    session_config = SessionConfig(name="delivery", version=2, history=Door.session_config.history, readable_from=1)

    data: PhonedAddress = PhonedAddress()


class Undeclared(FsmSession):
    data: CheckoutData = {}


class Listed(FsmSession):
    session_config = SessionConfig(name="listed")

    data: list[str] = []


class Impostor(FsmSession):
    session_config = SessionConfig(name="fsm")

    data: CheckoutData = {}


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def sessions(memory: MemoryStore, clock: SettableClock) -> Sessions:
    return Sessions(memory, clock=clock)


@pytest.fixture
def storage(sessions: Sessions) -> TypedStorage[Checkout]:
    return TypedStorage(sessions, Checkout)


class TestState:
    @pytest.mark.parametrize(
        ("state", "name"), [(Form.street, "Form:street"), ("Form:street", "Form:street"), (None, None)]
    )
    async def test_it_is_read_by_its_name(
        self, storage: TypedStorage[Checkout], state: StateType, name: str | None
    ) -> None:
        await storage.set_state(KEY, state)

        assert await storage.get_state(KEY) == name

    async def test_it_lies_in_one_record_with_the_data(
        self, storage: TypedStorage[Checkout], memory: MemoryStore
    ) -> None:
        await storage.set_state(KEY, Form.street)
        await storage.set_data(KEY, {"street": "Elm"})

        assert [record.data for record in await records(memory)] == [b'{"state":"Form:street","data":{"street":"Elm"}}']

    async def test_a_state_that_the_model_does_not_accept_is_refused(self, sessions: Sessions) -> None:
        class Short(FsmSession):
            session_config = SessionConfig(name="short")

            state: str | None = Field(default=None, max_length=3)
            data: CheckoutData = {}

        with pytest.raises(UnstorableValueError, match=r": state: String should have at most 3 characters"):
            await TypedStorage(sessions, Short).set_state(KEY, Form.street)


class TestData:
    async def test_it_comes_back_as_declared(self, storage: TypedStorage[Checkout]) -> None:
        data: CheckoutData = {"street": "Elm", "floor": 4, "when": datetime(2026, 1, 1, tzinfo=UTC), "lines": ["a"]}

        await storage.set_data(KEY, data)

        assert await storage.get_data(KEY) == data

    async def test_any_json_may_be_kept_without_a_model(self, sessions: Sessions) -> None:
        data: dict[str, Any] = {"a": [1, 2.5, None, True, {"é": "😀"}], "b": {}}

        await TypedStorage(sessions).set_data(KEY, data)

        assert await TypedStorage(sessions).get_data(KEY) == data

    async def test_changing_what_was_read_changes_nothing(self, storage: TypedStorage[Checkout]) -> None:
        await storage.set_data(KEY, {"lines": ["a"]})

        (await storage.get_data(KEY))["lines"].append("b")

        assert await storage.get_data(KEY) == {"lines": ["a"]}

    async def test_changing_what_was_given_changes_nothing(self, storage: TypedStorage[Checkout]) -> None:
        given = {"lines": ["a"]}
        await storage.set_data(KEY, given)
        given["lines"].append("b")

        assert await storage.update_data(KEY, {"floor": 1}) == {"lines": ["a"], "floor": 1}

    async def test_setting_replaces_all_of_it(self, storage: TypedStorage[Checkout]) -> None:
        await storage.set_data(KEY, {"street": "Elm", "floor": 4})
        await storage.set_data(KEY, {"floor": 5})

        assert await storage.get_data(KEY) == {"floor": 5}

    async def test_one_value_may_be_asked_for(self, storage: TypedStorage[Checkout]) -> None:
        await storage.set_data(KEY, {"street": "Elm"})

        assert await storage.get_value(KEY, "street") == "Elm"
        assert await storage.get_value(KEY, "floor", 9) == 9

    @pytest.mark.parametrize("data", [(), [], None, "street", 5])
    async def test_what_is_no_mapping_is_refused_as_aiogram_does(
        self,
        storage: TypedStorage[Checkout],
        data: Any,  # noqa: ANN401 # anything
    ) -> None:
        with pytest.raises(DataNotDictLikeError):
            await storage.set_data(KEY, data)
        with pytest.raises(DataNotDictLikeError):
            await storage.update_data(KEY, data)


class TestTheEnd:
    async def test_a_record_without_state_and_data_is_deleted(
        self, storage: TypedStorage[Checkout], memory: MemoryStore
    ) -> None:
        await storage.set_state(KEY, Form.street)
        await storage.set_data(KEY, {"floor": 1})
        await storage.set_state(KEY, None)
        assert len(await records(memory)) == 1
        await storage.set_data(KEY, {})

        assert await records(memory) == []

    async def test_so_is_one_whose_state_ends_last(self, storage: TypedStorage[Checkout], memory: MemoryStore) -> None:
        await storage.set_data(KEY, {"floor": 1})
        await storage.set_state(KEY, Form.street)
        await storage.set_data(KEY, {})
        assert await storage.get_state(KEY) == "Form:street"
        await storage.set_state(KEY, None)

        assert await records(memory) == []

    async def test_nothing_is_made_of_nothing(self, storage: TypedStorage[Checkout], memory: MemoryStore) -> None:
        await storage.set_state(KEY, None)
        await storage.set_data(KEY, {})
        await storage.update_data(KEY, {})
        await storage.get_data(KEY)

        assert await records(memory) == []

    async def test_empty_data_is_what_a_new_record_begins_with(self, sessions: Sessions, memory: MemoryStore) -> None:
        class Full(TypedDict):
            floor: int

        class Lift(FsmSession):
            session_config = SessionConfig(name="lift")

            data: Full = {"floor": 1}

        lift = TypedStorage(sessions, Lift)
        await lift.set_data(KEY, {"floor": 5})
        await lift.set_data(KEY, {})

        assert await lift.get_data(KEY) == {"floor": 1}
        assert await records(memory) == []

    async def test_what_somebody_else_has_given_since_is_not_deleted(self) -> None:
        class Busy(MemoryStore):
            """Another process sets data whenever a record is about to be deleted."""

            async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
                for change in changes:
                    if isinstance(change, Delete):
                        await TypedStorage(Sessions(others), Checkout).update_data(KEY, {"floor": 7})
                return await super().save(changes)

        store = others = Busy()
        storage = TypedStorage(Sessions(store), Checkout)
        await storage.set_state(KEY, Form.street)
        await storage.set_state(KEY, None)

        assert await storage.get_data(KEY) == {"floor": 7}

    async def test_an_abandoned_conversation_ends_with_its_time_to_live(
        self, sessions: Sessions, clock: SettableClock
    ) -> None:
        class Brief(FsmSession):
            session_config = SessionConfig(name="brief", ttl=timedelta(hours=1))

            data: CheckoutData = {}

        brief = TypedStorage(sessions, Brief)
        await brief.set_state(KEY, Form.street)
        clock.advance(timedelta(hours=1))

        assert await brief.get_state(KEY) is None


class TestTheSameMoment:
    """Two `Sessions` on one store stand for two processes."""

    @ON_SQL
    async def test_updates_of_different_keys_by_two_tasks_both_arrive(self, store: SQLAlchemyStore) -> None:
        storage = TypedStorage(Sessions(store), Checkout)

        await asyncio.gather(storage.update_data(KEY, {"street": "Elm"}), storage.update_data(KEY, {"floor": 4}))

        assert await storage.get_data(KEY) == {"street": "Elm", "floor": 4}

    @ON_SQL
    async def test_the_update_that_aiogram_comes_with_loses_one(self, store: SQLAlchemyStore) -> None:
        storage = TypedStorage(Sessions(store), Checkout)
        given: list[dict[str, Any]] = [{"street": "Elm"}, {"floor": 4}]

        await asyncio.gather(*(BaseStorage.update_data(storage, KEY, data) for data in given))

        assert await storage.get_data(KEY) in given

    async def test_updates_of_two_processes_all_arrive(self, store: SQLAlchemyStore) -> None:
        storages = [TypedStorage(Sessions(store)) for _ in range(2)]

        await asyncio.gather(
            *(each.update_data(KEY, {f"{n}-{i}": i}) for n, each in enumerate(storages) for i in range(10))
        )

        assert await storages[0].get_data(KEY) == {f"{n}-{i}": i for n in range(2) for i in range(10)}

    @ON_SQL
    async def test_updates_of_processes_that_share_only_the_database_all_arrive(
        self, store: SQLAlchemyStore, async_url: str
    ) -> None:
        await run_all([(PROCESS, async_url, name, "20") for name in "abc"])

        async with Sessions(store) as sessions:
            assert len(await TypedStorage(sessions).get_data(KEY)) == 60

    async def test_a_state_and_data_both_arrive(self, storage: TypedStorage[Checkout], memory: MemoryStore) -> None:
        other = TypedStorage(Sessions(memory), Checkout)

        await asyncio.gather(storage.set_state(KEY, Form.floor), other.update_data(KEY, {"floor": 4}))

        assert (await storage.get_state(KEY), await storage.get_data(KEY)) == ("Form:floor", {"floor": 4})


async def run_all(commands: Sequence[tuple[str, ...]]) -> None:
    """Let several processes go at once."""
    pipe = asyncio.subprocess.PIPE
    processes = await asyncio.gather(
        *(
            asyncio.create_subprocess_exec(
                sys.executable, "-c", *command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe
            )
            for command in commands
        )
    )
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    said = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [(process.returncode, error) for process, (_, error) in zip(processes, said, strict=True)] == [
        (0, b"") for _ in processes
    ]


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            ({"floor": "high"}, r": data\.floor: Input should be a valid integer"),
            ({"flor": 4}, r": data\.flor: Extra inputs are not permitted"),
            ({"lines": [STREET, None]}, r": data\.lines\.1: Input should be a valid string"),
            ({"street": "\0"}, r": data\.street: "),
            ({"street": "\ud800"}, r": data\.street: "),
        ],
    )
    async def test_data_that_does_not_fit_is_refused_and_nothing_is_written(
        self, storage: TypedStorage[Checkout], memory: MemoryStore, data: Mapping[str, Any], problem: str
    ) -> None:
        await storage.set_data(KEY, {"street": "Elm"})
        before = await records(memory)

        for change in (storage.set_data, storage.update_data):
            with pytest.raises(UnstorableValueError, match=problem) as caught:
                await change(KEY, data)
            assert STREET not in str(caught.value)

        assert await records(memory) == before

    @pytest.mark.parametrize(
        "value", [float("nan"), float("inf"), (1, 2), {3: 4}, {5}, object(), datetime.now(UTC), b"bytes", 2**70, "\0"]
    )
    async def test_without_a_model_what_is_no_json_is_refused(
        self, sessions: Sessions, memory: MemoryStore, value: object
    ) -> None:
        with pytest.raises(UnstorableValueError, match=r": data\.\*"):
            await TypedStorage(sessions).set_data(KEY, {"value": value})
        assert await records(memory) == []

    async def test_the_name_of_a_key_is_data_and_not_told(self, sessions: Sessions) -> None:
        with pytest.raises(UnstorableValueError) as caught:
            await TypedStorage(sessions).set_data(KEY, {STREET: object()})

        assert STREET not in str(caught.value)

    async def test_an_update_that_would_break_the_whole_is_refused(self, sessions: Sessions) -> None:
        class Narrow(FsmSession):
            session_config = SessionConfig(name="narrow")

            data: dict[str, int] = Field(default={}, max_length=1)

        narrow = TypedStorage(sessions, Narrow)
        await narrow.update_data(KEY, {"a": 1})

        with pytest.raises(UnstorableValueError, match="at most 1 item"):
            await narrow.update_data(KEY, {"b": 2})
        assert await narrow.get_data(KEY) == {"a": 1}


class TestModelsAsData:
    @pytest.fixture
    def delivery(self, sessions: Sessions) -> TypedStorage[Delivery]:
        return TypedStorage(sessions, Delivery)

    async def test_its_fields_are_the_data(self, delivery: TypedStorage[Delivery]) -> None:
        assert await delivery.get_data(KEY) == {"street": "", "floor": 0}
        assert await delivery.update_data(KEY, {"floor": 4}) == {"street": "", "floor": 4}
        assert await delivery.get_data(KEY) == {"street": "", "floor": 4}

    async def test_it_ends_with_its_defaults(self, delivery: TypedStorage[Delivery], memory: MemoryStore) -> None:
        await delivery.set_data(KEY, {"street": "Elm", "floor": 4})
        await delivery.set_data(KEY, {})

        assert await delivery.get_data(KEY) == {"street": "", "floor": 0}
        assert await records(memory) == []

    async def test_a_key_that_the_model_would_drop_is_refused(self, delivery: TypedStorage[Delivery]) -> None:
        with pytest.raises(UnstorableValueError, match=r": data\.flor: the model does not keep it; declare it"):
            await delivery.update_data(KEY, {"flor": 4})

    async def test_a_key_that_a_model_within_would_drop_is_refused(self, sessions: Sessions) -> None:
        class Places(TypedDict, total=False):
            homes: dict[str, list[Address]]

        class Mover(FsmSession):
            session_config = SessionConfig(name="mover")

            data: Places = {}

        storage = TypedStorage(sessions, Mover)

        with pytest.raises(UnstorableValueError, match=r": data\.homes\.\*\.1\.flor: the model does not keep it"):
            await storage.set_data(KEY, {"homes": {STREET: [{"floor": 3}, {"flor": 4}]}})
        assert await storage.get_data(KEY) == {}

    async def test_its_fields_go_by_their_names_and_not_by_aliases(self, sessions: Sessions) -> None:
        class Named(BaseModel):
            floor: int = Field(default=0, alias="Floor")

        class Aliased(FsmSession):
            session_config = SessionConfig(name="aliased")

            data: Named = Named()

        storage = TypedStorage(sessions, Aliased)
        await storage.update_data(KEY, {"floor": 4})

        assert await storage.get_data(KEY) == {"floor": 4}


class TestVersions:
    async def test_older_data_is_upcast_when_it_is_read(
        self, storage: TypedStorage[Checkout], sessions: Sessions
    ) -> None:
        await storage.set_state(KEY, Form.floor)
        await storage.set_data(KEY, {"street": "Elm"})

        later = TypedStorage(sessions, Door)

        assert (await later.get_state(KEY), await later.get_data(KEY)) == ("Form:floor", {"address": "Elm"})
        assert await later.update_data(KEY, {"floor": 4}) == {"address": "Elm", "floor": 4}

    async def test_newer_data_is_neither_read_nor_overwritten(
        self, storage: TypedStorage[Checkout], sessions: Sessions, memory: MemoryStore
    ) -> None:
        await TypedStorage(sessions, Door).set_data(KEY, {"address": "Elm"})
        before = await records(memory)

        for attempt in (storage.get_data(KEY), storage.set_data(KEY, {}), storage.set_state(KEY, Form.floor)):
            with pytest.raises(NewerVersionError):
                await attempt
        assert await records(memory) == before

    async def test_fields_of_newer_code_stay_when_older_code_changes_others(
        self, storage: TypedStorage[Checkout], sessions: Sessions
    ) -> None:
        newer = TypedStorage(sessions, Phoned)
        await newer.set_data(KEY, {"phone": "112"})

        await storage.set_state(KEY, Form.floor)
        assert await storage.update_data(KEY, {"floor": 4}) == {"floor": 4}
        await storage.set_state(KEY, None)

        assert await newer.get_data(KEY) == {"phone": "112", "floor": 4}

    async def test_they_do_so_in_a_model_too(self, sessions: Sessions) -> None:
        newer = TypedStorage(sessions, PhonedDelivery)
        await newer.set_data(KEY, {"phone": "112"})

        await TypedStorage(sessions, Delivery).update_data(KEY, {"floor": 4})

        assert await newer.get_data(KEY) == {"street": "", "floor": 4, "phone": "112"}

    async def test_what_older_code_takes_for_empty_is_not_deleted(
        self, storage: TypedStorage[Checkout], sessions: Sessions
    ) -> None:
        newer = TypedStorage(sessions, Phoned)
        await newer.set_state(KEY, Form.floor)
        await newer.set_data(KEY, {"phone": "112"})

        await storage.set_state(KEY, None)

        assert await newer.get_data(KEY) == {"phone": "112"}

    async def test_invalid_stored_data_is_not_taken_for_none(
        self, storage: TypedStorage[Checkout], memory: MemoryStore
    ) -> None:
        await storage.set_data(KEY, {"floor": 4})
        [(key, record)] = await rows(memory)
        broken = replace(record, data=b'{"state":null,"data":{"floor":"high"}}', revision=record.revision + 1)
        await memory.save([Update(key, record.revision, broken)])

        for attempt in (storage.get_state(KEY), storage.get_data(KEY), storage.set_data(KEY, {})):
            with pytest.raises(InvalidSessionError):
                await attempt
        assert await records(memory) == [broken]

    def test_a_change_of_the_data_is_noticed_by_the_tools(self, tmp_path: Path) -> None:
        project = HistoryProject(tmp_path)
        project.write("pyproject.toml", "[project]\nname = 'shop'\n")
        project.write("checkout.py", PROJECT)
        project.freeze("checkout")
        project.replace("checkout.py", "street: str", "address: str")

        code, said = project.run("check")

        assert code == 1
        assert "- data.street: removed (str)" in said

    def test_the_shape_of_a_model_is_seen_by_the_tools(self) -> None:
        schema = stored_schema(Checkout)

        assert schema["required"] == ["state", "data"]
        assert list(schema["$defs"]["CheckoutData"]["properties"]) == ["street", "floor", "when", "lines"]


class TestKeys:
    @pytest.mark.parametrize(
        "other",
        [
            replace(KEY, bot_id=8),
            replace(KEY, chat_id=ADA),
            replace(KEY, user_id=BOB),
            replace(KEY, thread_id=3),
            replace(KEY, business_connection_id="b"),
            replace(KEY, destiny="other"),
        ],
    )
    async def test_records_of_different_places_are_apart(self, sessions: Sessions, other: StorageKey) -> None:
        storage = TypedStorage(sessions)
        await storage.set_data(KEY, {"a": 1})
        await storage.set_data(other, {"b": 2})

        assert (await storage.get_data(KEY), await storage.get_data(other)) == ({"a": 1}, {"b": 2})

    async def test_a_record_can_be_found_with_sessions(
        self, storage: TypedStorage[Checkout], sessions: Sessions
    ) -> None:
        await storage.set_data(KEY, {"floor": 4})

        assert fsm_key(KEY) == (BOT, CLUB, ADA, 0, "", "default")
        assert (await sessions.load(Checkout, fsm_key(KEY))).data == {"floor": 4}

    async def test_a_person_is_forgotten_in_all_chats(
        self, storage: TypedStorage[Checkout], sessions: Sessions
    ) -> None:
        await storage.set_state(KEY, Form.floor)
        await storage.set_data(replace(KEY, chat_id=ADA), {"floor": 1})
        await storage.update_data(replace(KEY, user_id=BOB), {"floor": 2})

        assert await sessions.delete_owner(ADA) == 2
        assert await storage.get_data(replace(KEY, user_id=BOB)) == {"floor": 2}

    async def test_a_group_in_the_place_of_the_user_owns_nothing(
        self, storage: TypedStorage[Checkout], memory: MemoryStore
    ) -> None:
        await storage.set_state(replace(KEY, user_id=CLUB), Form.floor)

        assert [record.owner for record in await records(memory)] == [None]

    async def test_closing_it_closes_nothing_of_ours(
        self, storage: TypedStorage[Checkout], store: SQLAlchemyStore
    ) -> None:
        other = TypedStorage(Sessions(store), Checkout)
        await storage.close()
        await other.close()
        await other.set_state(KEY, Form.floor)

        assert await other.get_state(KEY) == "Form:floor"


class TestDestinies:
    async def test_one_without_a_model_holds_any_json(self, storage: TypedStorage[Checkout]) -> None:
        await storage.set_data(replace(KEY, destiny="other"), {"any": ["json"]})

        assert await storage.get_data(replace(KEY, destiny="other")) == {"any": ["json"]}

    async def test_one_with_a_model_is_checked_against_it(self, sessions: Sessions) -> None:
        storage = TypedStorage(sessions, Checkout, destinies={"delivery": Delivery})

        with pytest.raises(UnstorableValueError, match=r"session delivery #\w+ cannot be stored: data\.floor"):
            await storage.set_data(replace(KEY, destiny="delivery"), {"floor": "high"})

    async def test_the_history_of_scenes_keeps_values_as_the_model_declares_them(
        self, storage: TypedStorage[Checkout]
    ) -> None:
        scene = {"state": "ask", "data": {"when": datetime(2026, 1, 1, tzinfo=UTC)}}

        await storage.update_data(SCENES, {"history": [scene]})

        assert await storage.get_data(SCENES) == {"history": [scene]}

    async def test_the_history_of_scenes_is_upcast_with_the_model(
        self, storage: TypedStorage[Checkout], sessions: Sessions
    ) -> None:
        await storage.set_data(SCENES, {"history": [{"state": n, "data": {"street": n}} for n in ("one", "two")]})

        scenes = (await TypedStorage(sessions, Door).get_data(SCENES))["history"]

        assert scenes == [{"state": n, "data": {"address": n}} for n in ("one", "two")]

    async def test_a_history_of_scenes_of_newer_code_is_refused_as_its_records_are(
        self, storage: TypedStorage[Checkout], sessions: Sessions
    ) -> None:
        await TypedStorage(sessions, Door).set_data(SCENES, {"history": [{"state": "ask", "data": {"address": "Elm"}}]})

        with pytest.raises(NewerVersionError):
            await storage.get_data(SCENES)

    async def test_a_history_of_scenes_that_does_not_fit_the_model_is_refused(
        self, storage: TypedStorage[Checkout]
    ) -> None:
        with pytest.raises(UnstorableValueError, match=r"session checkout\.scenes #\w+ .*: data\.\*\.0\.data\.floor: "):
            await storage.set_data(SCENES, {"history": [{"state": "ask", "data": {"floor": "high"}}]})

    async def test_an_empty_history_of_scenes_is_deleted(
        self, storage: TypedStorage[Checkout], memory: MemoryStore
    ) -> None:
        await storage.set_data(SCENES, {"history": [{"state": None, "data": {}}]})
        await storage.set_data(SCENES, {})

        assert await records(memory) == []


class TestOpen:
    async def test_it_lends_the_record_and_saves_it(self, storage: TypedStorage[Checkout]) -> None:
        async with storage.open(KEY) as checkout:
            checkout.data["floor"] = 4
            checkout.state = "Form:floor"

        assert (await storage.get_state(KEY), await storage.get_data(KEY)) == ("Form:floor", {"floor": 4})

    async def test_what_is_set_meanwhile_in_the_same_task_is_in_it(self, storage: TypedStorage[Checkout]) -> None:
        async with storage.open(KEY) as checkout:
            checkout.data["floor"] = 4
            await storage.set_state(KEY, Form.floor)
            await storage.update_data(KEY, {"street": "Elm"})

            assert (checkout.state, checkout.data) == ("Form:floor", {"floor": 4, "street": "Elm"})
        assert await storage.get_data(KEY) == {"floor": 4, "street": "Elm"}

    async def test_it_belongs_to_the_user(self, storage: TypedStorage[Checkout], sessions: Sessions) -> None:
        async with storage.open(KEY) as checkout:
            checkout.data["floor"] = 4

        assert await sessions.delete_owner(ADA) == 1

    def test_it_takes_no_key_of_another_destiny(self, storage: TypedStorage[Checkout]) -> None:
        with pytest.raises(SessionDefinitionError, match="not of 'scenes_history'"):
            _ = storage.open(SCENES)


class TestGroups:
    NEW = -1009009009

    async def test_the_records_of_all_users_go_along(self, storage: TypedStorage[Checkout]) -> None:
        keys = [KEY, replace(KEY, user_id=BOB, thread_id=3), SCENES, replace(KEY, destiny="other")]
        for key in keys:
            await storage.set_state(key, "ask")
        await storage.set_state(replace(KEY, chat_id=ADA), "private")

        assert await storage.migrate_chat(BOT, CLUB, self.NEW) == (4, 0)
        assert [await storage.get_state(replace(key, chat_id=self.NEW)) for key in keys] == ["ask"] * 4
        assert [await storage.get_state(key) for key in keys] == [None] * 4
        assert await storage.get_state(replace(KEY, chat_id=ADA)) == "private"

    async def test_a_record_of_the_chat_itself_goes_along(self, storage: TypedStorage[Checkout]) -> None:
        await storage.set_state(replace(KEY, user_id=CLUB), Form.floor)

        await storage.migrate_chat(BOT, CLUB, self.NEW)

        assert await storage.get_state(replace(KEY, chat_id=self.NEW, user_id=self.NEW)) == "Form:floor"

    async def test_a_second_call_moves_nothing(self, storage: TypedStorage[Checkout]) -> None:
        await storage.set_state(KEY, Form.floor)
        await storage.migrate_chat(BOT, CLUB, self.NEW)

        assert await storage.migrate_chat(BOT, CLUB, self.NEW) == (0, 0)
        assert await storage.get_state(replace(KEY, chat_id=self.NEW)) == "Form:floor"

    async def test_a_record_with_data_is_never_replaced(self, storage: TypedStorage[Checkout]) -> None:
        await storage.set_data(KEY, {"floor": 1})
        await storage.set_data(replace(KEY, chat_id=self.NEW), {"floor": 2})

        assert await storage.migrate_chat(BOT, CLUB, self.NEW) == (0, 1)
        assert await storage.get_data(KEY) == {"floor": 1}
        assert await storage.get_data(replace(KEY, chat_id=self.NEW)) == {"floor": 2}

    async def test_neither_is_a_record_of_the_chat_itself(self, storage: TypedStorage[Checkout]) -> None:
        old, new = (StorageKey(bot_id=BOT, chat_id=chat, user_id=chat) for chat in (CLUB, self.NEW))
        await storage.set_data(old, {"floor": 1})
        await storage.set_data(new, {"floor": 2})

        assert await storage.migrate_chat(BOT, CLUB, self.NEW) == (0, 1)
        assert await storage.get_data(old) == {"floor": 1}

    async def test_another_bots_records_stay(self, storage: TypedStorage[Checkout]) -> None:
        await storage.set_state(replace(KEY, bot_id=8), Form.floor)

        assert await storage.migrate_chat(BOT, CLUB, self.NEW) == (0, 0)


class TestDefinitions:
    def test_data_must_be_declared(self) -> None:
        with pytest.raises(SessionDefinitionError, match="Bare has no data; declare it"):

            class Bare(FsmSession):  # pyright: ignore[reportUnusedClass]  # to make it is the act
                session_config = SessionConfig(name="bare")

    def test_more_than_state_and_data_has_no_place(self) -> None:
        with pytest.raises(SessionDefinitionError, match="Wide has step, tries, and an FSM keeps"):

            class Wide(FsmSession):  # pyright: ignore[reportUnusedClass]  # to make it is the act
                session_config = SessionConfig(name="wide")

                tries: int = 0
                step: int = 0
                data: CheckoutData = {}

    @pytest.mark.parametrize(
        ("model", "destinies", "problem"),
        [
            (Undeclared, {}, "Undeclared has no session_config"),
            (Listed, {}, "Listed has data that is no TypedDict"),
            (Checkout, {"other": Door}, "Checkout has the name 'checkout' of another model"),
            (Impostor, {}, "Impostor has the name 'fsm' of another model"),
            (Checkout, {"other": Impostor}, "Impostor has the name 'fsm' of another model"),
        ],
    )
    def test_models_that_cannot_be_kept_are_refused(
        self, sessions: Sessions, model: type[FsmSession], destinies: Mapping[str, type[FsmSession]], problem: str
    ) -> None:
        with pytest.raises(SessionDefinitionError, match=problem):
            TypedStorage(sessions, model, destinies=destinies)

    async def test_the_model_of_a_storage_without_one_is_public(self, sessions: Sessions) -> None:
        await TypedStorage(sessions).set_data(KEY, {"a": 1})

        assert [key async for key in sessions.keys(FsmState)] == [SessionKey.of("fsm", fsm_key(KEY))]
