"""Visits: nothing is stored before there is something to keep, and what is kept is saved at once and together."""

from datetime import timedelta

import pytest

from tests.shop import RecordingStore
from tests.visitors import DAY, VISIT, Cart, FailingStore, Prefs, Visitor, row, rows, visits_on
from typed_sessions import (
    MemoryStore,
    SessionClosedError,
    SessionConfig,
    SessionDefinitionError,
    SessionKey,
    SessionModel,
    Sessions,
    StoreUnavailableError,
    UnstorableValueError,
)
from typed_sessions.integrations.web import Cookie, Visits
from typed_sessions.integrations.web.ids import digest, mint
from typed_sessions.stores.protocol import Delete, Insert
from typed_sessions.testing import SettableClock


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def visits(store: RecordingStore, clock: SettableClock) -> Visits:
    return visits_on(store, clock)


@pytest.fixture
def visitor(visits: Visits) -> Visitor:
    return Visitor(visits)


async def test_a_request_that_asks_nothing_reads_nothing(visitor: Visitor, store: RecordingStore) -> None:
    await visitor.add("pizza")
    store.loads.clear()
    async with visitor.request():
        pass

    assert store.loads == []
    assert visitor.told == []


async def test_an_anonymous_visit_that_writes_nothing_makes_no_row_and_no_cookie(
    visitor: Visitor, store: RecordingStore
) -> None:
    async with visitor.request() as visit:
        assert (await visit.data(Cart)).lines == []
        assert await visit.is_new()
        assert await visit.owner() is None

    assert await rows(store) == {}
    assert visitor.told == []
    assert (store.loads, store.saves) == ([], [])


async def test_what_is_written_is_there_with_the_next_request(visitor: Visitor) -> None:
    await visitor.add("pizza")

    assert await visitor.lines() == ["pizza"]


async def test_a_clean_read_writes_nothing(visitor: Visitor, store: RecordingStore) -> None:
    await visitor.add("pizza")
    store.saves.clear()
    async with visitor.request() as visit:
        await visit.data(Cart)
        await visit.data(Prefs)

    assert store.saves == []
    assert visitor.told == []


async def test_all_that_a_visit_has_is_read_in_one_batch(visitor: Visitor, store: RecordingStore) -> None:
    await visitor.add("pizza")
    store.loads.clear()
    async with visitor.request() as visit:
        await visit.data(Cart)
        await visit.data(Prefs)
        await visit.owner()

    assert len(store.loads) == 1


async def test_all_that_changed_is_saved_in_one_transaction(visitor: Visitor, store: RecordingStore) -> None:
    async with visitor.request() as visit:
        (await visit.data(Cart)).lines.append("pizza")
        (await visit.data(Prefs)).language = "it"

    assert [len(changes) for changes in store.saves] == [3]


async def test_what_is_kept_is_under_the_digest_of_the_id_only(visitor: Visitor, store: RecordingStore) -> None:
    await visitor.add("pizza")

    assert await rows(store) == {"cart": [digest(visitor.id)], VISIT: [digest(visitor.id)]}


async def test_an_id_that_the_store_does_not_know_is_not_adopted(visits: Visits, store: RecordingStore) -> None:
    planted = mint()
    victim = Visitor(visits, planted)
    await victim.add("pizza")

    assert victim.id != planted
    assert await rows(store) == {"cart": [digest(victim.id)], VISIT: [digest(victim.id)]}


async def test_what_is_stored_is_no_id(visitor: Visitor, store: RecordingStore) -> None:
    await visitor.add("pizza")
    store.loads.clear()
    thief = Visitor(visitor.visits, digest(visitor.id))

    assert await thief.lines() == []
    assert store.loads == []


async def test_sessions_without_their_visit_are_not_read(visitor: Visitor, store: RecordingStore) -> None:
    await visitor.add("pizza")
    await store.save([Delete(SessionKey(VISIT, digest(visitor.id)))])

    assert await visitor.lines() == []


async def test_each_of_several_ids_is_tried(visitor: Visitor) -> None:
    await visitor.add("pizza")
    visitor.jar[visitor.visits.cookie.name] = ["no id", mint(), visitor.id, mint()]

    assert await visitor.lines() == ["pizza"]


async def test_the_first_of_two_visits_counts(visits: Visits) -> None:
    one, other = Visitor(visits), Visitor(visits)
    await one.add("pizza")
    await other.add("pasta")
    both = Visitor(visits)
    both.jar[visits.cookie.name] = [one.id, other.id]

    assert await both.lines() == ["pizza"]


