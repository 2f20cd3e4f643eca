import asyncio
from typing import ClassVar

import pytest
from pydantic_core import from_json

from tests.shop import CART, PREFS, UPCAST, YESTERDAY, Cart, Prefs, RecordingStore, Shop, held, put, stored
from typed_sessions import (
    NewerVersionError,
    SessionClosedError,
    SessionConflictError,
    SessionDefinitionError,
    SessionGroup,
    SessionKey,
    Sessions,
    SyncMemoryStore,
    SyncSessions,
    UnstorableValueError,
)
from typed_sessions.stores.protocol import Query

PATIENCE = 5.0


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def sessions(store: RecordingStore) -> Sessions:
    return Sessions(store, lock_timeout=5.0)


async def test_a_group_is_read_at_once_and_saved_in_one_transaction(store: RecordingStore, sessions: Sessions) -> None:
    async with sessions.open_group(Shop, "42") as shop:
        shop.cart.currency = "USD"
        shop.prefs.theme = "dark"

    assert [set(keys) for keys in store.loads] == [{CART, PREFS}]
    assert [{change.key for change in changes} for changes in store.saves] == [{CART, PREFS}]


async def test_only_what_changed_is_saved(store: RecordingStore, sessions: Sessions) -> None:
    async with sessions.open_group(Shop, "42") as shop:
        shop.prefs.theme = "dark"

    assert [key for key, _ in await store.scan(Query())] == [PREFS]


async def test_each_session_may_have_a_key_of_its_own(store: RecordingStore, sessions: Sessions) -> None:
    async with sessions.open_group(Shop, "42", keys={"prefs": ("user", 7)}, owner=7) as shop:
        shop.cart.currency = shop.prefs.theme = "x"

    rows = dict(await store.scan(Query()))
    assert set(rows) == {CART, SessionKey("prefs", "user/7")}
    assert {record.owner for record in rows.values()} == {"7"}


async def test_a_session_that_cannot_be_stored_saves_none_of_the_group(
    store: RecordingStore, sessions: Sessions
) -> None:
    with pytest.raises(UnstorableValueError):
        async with sessions.open_group(Shop, "42") as shop:
            shop.cart.currency = "USD"
            shop.prefs.theme = "\0"

    assert store.saves == []


async def test_a_block_that_raises_saves_none_of_the_group(store: RecordingStore, sessions: Sessions) -> None:
    with pytest.raises(ZeroDivisionError):
        async with sessions.open_group(Shop, "42") as shop:
            shop.cart.currency = "USD"
            _ = 1 / 0

    assert store.saves == []


async def test_a_conflict_in_one_session_saves_none_of_the_group(store: RecordingStore, sessions: Sessions) -> None:
    with pytest.raises(SessionConflictError) as caught:
        async with sessions.open_group(Shop, "42") as shop:
            shop.cart.currency = "USD"
            shop.prefs.theme = "dark"
            await Sessions(store).save("42", Prefs(theme="red"))

    assert caught.value.key == PREFS
    assert [key for key, _ in await store.scan(Query())] == [PREFS]


async def test_a_mergeable_conflict_in_one_session_saves_all_of_the_group(
    store: RecordingStore, sessions: Sessions
) -> None:
    async with sessions.open_group(Shop, "42") as shop:
        shop.cart.currency = "USD"
        shop.prefs.theme = "dark"
        await Sessions(store).save("42", Prefs(sizes={"x": 1.0}))

    assert await sessions.load(Prefs, "42") == Prefs(theme="dark", sizes={"x": 1.0})
    assert (await sessions.load(Cart, "42")).currency == "USD"


async def test_an_upcast_that_lost_its_race_does_not_keep_the_group_from_being_saved(
    store: RecordingStore, sessions: Sessions
) -> None:
    await put(store, CART, stored(YESTERDAY, version=1))

    async with sessions.open_group(Shop, "42") as shop:
        shop.prefs.theme = "dark"
        async with Sessions(store).open(Cart, "42"):
            pass

    assert (await sessions.load(Prefs, "42")).theme == "dark"
    record = await held(store, CART)
    assert record is not None
    assert (record.revision, from_json(record.data)) == (8, UPCAST)


async def test_a_session_is_replaced_by_assigning_it(sessions: Sessions) -> None:
    async with sessions.open_group(Shop, "42") as shop:
        shop.cart = Cart(currency="USD")

    assert (await sessions.load(Cart, "42")).currency == "USD"


async def test_a_replacement_of_another_model_is_refused_and_frees_the_keys(
    store: RecordingStore, sessions: Sessions
) -> None:
    with pytest.raises(TypeError, match="is a Cart, not a Prefs"):
        async with sessions.open_group(Shop, "42") as shop:
            shop.prefs.theme = "dark"
            shop.cart = Prefs()  # type: ignore[assignment]  # the very mistake

    assert store.saves == []
    async with sessions.open_group(Shop, "42"):
        pass


async def test_the_sessions_of_a_group_can_be_handled_one_by_one(store: RecordingStore, sessions: Sessions) -> None:
    await put(store, CART, stored(UPCAST))
    group = sessions.open_group(Shop, "42")

    async with group as shop:
        await group.sessions["cart"].delete()
        shop.prefs.theme = "dark"

    assert [key for key, _ in await store.scan(Query())] == [PREFS]


async def test_a_group_that_cannot_be_read_frees_its_keys(store: RecordingStore, sessions: Sessions) -> None:
    await put(store, CART, stored({}, version=99))
    with pytest.raises(NewerVersionError):
        await sessions.open_group(Shop, "42").__aenter__()

    async with sessions.open(Prefs, "42") as prefs:
        prefs.theme = "dark"

    assert (await sessions.load(Prefs, "42")).theme == "dark"


