"""What grammY's session plugin does, feature by feature, done here. docs/coming-from/grammy.md names each class."""

import re
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeAlias

import pytest
from aiogram.dispatcher.middlewares.data import MiddlewareData
from aiogram.types import InlineQuery, Message

from tests.architecture import ROOT
from tests.coming_from_grammy import test_enhance_storage, test_promises
from tests.coming_from_grammy.shop import ADA, BOB, CLUB, Cart, Files, Prefs, Shop
from typed_sessions import (
    MemoryStore,
    MissingKeyError,
    Session,
    SessionConfig,
    SessionDefinitionError,
    SessionModel,
    Sessions,
    SimpleStore,
)
from typed_sessions.integrations.aiogram import KeyFunction, Place, SessionBinding, per_user, per_user_in_chat
from typed_sessions.key import KeyLike

FEATURES = (sys.modules[__name__], test_enhance_storage)


async def add(message: Message, cart: Cart) -> None:
    cart.pizzas.append(message.text or "")


async def look(_: Message, cart: Cart) -> list[str]:
    return cart.pizzas


async def like(message: Message, prefs: Prefs) -> None:
    prefs.favourite = message.text or ""


@pytest.fixture
def shop() -> Shop:
    """Has one cart for each chat."""
    shop = Shop()
    shop.middleware.bind(Cart)
    return shop.open()


def the_same_every_time() -> "Order":
    return MARGHERITA


class Order(SessionModel):
    session_config = SessionConfig(name="order", initial=the_same_every_time)

    pizzas: list[str]


MARGHERITA = Order(pizzas=["margherita"])


class TestInitial:
    async def test_a_chat_begins_with_the_defaults(self, shop: Shop) -> None:
        shop.dispatcher.message.register(look)

        assert await shop.hear() == []

    async def test_a_chat_begins_with_what_initial_makes(self) -> None:
        assert (await Sessions(MemoryStore()).load(Order, 1)).pizzas == ["margherita"]

    async def test_chats_share_nothing_even_if_initial_gives_the_same_object_every_time(self) -> None:
        sessions = Sessions(MemoryStore())

        async with sessions.open(Order, 1) as order:
            order.pizzas.append("funghi")

        assert (await sessions.load(Order, 2)).pizzas == ["margherita"]

    def test_a_session_that_could_not_begin_is_refused_where_it_is_declared(self) -> None:
        with pytest.raises(SessionDefinitionError, match="pizzas has no default; give it one, or SessionConfig"):

            class Endless(SessionModel):  # pyright: ignore[reportUnusedClass]  # the declaration raises
                session_config = SessionConfig(name="endless")

                pizzas: list[str]


class TestKeyPerChat:
    async def test_a_group_shares_one_session(self, shop: Shop) -> None:
        shop.dispatcher.message.register(add)

        await shop.hear("funghi", chat=CLUB)
        await shop.hear("diavola", person=BOB, chat=CLUB)

        assert (await shop.sessions.load(Cart, CLUB.id)).pizzas == ["funghi", "diavola"]

    async def test_each_private_chat_has_its_own(self, shop: Shop) -> None:
        shop.dispatcher.message.register(add)

        await shop.hear("funghi")
        await shop.hear("diavola", person=BOB)

        assert (await shop.sessions.load(Cart, ADA.id)).pizzas == ["funghi"]


Source: TypeAlias = Place[MiddlewareData]


def by_shop(place: Source) -> tuple[str, int]:
    return ("shop", place.chat)


def by_bot(place: Source) -> int:
    """A key of what aiogram knows of the event."""
    assert "bot" in place.source
    return place.source["bot"].id


async def by_shift(place: Source) -> tuple[str, int]:
    """A key that takes a look elsewhere first."""
    return (await shift_of(place.user), place.user)


async def shift_of(_: int) -> str:
    return "night"


KEYS: list[tuple[KeyFunction, KeyLike]] = [
    (per_user, ADA.id),
    (per_user_in_chat, (CLUB.id, ADA.id)),
    (by_shop, ("shop", CLUB.id)),
    (by_bot, 7009001),
    (by_shift, ("night", ADA.id)),
]


class TestGetSessionKey:
    @pytest.mark.parametrize(("key", "stored_under"), KEYS)
    async def test_a_function_says_which_session_it_is(self, key: KeyFunction, stored_under: KeyLike) -> None:
        shop = Shop()
        shop.middleware.bind(Cart, key=key)
        shop.open().dispatcher.message.register(add)

        await shop.hear("funghi", chat=CLUB)

        assert (await shop.sessions.load(Cart, stored_under)).pizzas == ["funghi"]