async def test_a_session_is_the_same_object_for_all_who_ask_in_a_request(visitor: Visitor) -> None:
    async with visitor.request() as visit:
        assert await visit.data(Cart) is await visit.data(Cart)
        assert await visit.session(Cart) is await visit.session(Cart)
        assert (await visit.session(Cart)).data is await visit.data(Cart)


async def test_the_id_of_a_new_visit_is_the_one_that_it_gets(visitor: Visitor) -> None:
    async with visitor.request() as visit:
        id_ = await visit.id()
        (await visit.data(Cart)).lines.append("pizza")

    assert visitor.id == id_


@pytest.mark.parametrize(("status", "stored"), [(200, 1), (302, 1), (404, 1), (499, 1), (500, 0), (503, 0)])
async def test_it_is_saved_by_the_status(visitor: Visitor, status: int, stored: int) -> None:
    async with visitor.request(status=status) as visit:
        (await visit.data(Cart)).lines.append("pizza")

    assert len(await visitor.lines()) == stored


async def test_a_handler_that_raises_saves_nothing(visitor: Visitor, store: RecordingStore) -> None:
    with pytest.raises(ZeroDivisionError):
        async with visitor.request() as visit:
            (await visit.data(Cart)).lines.append("pizza")
            raise ZeroDivisionError

    assert await rows(store) == {}


async def test_save_acts_at_once_whatever_the_status_is_later(visitor: Visitor) -> None:
    async with visitor.request(status=500) as visit:
        (await visit.data(Cart)).lines.append("pizza")
        await visit.save()
        (await visit.data(Cart)).lines.append("pasta")

    assert await visitor.lines() == ["pizza"]


async def test_a_failed_save_can_be_repeated(clock: SettableClock) -> None:
    store = FailingStore()
    visitor = Visitor(visits_on(store, clock))
    async with visitor.request() as visit:
        (await visit.data(Cart)).lines.append("pizza")
        store.failure = StoreUnavailableError("down")
        with pytest.raises(StoreUnavailableError):
            await visit.save()
        store.failure = None

    assert await visitor.lines() == ["pizza"]


async def test_a_save_that_could_not_be_leaves_no_empty_visit(visitor: Visitor, store: RecordingStore) -> None:
    async with visitor.request() as visit:
        (await visit.data(Cart)).note = "\0"
        with pytest.raises(UnstorableValueError):
            await visit.save()
        (await visit.data(Cart)).note = ""

    assert await rows(store) == {}


async def test_a_save_that_failed_and_is_not_wanted_any_more_leaves_no_empty_visit(clock: SettableClock) -> None:
    store = FailingStore()
    visitor = Visitor(visits_on(store, clock))
    async with visitor.request() as visit:
        (await visit.data(Cart)).lines.append("pizza")
        store.failure = StoreUnavailableError("down")
        with pytest.raises(StoreUnavailableError):
            await visit.save()
        store.failure = None
        (await visit.data(Cart)).lines.clear()

    assert await rows(store) == {}


async def test_a_failed_save_is_no_good_response(clock: SettableClock) -> None:
    store = FailingStore()
    visitor = Visitor(visits_on(store, clock))
    with pytest.raises(StoreUnavailableError):
        async with visitor.request() as visit:
            (await visit.data(Cart)).lines.append("pizza")
            store.failure = StoreUnavailableError("down")

    assert visitor.told == []


async def test_a_read_that_fails_is_no_empty_visit(clock: SettableClock) -> None:
    store = FailingStore()
    visitor = Visitor(visits_on(store, clock))
    await visitor.add("pizza")
    store.failure = StoreUnavailableError("down")
    with pytest.raises(StoreUnavailableError):
        await visitor.lines()
    store.failure = None

    assert await visitor.lines() == ["pizza"]