class Broken(SessionGroup):
    cart: Cart
    prefs: Prefs

    def __init__(self) -> None:
        raise ZeroDivisionError


async def test_a_group_whose_class_cannot_be_made_frees_its_keys(sessions: Sessions) -> None:
    with pytest.raises(ZeroDivisionError):
        await sessions.open_group(Broken, "42").__aenter__()

    assert await asyncio.wait_for(asyncio.create_task(theme_in_a_turn(sessions)), PATIENCE) == "light"


async def test_a_group_with_a_session_that_is_deleted_inside_it_frees_its_keys(sessions: Sessions) -> None:
    outer = sessions.open(Cart, "42")
    async with outer:
        await outer.delete()
        async with sessions.open_group(Shop, "42") as shop:
            assert shop.cart == Cart()

        assert await asyncio.wait_for(asyncio.create_task(theme_in_a_turn(sessions)), PATIENCE) == "light"


async def test_a_group_with_a_member_that_was_changed_before_frees_its_keys(sessions: Sessions) -> None:
    async with sessions.open(Cart, "42"):
        group = sessions.open_group(Shop, "42")
        (await group.sessions["cart"].load()).currency = "USD"
        with pytest.raises(SessionClosedError, match="changed before it was entered"):
            await group.__aenter__()

        assert await asyncio.wait_for(asyncio.create_task(theme_in_a_turn(sessions)), PATIENCE) == "light"


async def theme_in_a_turn(sessions: Sessions) -> str:
    async with sessions.open(Prefs, "42") as prefs:
        return prefs.theme


async def test_a_turn_takes_no_session_of_another_store(sessions: Sessions, store: RecordingStore) -> None:
    stranger = Sessions(store).open(Cart, "42")

    with pytest.raises(SessionDefinitionError, match="one Sessions"):
        sessions.turn(stranger, sessions.open(Prefs, "42"))


async def test_a_group_cannot_be_entered_again_and_frees_its_keys(sessions: Sessions) -> None:
    group = sessions.open_group(Shop, "42")
    async with group:
        pass

    with pytest.raises(SessionClosedError, match="was entered before"):
        await group.__aenter__()
    async with sessions.open_group(Shop, "42") as shop:
        assert shop.cart == Cart()


async def test_a_nested_open_of_one_session_joins_the_group(store: RecordingStore, sessions: Sessions) -> None:
    async with sessions.open_group(Shop, "42") as shop, sessions.open(Cart, "42") as cart:
        assert cart is shop.cart
        cart.currency = "USD"

    assert len(store.saves) == 1


async def test_sessions_may_be_opened_together_on_the_spot(store: RecordingStore, sessions: Sessions) -> None:
    one, other = sessions.open(Cart, 1), sessions.open(Cart, 2)

    async with sessions.turn(one, other):
        one.data.customer_id = other.data.customer_id = 7

    assert (len(store.loads), len(store.saves)) == (1, 1)
    assert [cart.customer_id async for _, cart in sessions.items(Cart)] == [7, 7]


async def test_a_session_that_is_named_twice_is_opened_once(store: RecordingStore, sessions: Sessions) -> None:
    await put(store, CART, stored(UPCAST))
    session = sessions.open(Cart, "42")

    async with sessions.turn(session, session):
        session.data.customer_id = 8

    assert (await sessions.load(Cart, "42")).customer_id == 8


async def test_a_session_that_is_over_is_not_taken_along(store: RecordingStore, sessions: Sessions) -> None:
    over, fresh = sessions.open(Cart, 1), sessions.open(Cart, 2)
    async with over:
        pass

    with pytest.raises(SessionClosedError, match="was entered before"):
        await sessions.turn(fresh, over).__aenter__()
    async with fresh as cart:
        cart.currency = "USD"

    assert len(store.saves) == 1


class Nothing(SessionGroup):
    pass


class Stranger(SessionGroup):
    cart: Cart
    name: str


class Twice(SessionGroup):
    one: Cart
    other: Cart


class Noted(Shop):
    note: ClassVar[str] = "kept apart"


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        (Nothing, "Nothing: it names no session model; annotate attributes like"),
        (Stranger, "Stranger: name is no session model"),
        (Noted, "Noted: note is no session model"),
        (Twice, "one and other are the same session; give one of them another key"),
    ],
)
async def test_a_group_that_cannot_work_is_refused(sessions: Sessions, group: type[SessionGroup], reason: str) -> None:
    with pytest.raises(SessionDefinitionError, match=reason):
        sessions.open_group(group, "42")


async def test_the_same_model_may_be_taken_under_two_keys(sessions: Sessions) -> None:
    async with sessions.open_group(Twice, "42", keys={"other": "43"}) as both:
        both.one.customer_id, both.other.customer_id = 1, 2

    assert [cart.customer_id async for _, cart in sessions.items(Cart)] == [1, 2]


async def test_a_key_for_an_attribute_that_does_not_exist_is_refused(sessions: Sessions) -> None:
    with pytest.raises(SessionDefinitionError, match="Shop has no cartt; it has cart, prefs"):
        sessions.open_group(Shop, "42", keys={"cartt": 1})


def test_a_group_works_for_threads() -> None:
    sessions = SyncSessions(SyncMemoryStore())

    with sessions.open_group(Shop, "42", keys={"prefs": 7}) as shop:
        shop.cart.currency = "USD"
        shop.prefs = Prefs(theme="dark")

    assert (sessions.load(Cart, "42").currency, sessions.load(Prefs, 7).theme) == ("USD", "dark")