class TestNoKey:
    async def test_asking_for_a_session_where_there_is_no_key_is_an_error_and_reads_nothing(self, shop: Shop) -> None:
        async def search(_: InlineQuery, cart: Cart) -> int:
            return len(cart.pizzas)

        shop.dispatcher.inline_query.register(search)

        with pytest.raises(MissingKeyError, match="the event `inline_query` is from no chat; bind the session model"):
            await shop.ask()

        assert shop.traffic == (0, 0)

    async def test_a_handler_that_does_not_ask_runs(self, shop: Shop) -> None:
        async def search(query: InlineQuery) -> str:
            return query.query

        shop.dispatcher.inline_query.register(search)

        assert await shop.ask("funghi") == "funghi"

    async def test_a_handler_may_ask_for_it_only_if_there_is_one(self, shop: Shop) -> None:
        async def search(_: InlineQuery, cart: Cart | None) -> bool:
            return cart is None

        shop.dispatcher.inline_query.register(search)

        assert await shop.ask() is True

    async def test_a_key_function_may_say_that_there_is_no_session(self) -> None:
        shop = Shop()
        shop.middleware.bind(Cart, key=lambda _: None)
        shop.open().dispatcher.message.register(add)

        with pytest.raises(MissingKeyError, match="the key function gives None for the event `message`"):
            await shop.hear("funghi")


class TestPrefix:
    async def test_bots_of_two_prefixes_share_a_store(self) -> None:
        store = MemoryStore()

        await prefixed("pizzeria", store).hear("funghi")
        await prefixed("bakery", store).hear("focaccia")

        chat = str(ADA.id)
        assert {key.parts: cart.pizzas async for key, cart in Sessions(store).items(Cart)} == {
            ("pizzeria", chat): ["funghi"],
            ("bakery", chat): ["focaccia"],
        }

    async def test_a_prefix_may_be_listed(self) -> None:
        store = MemoryStore()
        await prefixed("pizzeria", store).hear("funghi")
        await prefixed("bakery", store).hear("focaccia")

        found = [cart.pizzas async for _, cart in Sessions(store).items(Cart, prefix="bakery")]

        assert found == [["focaccia"]]


def prefixed(prefix: str, store: MemoryStore) -> Shop:
    shop = Shop(store)
    shop.middleware.bind(Cart, key=lambda place: (prefix, place.chat))
    shop.open().dispatcher.message.register(add)
    return shop


class TestCustomStorage:
    async def test_three_methods_are_enough(self, tmp_path: Path) -> None:
        shop = Shop(SimpleStore(Files(tmp_path)))
        shop.middleware.bind(Cart)
        shop.open().dispatcher.message.register(add)

        await shop.hear("funghi")

        assert (await Sessions(SimpleStore(Files(tmp_path))).load(Cart, ADA.id)).pizzas == ["funghi"]


class TestDeletion:
    async def test_a_handler_deletes_its_session(self, shop: Shop) -> None:
        async def forget(_: Message, cart: Session[Cart]) -> None:
            await cart.delete()

        shop.dispatcher.message.register(forget)
        await shop.sessions.save(ADA.id, Cart(pizzas=["funghi"]))

        await shop.hear()

        assert [key async for key in shop.sessions.keys(Cart)] == []

    async def test_a_handler_replaces_its_session_as_a_whole(self, shop: Shop) -> None:
        async def start_anew(_: Message, cart: Session[Cart]) -> None:
            cart.data = Cart(pizzas=["margherita"])

        shop.dispatcher.message.register(start_anew)
        await shop.sessions.save(ADA.id, Cart(pizzas=["funghi"]))

        await shop.hear()

        assert (await shop.sessions.load(Cart, ADA.id)).pizzas == ["margherita"]


class TestHandlerThatRaises:
    async def test_nothing_is_written(self, shop: Shop) -> None:
        async def add_and_fail(_: Message, cart: Cart) -> None:
            cart.pizzas.append("funghi")
            raise RuntimeError("out of dough")

        shop.dispatcher.message.register(add_and_fail)

        with pytest.raises(RuntimeError, match="out of dough"):
            await shop.hear()

        assert shop.traffic == (1, 0)


class TestLazySessions:
    async def test_nothing_is_read_or_written_if_no_handler_takes_the_update(self, shop: Shop) -> None:
        await shop.hear()

        assert shop.traffic == (0, 0)

    async def test_nothing_is_read_or_written_before_it_is_awaited(self, shop: Shop) -> None:
        async def add_a_pizza(message: Message, cart: Awaitable[Cart]) -> None:
            if message.text == "pizza":
                (await cart).pizzas.append("pizza")

        shop.dispatcher.message.register(add_a_pizza)

        await shop.hear("pasta")

        assert shop.traffic == (0, 0)

    async def test_it_may_be_awaited_often_and_is_read_once(self, shop: Shop) -> None:
        async def look_twice(_: Message, cart: Awaitable[Cart]) -> bool:
            return await cart is await cart

        shop.dispatcher.message.register(look_twice)

        assert await shop.hear() is True
        assert shop.traffic == (1, 0)

    async def test_what_was_changed_is_written(self, shop: Shop) -> None:
        async def add_lazily(message: Message, cart: Awaitable[Cart]) -> None:
            (await cart).pizzas.append(message.text or "")

        shop.dispatcher.message.register(add_lazily)

        await shop.hear("funghi")

        assert shop.traffic == (1, 1)
        assert (await shop.sessions.load(Cart, ADA.id)).pizzas == ["funghi"]

    async def test_a_session_that_is_not_lazy_is_not_written_either_if_it_was_only_read(self, shop: Shop) -> None:
        shop.dispatcher.message.register(look)

        await shop.hear()

        assert shop.traffic == (1, 0)


