"""Sessions behind a real webhook on loopback."""

from collections.abc import AsyncIterator, Sequence

import pytest
from aiogram.methods import SendMessage
from aiogram.types import Message

from tests.aiogram_bot import ADA, Cart, Shop, WatchedStore
from typed_sessions import StoreUnavailableError
from typed_sessions.stores.protocol import Change, Outcome
from typed_sessions.testing.bots import BotApi, Conversation
from typed_sessions.testing.bots.aiogram import webhooked


class FailingStore(WatchedStore):
    """A store whose next saves fail."""

    failures = 0

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailableError("as the test wants it")
        return await super().save(changes)


async def add(message: Message, cart: Cart) -> SendMessage:
    cart.lines.append(message.text or "")
    return message.answer(f"{len(cart.lines)} in the cart")


@pytest.fixture
def store() -> FailingStore:
    return FailingStore()


@pytest.fixture
def shop(store: FailingStore) -> Shop:
    shop = Shop(store)
    shop.middleware.bind(Cart).setup(shop.dispatcher)
    shop.dispatcher.message.register(add)
    return shop


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi(pauses=[0.0, 0.0]) as api:
        yield api


@pytest.mark.parametrize("in_background", [False, True])
async def test_a_conversation_keeps_its_session(shop: Shop, api: BotApi, in_background: bool) -> None:
    async with webhooked(shop.dispatcher, api, handle_in_background=in_background):
        talk = Conversation(api, ADA)
        said = [answer.text for text in ("funghi", "diavola") for answer in await talk.say(text)]

    assert said == ["1 in the cart", "2 in the cart"]
    assert await shop.cart() == ["funghi", "diavola"]


async def test_an_update_whose_save_failed_is_delivered_again_and_answered_once(
    shop: Shop, store: FailingStore, api: BotApi
) -> None:
    store.failures = 1

    async with webhooked(shop.dispatcher, api):
        await Conversation(api, ADA).say("funghi")

    assert (await shop.cart(), [answer.text for answer in api.answers]) == (["funghi"], ["1 in the cart"])