class TestAfterTheResponse:
    async def test_a_change_is_saved_late(self, visitor: Visitor) -> None:
        await visitor.add("pizza")
        async with visitor.request() as visit:
            cart = await visit.data(Cart)
            await visit.finish(is_good=True)
            cart.lines.append("pasta")

        assert await visitor.lines() == ["pizza", "pasta"]

    async def test_a_session_that_was_not_there_is_saved_late_too(self, visitor: Visitor) -> None:
        await visitor.add("pizza")
        async with visitor.request() as visit:
            await visit.data(Cart)
            await visit.finish(is_good=True)
            (await visit.data(Prefs)).language = "it"

        async with visitor.request() as visit:
            assert (await visit.data(Prefs)).language == "it"

    async def test_the_first_change_of_a_visit_raises_instead_of_being_lost(
        self, visitor: Visitor, store: RecordingStore
    ) -> None:
        with pytest.raises(SessionClosedError, match="cookie cannot be sent"):
            async with visitor.request() as visit:
                await visit.finish(is_good=True)
                (await visit.data(Cart)).lines.append("pizza")

        assert await rows(store) == {}

    @pytest.mark.parametrize("act", ["login", "rotate"])
    async def test_a_new_id_is_refused(self, visitor: Visitor, act: str) -> None:
        await visitor.login(7)
        async with visitor.request() as visit:
            await visit.finish(is_good=True)
            with pytest.raises(SessionClosedError):
                await (visit.login(8) if act == "login" else visit.rotate())

        assert await visitor.owner() == "7"

    async def test_data_refuses_to_be_used_when_the_request_is_over(self, visitor: Visitor) -> None:
        async with visitor.request() as visit:
            cart = await visit.data(Cart)

        with pytest.raises(SessionClosedError):
            cart.note = "late"
        with pytest.raises(SessionClosedError):
            await visit.data(Cart)

    async def test_a_visit_that_was_not_read_is_not_read_any_more(self, visitor: Visitor) -> None:
        async with visitor.request() as visit:
            pass

        with pytest.raises(SessionClosedError):
            await visit.owner()

    @pytest.mark.parametrize("end", ["sealed", "over"])
    async def test_a_logout_lends_nothing_anew(self, visitor: Visitor, end: str) -> None:
        await visitor.login(7)
        async with visitor.request() as visit:
            await visit.data(Cart)
            await visit.finish(is_good=True)
            if end == "sealed":
                visit.seal()
            else:
                await visit.end(is_good=True)
            await visit.logout()

            with pytest.raises(SessionClosedError):
                await visit.data(Cart)

        assert await visitor.owner() is None


class TestTheHandle:
    async def test_save_keeps_a_new_visit_as_a_whole(self, visitor: Visitor, store: RecordingStore) -> None:
        async with visitor.request(status=500) as visit:
            await (await visit.session(Cart)).save()

        assert await rows(store) == {"cart": [digest(visitor.id)], VISIT: [digest(visitor.id)]}
        assert (await row(store, "cart", visitor.id)).expires_at is not None

    async def test_save_keeps_nothing_else(self, visitor: Visitor, store: RecordingStore) -> None:
        async with visitor.request(status=500) as visit:
            (await visit.data(Prefs)).language = "it"
            (await visit.data(Cart)).lines.append("pizza")
            await (await visit.session(Cart)).save()

        assert (await rows(store)).keys() == {"cart", VISIT}

    async def test_a_nested_turn_of_the_same_key_saves_the_visit_too(
        self, visitor: Visitor, store: RecordingStore
    ) -> None:
        async with visitor.request() as visit:
            session = await visit.session(Cart)
            inner = visitor.visits.sessions.open(Cart, session.key)
            async with inner as cart:
                cart.lines.append("pizza")
                await inner.save()

        assert (await rows(store)).keys() == {"cart", VISIT}
        assert await visitor.lines() == ["pizza"]

    async def test_delete_deletes_one_session_and_the_next_is_new(self, visitor: Visitor) -> None:
        await visitor.add("pizza")
        async with visitor.request() as visit:
            await (await visit.session(Cart)).delete()
            (await visit.data(Cart)).lines.append("pasta")

        assert await visitor.lines() == ["pasta"]

    async def test_delete_leaves_the_visit(self, visitor: Visitor) -> None:
        await visitor.login(7)
        await visitor.add("pizza")
        async with visitor.request() as visit:
            await (await visit.session(Cart)).delete()

        assert await visitor.lines() == []
        assert await visitor.owner() == "7"

    async def test_rotate_would_take_a_session_out_of_the_visit_and_is_refused(self, visitor: Visitor) -> None:
        await visitor.add("pizza")
        async with visitor.request() as visit:
            with pytest.raises(SessionDefinitionError, match="rotate the visit"):
                await (await visit.session(Cart)).rotate("mine")

        assert await visitor.lines() == ["pizza"]

    async def test_a_session_cannot_be_entered_again(self, visitor: Visitor) -> None:
        async with visitor.request() as visit:
            with pytest.raises(SessionClosedError):
                await (await visit.session(Cart)).__aenter__()

    async def test_its_data_may_be_replaced(self, visitor: Visitor) -> None:
        async with visitor.request() as visit:
            (await visit.session(Cart)).data = Cart(lines=["pizza"])

        assert await visitor.lines() == ["pizza"]