@pytest.fixture
def pair() -> Shop:
    """Has one cart for each chat and preferences for each user."""
    shop = Shop()
    shop.middleware.bind(Cart, owner=per_user).bind(Prefs, key=per_user)
    return shop.open()


async def add_and_like(message: Message, cart: Cart, prefs: Prefs) -> None:
    cart.pizzas.append(prefs.favourite)
    prefs.favourite = message.text or ""


class TestMultiSessions:
    async def test_each_part_has_a_key_and_a_beginning_of_its_own(self, pair: Shop) -> None:
        pair.dispatcher.message.register(add_and_like)

        await pair.hear("funghi", chat=CLUB)

        assert (await pair.sessions.load(Cart, CLUB.id)).pizzas == ["none"]
        assert (await pair.sessions.load(Prefs, ADA.id)).favourite == "funghi"

    async def test_the_parts_take_one_read_and_one_transaction(self, pair: Shop) -> None:
        pair.dispatcher.message.register(add_and_like)

        await pair.hear("funghi")

        assert (pair.watched.loads, pair.watched.saves) == ([2], [2])

    async def test_a_part_that_a_handler_does_not_ask_for_is_not_read(self, pair: Shop) -> None:
        pair.dispatcher.message.register(like)

        await pair.hear("funghi")

        assert pair.watched.loads == [1]

    async def test_a_part_may_have_a_storage_of_its_own(self, tmp_path: Path) -> None:
        shop, elsewhere = Shop(), Sessions(SimpleStore(Files(tmp_path)))
        shop.middleware.bind(Cart).bind(SessionBinding(Prefs, key=per_user, sessions=elsewhere))
        shop.open().dispatcher.message.register(add_and_like)

        await shop.hear("funghi", chat=CLUB)

        assert (await shop.sessions.load(Cart, CLUB.id)).pizzas == ["none"]
        assert [key async for key in shop.sessions.keys(Prefs)] == []
        assert (await elsewhere.load(Prefs, ADA.id)).favourite == "funghi"

    async def test_a_handler_that_raises_changes_neither_storage(self) -> None:
        shop, elsewhere = Shop(), Sessions(MemoryStore())
        shop.middleware.bind(Cart).bind(SessionBinding(Prefs, key=per_user, sessions=elsewhere))

        async def breaks(message: Message, cart: Cart, prefs: Prefs) -> None:
            await add_and_like(message, cart, prefs)
            raise ConnectionError

        shop.open().dispatcher.message.register(breaks)

        with pytest.raises(ConnectionError):
            await shop.hear("funghi")
        assert [key async for key in shop.sessions.keys(Cart)] == []
        assert [key async for key in elsewhere.keys(Prefs)] == []

    async def test_a_handler_deletes_all_parts(self, pair: Shop) -> None:
        async def forget(_: Message, cart: Session[Cart], prefs: Session[Prefs]) -> None:
            await cart.delete()
            await prefs.delete()

        pair.dispatcher.message.register(forget)
        await pair.sessions.save(ADA.id, Cart(pizzas=["funghi"]))
        await pair.sessions.save(ADA.id, Prefs(favourite="funghi"))

        await pair.hear()

        assert await left(pair) == []

    async def test_a_person_is_forgotten_in_all_parts_and_chats(self, pair: Shop) -> None:
        pair.dispatcher.message.register(add_and_like)
        await pair.hear("funghi")
        await pair.hear("diavola", chat=CLUB)

        await pair.sessions.delete_owner(ADA.id)

        assert await left(pair) == []


async def left(shop: Shop) -> list[tuple[str, ...]]:
    """The keys of all sessions that are stored."""
    return [key.parts for model in (Cart, Prefs) async for key in shop.sessions.keys(model)]


def test_the_page_names_every_feature() -> None:
    page = (ROOT / "docs" / "coming-from" / "grammy.md").read_text()
    names = {name for module in FEATURES for name in vars(module) if name.startswith("Test")}

    assert set(re.findall(r"`(Test\w+)`", page)) == names


def test_the_page_names_every_promise() -> None:
    page = (ROOT / "docs" / "coming-from" / "grammy.md").read_text()
    names = {name for name in vars(test_promises) if name.startswith("test_")}

    assert set(re.findall(r"`(test_\w+)`", page)) == names
