"""`Session[Cart]`: the opened session itself."""

from collections.abc import Awaitable

import pytest
from aiogram.types import Message

from tests.aiogram_bot import ADA, Cart, Prefs, Shop
from typed_sessions import Session, SessionClosedError
from typed_sessions.integrations.aiogram import per_user


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.middleware.bind(Cart).bind(Prefs, key=per_user).setup(shop.dispatcher)
    return shop


async def test_the_data_of_the_session_is_saved_when_the_handler_returns(shop: Shop) -> None:
    async def add(message: Message, session: Session[Cart]) -> None:
        session.data.lines.append(message.text or "")

    shop.dispatcher.message.register(add)

    await shop.hear("funghi")

    assert await shop.cart() == ["funghi"]


async def test_the_session_can_be_deleted(shop: Shop) -> None:
    async def forget(_: Message, session: Session[Cart]) -> None:
        await session.delete()

    await shop.put("funghi")
    shop.dispatcher.message.register(forget)

    await shop.hear()

    assert [key async for key in shop.sessions.keys(Cart)] == []


async def test_the_data_can_be_replaced(shop: Shop) -> None:
    async def replace(_: Message, session: Session[Cart]) -> None:
        session.data = Cart(lines=["diavola"])

    await shop.put("funghi")
    shop.dispatcher.message.register(replace)

    await shop.hear()

    assert await shop.cart() == ["diavola"]


async def test_what_was_saved_before_the_handler_failed_stays(shop: Shop) -> None:
    async def fail(_: Message, session: Session[Cart]) -> None:
        session.data.lines.append("saved")
        await session.save()
        session.data.lines.append("lost")
        raise RuntimeError

    shop.dispatcher.message.register(fail)

    with pytest.raises(RuntimeError):
        await shop.hear()

    assert await shop.cart() == ["saved"]


async def test_session_data_and_all_other_manners_are_one_session(shop: Shop) -> None:
    async def look(_: Message, session: Session[Cart], cart: Cart, lazy: Awaitable[Cart], some: Cart | None) -> bool:
        return session.data is cart is await lazy is some

    await shop.put("funghi")
    shop.dispatcher.message.register(look)

    assert await shop.hear() is True
    assert shop.watched.loads == [1, 1]


async def test_a_session_is_new_until_it_is_saved(shop: Shop) -> None:
    async def look(_: Message, session: Session[Cart], prefs: Session[Prefs]) -> tuple[bool, bool]:
        return session.is_new, prefs.is_new

    await shop.put("funghi")
    shop.dispatcher.message.register(look)

    assert await shop.hear() == (False, True)


async def test_a_session_that_is_used_after_its_handler_raises(shop: Shop) -> None:
    kept: list[Session[Cart]] = []

    async def keep(_: Message, session: Session[Cart]) -> None:
        kept.append(session)

    shop.dispatcher.message.register(keep)
    await shop.hear()

    with pytest.raises(SessionClosedError, match="is over"):
        _ = kept[0].data


async def test_data_that_is_assigned_after_its_handler_raises(shop: Shop) -> None:
    kept: list[Cart] = []

    async def keep(_: Message, cart: Cart) -> None:
        kept.append(cart)

    shop.dispatcher.message.register(keep)
    await shop.hear()

    with pytest.raises(SessionClosedError, match="would be lost"):
        kept[0].lines = ["late"]


async def test_a_nested_open_of_the_handlers_session_joins_it(shop: Shop) -> None:
    async def nest(_: Message, cart: Cart) -> bool:
        async with shop.sessions.open(Cart, ADA.id) as inner:
            inner.lines.append("funghi")
        return inner is cart

    shop.dispatcher.message.register(nest)

    assert await shop.hear() is True
    assert (await shop.cart(), shop.watched.saves) == (["funghi"], [1])