class TestAnOuterTurn:
    async def test_its_session_is_joined_and_saved_by_it(self, visitor: Visitor) -> None:
        await visitor.add("pizza")
        async with visitor.request() as visit:
            key = SessionKey("cart", digest(await visit.id()))
            async with visitor.visits.sessions.open(Cart, key) as outer:
                assert await visit.data(Cart) is outer
                outer.lines.append("pasta")

        assert await visitor.lines() == ["pizza", "pasta"]

    async def test_a_session_made_anew_inside_of_it_is_the_visits(
        self, visitor: Visitor, store: RecordingStore
    ) -> None:
        await visitor.add("pizza")
        async with visitor.request() as visit:
            key = SessionKey("cart", digest(await visit.id()))
            async with visitor.visits.sessions.open(Cart, key):
                await (await visit.session(Cart)).delete()
                (await visit.data(Cart)).lines.append("pasta")

        assert (await row(store, "cart", visitor.id)).data == b'{"lines":["pasta"],"currency":"EUR","note":""}'

    @pytest.mark.parametrize("act", ["login", "rotate", "logout"])
    async def test_the_visit_does_not_move_away_under_it(self, visitor: Visitor, act: str) -> None:
        await visitor.add("pizza")
        async with visitor.request() as visit:
            key = SessionKey("cart", digest(await visit.id()))
            async with visitor.visits.sessions.open(Cart, key):
                await visit.data(Cart)
                with pytest.raises(SessionDefinitionError, match="end that before"):
                    await (visit.login(7) if act == "login" else visit.rotate() if act == "rotate" else visit.logout())

        assert await visitor.lines() == ["pizza"]


class Other(SessionModel):
    session_config = SessionConfig(name="other")


class SameName(SessionModel):
    session_config = SessionConfig(name="cart")


async def test_a_model_that_the_visits_do_not_have_is_refused(visitor: Visitor) -> None:
    async with visitor.request() as visit:
        with pytest.raises(SessionDefinitionError, match="models="):
            await visit.data(Other)


@pytest.mark.parametrize(
    ("models", "settings", "problem"),
    [
        ([Cart, SameName], {}, "two models of a visit have the name cart"),
        ([int], {}, "int"),
        ([Cart], {"idle": timedelta(0)}, "idle must be longer"),
        ([Cart], {"idle": 2 * DAY, "absolute": DAY}, "absolute not shorter"),
        ([Cart], {"grace": -DAY}, "grace must not be negative"),
        ([Cart], {"signing_keys": "x" * 32}, "list of keys"),
    ],
)
def test_visits_that_cannot_work_are_refused(models: list[type], settings: dict[str, object], problem: str) -> None:
    with pytest.raises(SessionDefinitionError, match=problem):
        Visits(Sessions(MemoryStore()), models, **settings)  # type: ignore[arg-type]  # that is what is tested


def test_visits_take_sessions_and_no_store() -> None:
    with pytest.raises(SessionDefinitionError, match=r"Visits takes Sessions or SyncSessions, not a MemoryStore"):
        Visits(MemoryStore(), [Cart])  # type: ignore[arg-type]  # that is what is tested


class TestSeveralCookies:
    """Two `Visits` in one store, such as those of customers and of the staff."""

    async def test_an_id_of_one_is_nothing_to_the_other(self, store: RecordingStore, clock: SettableClock) -> None:
        visits, staff = visits_on(store, clock), visits_on(store, clock, Prefs, cookie=Cookie(name="staff"))
        customer = Visitor(visits)
        await customer.login(7)
        intruder = Visitor(staff, customer.id)

        assert await intruder.owner() is None

    async def test_logging_out_everywhere_ends_those_of_one_only(
        self, store: RecordingStore, clock: SettableClock
    ) -> None:
        visits, staff = visits_on(store, clock), visits_on(store, clock, Prefs, cookie=Cookie(name="staff"))
        customer, employee = Visitor(visits), Visitor(staff)
        await customer.login(7)
        await employee.login(7)

        assert await visits.logout_everywhere(7) == 1
        assert await employee.owner() == "7"
        assert await customer.owner() is None


async def test_what_a_visit_was_made_of_is_inserted_and_nothing_updated(
    visitor: Visitor, store: RecordingStore
) -> None:
    await visitor.add("pizza")

    assert {type(change) for changes in store.saves for change in changes} == {Insert}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"idle": 3600}, r"idle is a timedelta, as in idle=timedelta\(seconds=3600\)"),
        ({"absolute": 1.5}, "absolute is a timedelta"),
        ({"models": Cart}, r"the models of visits are a list; write models=\[Cart\]"),
    ],
)
def test_what_is_of_the_wrong_type_is_refused_with_what_to_write(settings: dict[str, object], said: str) -> None:
    with pytest.raises(SessionDefinitionError, match=said):
        Visits(**{"sessions": Sessions(MemoryStore()), "models": [Cart], **settings})  # type: ignore[arg-type]  # that is it
