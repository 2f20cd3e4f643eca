"""What grammY's `enhanceStorage` and its storages do: migrations, time to live, lists. They need no bot."""

from datetime import timedelta

import pytest

from typed_sessions import (
    History,
    JsonObject,
    MemoryStore,
    SessionConfig,
    SessionDefinitionError,
    SessionModel,
    Sessions,
    TooOldVersionError,
)
from typed_sessions.testing import SettableClock

HOUR = timedelta(hours=1)


class NamesOnly(SessionModel):
    """What was stored before there were steps."""

    session_config = SessionConfig(name="pets")

    pet_names: list[str] = []


class FirstStep(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {"pets": [{"name": name} for name in old["pet_names"]]}


class BothSteps(FirstStep):
    @staticmethod
    def v2_to_v3(old: JsonObject, /) -> JsonObject:
        return {"pets": [pet["name"].title() for pet in old["pets"]], "favourite": None}


class SecondStepOnly(History):
    """The first was given up, because nothing so old is stored any more."""

    oldest = 2
    v2_to_v3 = staticmethod(BothSteps.v2_to_v3)


class PetsAtTwo(SessionModel):
    session_config = SessionConfig(name="pets", version=2, history=FirstStep())

    pets: list[dict[str, str]] = []


class Pets(SessionModel):
    session_config = SessionConfig(name="pets", version=3, history=BothSteps())

    pets: list[str] = []
    favourite: str | None = None


class YoungPets(SessionModel):
    session_config = SessionConfig(name="pets", version=3, history=SecondStepOnly())

    pets: list[str] = []
    favourite: str | None = None


@pytest.fixture
def sessions(clock: SettableClock) -> Sessions:
    return Sessions(MemoryStore(), clock=clock)


class TestMigrations:
    async def test_data_from_before_the_first_step_goes_through_all(self, sessions: Sessions) -> None:
        await sessions.save("42", NamesOnly(pet_names=["rex"]))

        assert await sessions.load(Pets, "42") == Pets(pets=["Rex"])

    async def test_data_from_in_between_goes_through_the_rest(self, sessions: Sessions) -> None:
        await sessions.save("42", PetsAtTwo(pets=[{"name": "rex"}]))

        assert await sessions.load(Pets, "42") == Pets(pets=["Rex"])

    async def test_it_is_stored_in_its_new_form_when_a_turn_ends(self, sessions: Sessions) -> None:
        await sessions.save("42", NamesOnly(pet_names=["rex"]))

        async with sessions.open(Pets, "42"):
            pass

        assert (await sessions.open(Pets, "42")).stored_version == 3

    def test_a_step_between_two_others_cannot_be_left_out(self) -> None:
        class Gap(FirstStep):
            @staticmethod
            def v3_to_v4(old: JsonObject, /) -> JsonObject:
                return old

        with pytest.raises(SessionDefinitionError, match="Gap lacks v2_to_v3"):
            SessionConfig(name="pets", version=4, history=Gap())

    async def test_the_first_steps_may_be_given_up_and_nothing_so_old_is_mistaken(self, sessions: Sessions) -> None:
        await sessions.save("42", NamesOnly(pet_names=["rex"]))

        with pytest.raises(TooOldVersionError, match="has version 1 and the history starts at version 2"):
            await sessions.load(YoungPets, "42")


class Brief(SessionModel):
    session_config = SessionConfig(name="brief", ttl=HOUR)

    count: int = 0


class StaleBrief(SessionModel):
    """Its steps and its time to live are of one model."""

    session_config = SessionConfig(name="pets", version=3, history=BothSteps(), ttl=HOUR)

    pets: list[str] = []
    favourite: str | None = None


class TestTimeToLive:
    async def test_a_session_that_nobody_changed_is_gone(self, sessions: Sessions, clock: SettableClock) -> None:
        await sessions.save("42", Brief(count=1))
        clock.advance(HOUR)

        assert await sessions.load(Brief, "42") == Brief()

    async def test_every_change_lets_it_live_anew(self, sessions: Sessions, clock: SettableClock) -> None:
        await sessions.save("42", Brief(count=1))
        clock.advance(HOUR / 2)
        await sessions.save("42", Brief(count=2))
        clock.advance(HOUR / 2)

        assert await sessions.load(Brief, "42") == Brief(count=2)

    async def test_a_use_without_a_change_lets_it_live_only_if_asked_to(
        self, sessions: Sessions, clock: SettableClock
    ) -> None:
        await sessions.save("42", Brief(count=1))
        clock.advance(HOUR / 2)
        session = sessions.open(Brief, "42")
        async with session:
            await session.touch()
        clock.advance(HOUR / 2)

        assert await sessions.load(Brief, "42") == Brief(count=1)

    async def test_what_expired_is_deleted_without_being_read(self, sessions: Sessions, clock: SettableClock) -> None:
        await sessions.save("42", Brief(count=1))
        clock.advance(HOUR)

        assert await sessions.prune() == 1

    async def test_it_goes_together_with_steps(self, sessions: Sessions, clock: SettableClock) -> None:
        await sessions.save("42", NamesOnly(pet_names=["rex"]))
        async with sessions.open(StaleBrief, "42") as pets:
            pets.favourite = "Rex"
        clock.advance(HOUR)

        assert await sessions.load(StaleBrief, "42") == StaleBrief()


class TestListing:
    async def test_all_keys_are_listed(self, sessions: Sessions) -> None:
        await sessions.save(1, Brief(count=1))
        await sessions.save(2, Brief(count=2))

        assert [key.parts async for key in sessions.keys(Brief)] == [("1",), ("2",)]

    async def test_all_values_are_listed(self, sessions: Sessions) -> None:
        await sessions.save(1, Brief(count=1))
        await sessions.save(2, Brief(count=2))

        assert [data.count async for _, data in sessions.items(Brief)] == [1, 2]

    async def test_all_entries_are_listed(self, sessions: Sessions) -> None:
        await sessions.save(1, Brief(count=1))

        assert [(key.text, data.count) async for key, data in sessions.items(Brief)] == [("1", 1)]

    async def test_what_expired_is_not_listed(self, sessions: Sessions, clock: SettableClock) -> None:
        await sessions.save(1, Brief(count=1))
        clock.advance(HOUR)

        assert [key async for key in sessions.keys(Brief)] == []

    async def test_one_can_ask_whether_there_is_a_session(self, sessions: Sessions) -> None:
        await sessions.save(1, Brief(count=1))

        assert [(await sessions.open(Brief, key)).is_new for key in (1, 2)] == [False, True]
