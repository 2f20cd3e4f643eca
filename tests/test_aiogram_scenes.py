"""Scenes: their handlers and their actions get sessions."""

from collections.abc import AsyncIterator, Awaitable

import pytest
from aiogram import Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.fsm.scene import After, Scene, SceneRegistry, ScenesManager, on
from aiogram.types import CallbackQuery, Message

from tests.aiogram_bot import ADA, Cart, Prefs, Shop
from typed_sessions import MissingKeyError, Session, SessionDefinitionError
from typed_sessions.integrations.aiogram import per_user


class Shopping(Scene, state="shopping"):
    """A scene with all actions; each notes in the cart that it ran."""

    @on.message.enter()
    async def entered(self, _: Message, cart: Cart) -> None:
        cart.lines.append("entered")

    @on.message.leave()
    async def left(self, _: Message, cart: Cart) -> None:
        cart.lines.append("left")

    @on.message.exit()
    async def exited(self, _: Message, cart: Cart) -> None:
        cart.lines.append("exited")

    @on.message(Command("pay"), after=After.goto("paying"))
    async def pay(self, _: Message, cart: Cart) -> None:
        cart.lines.append("pays")

    @on.message(Command("again"))
    async def again(self, _: Message) -> None:
        await self.wizard.retake()

    @on.message(Command("stop"), after=After.exit())
    async def stop(self, _: Message) -> None: ...

    @on.message(Command("fail"))
    async def fail(self, _: Message, cart: Cart) -> None:
        cart.lines.append("fails")
        await self.wizard.goto("paying")
        raise RuntimeError

    @on.message()
    async def add(self, message: Message, cart: Cart) -> None:
        cart.lines.append(message.text or "")


class Paying(Scene, state="paying"):
    @on.message.enter()
    async def ask(self, _: Message, cart: Session[Cart], prefs: Awaitable[Prefs], order: Prefs | None) -> None:
        assert order is None
        (await prefs).favourite = cart.data.lines[-1]
        cart.data.lines.append("asked")

    @on.callback_query.enter()
    async def tapped(self, _: CallbackQuery, cart: Cart) -> None:
        cart.lines.append("tapped")

    @on.message(Command("back"), after=After.back())
    async def back(self, _: Message) -> None: ...


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    shop.middleware.bind(Cart).bind(Prefs, key=per_user).setup(shop.dispatcher)
    SceneRegistry(shop.dispatcher).add(Shopping, Paying)
    shop.dispatcher.message.register(Shopping.as_handler(), Command("shop"))
    shop.dispatcher.callback_query.register(Paying.as_handler())
    yield shop
    await shop.dispatcher.emit_shutdown()


async def said(shop: Shop, *texts: str) -> list[str]:
    for text in texts:
        await shop.hear(text)
    return await shop.cart()


async def test_an_action_that_is_entered_from_nowhere_gets_its_session(shop: Shop) -> None:
    assert await said(shop, "/shop") == ["entered"]
    assert shop.watched.saves == [1]


async def test_an_action_shares_the_session_of_the_handler_that_it_is_called_from(shop: Shop) -> None:
    assert await said(shop, "/shop", "funghi", "/pay") == ["entered", "funghi", "pays", "left", "asked"]


async def test_actions_get_sessions_in_all_manners(shop: Shop) -> None:
    await said(shop, "/shop", "/pay")

    assert await shop.prefs() == "left"


async def test_a_scene_may_be_retaken(shop: Shop) -> None:
    assert await said(shop, "/shop", "/again") == ["entered", "left", "entered"]


async def test_a_scene_may_be_left(shop: Shop) -> None:
    assert await said(shop, "/shop", "/stop") == ["entered", "exited"]


async def test_the_way_back_through_the_history_gets_its_session(shop: Shop) -> None:
    assert await said(shop, "/shop", "/pay", "/back") == ["entered", "pays", "left", "asked", "entered"]


async def test_what_an_action_changed_in_the_session_of_a_failed_handler_is_not_saved(shop: Shop) -> None:
    await shop.hear("/shop")

    with pytest.raises(RuntimeError):
        await shop.hear("/fail")

    assert await shop.cart() == ["entered"]


async def test_an_action_for_another_kind_of_update_gets_its_session(shop: Shop) -> None:
    await shop.feed(shop.updates.callback_query(ADA, "pay"))

    assert await shop.cart() == ["tapped"]


async def test_a_handler_of_ones_own_may_enter_a_scene(shop: Shop) -> None:
    async def enter(_: Message, scenes: ScenesManager, cart: Cart) -> None:
        cart.lines.append("before")
        await scenes.enter(Shopping)
        cart.lines.append("after")

    shop.dispatcher.message.register(enter, Command("enter"))

    assert await said(shop, "/enter") == ["before", "entered", "after"]
    assert shop.watched.saves == [1]


async def test_an_action_sees_a_session_that_its_handler_is_about_to_make(shop: Shop) -> None:
    class Looking(Scene, state="looking"):
        @on.message.enter()
        async def look(self, _: Message, cart: Cart | None) -> None:
            assert cart is not None
            cart.lines.append("seen")

    async def enter(_: Message, scenes: ScenesManager, cart: Cart) -> None:
        cart.lines.append("made")
        await scenes.enter(Looking)

    SceneRegistry(shop.dispatcher).add(Looking)
    shop.dispatcher.message.register(enter, Command("enter"))

    assert await said(shop, "/enter") == ["made", "seen"]


async def test_an_action_gets_a_new_session_if_its_handler_deleted_the_old_one(shop: Shop) -> None:
    async def enter(_: Message, scenes: ScenesManager, cart: Session[Cart]) -> None:
        await cart.delete()
        await scenes.enter(Shopping)

    await shop.put("old")
    shop.dispatcher.message.register(enter, Command("enter"))

    assert await said(shop, "/enter") == ["entered"]


async def test_a_scene_of_a_router_with_a_registry_of_its_own_is_served() -> None:
    shop, router = Shop(), Router()
    shop.middleware.bind(Cart).bind(Prefs).setup(shop.dispatcher)
    SceneRegistry(router).add(Shopping, Paying)
    router.message.register(Shopping.as_handler(), Command("shop"))
    shop.dispatcher.include_router(router)

    assert await said(shop, "/shop", "funghi") == ["entered", "funghi"]


async def test_a_scene_that_is_registered_while_the_bot_runs_is_served() -> None:
    shop = Shop()
    registry = SceneRegistry(shop.dispatcher)
    shop.middleware.bind(Cart).bind(Prefs).setup(shop.dispatcher)
    await shop.dispatcher.emit_startup()
    await shop.hear()
    registry.add(Shopping, Paying)
    shop.dispatcher.message.register(Shopping.as_handler(), Command("shop"))

    assert await said(shop, "/shop", "/pay") == ["entered", "pays", "left", "asked"]


async def test_a_scene_that_inherits_its_actions_is_served(shop: Shop) -> None:
    class Gifts(Shopping, state="gifts"):
        """Entered as its parent is."""

    SceneRegistry(shop.dispatcher).add(Gifts)
    shop.dispatcher.message.register(Gifts.as_handler(), Command("gifts"))

    assert await said(shop, "/gifts") == ["entered"]


async def test_an_action_without_a_key_says_so(shop: Shop) -> None:
    class Searching(Scene, state="searching"):
        @on.inline_query.enter()
        async def enter(self, _: object, cart: Cart) -> None: ...

    SceneRegistry(shop.dispatcher).add(Searching)
    shop.dispatcher.inline_query.register(Searching.as_handler())

    with pytest.raises(MissingKeyError) as caught:
        await shop.feed(shop.updates.inline_query(ADA, "pizza"))

    assert "Searching.enter" in caught.value.__notes__[0]


async def test_an_action_that_cannot_be_served_stops_the_start() -> None:
    shop = Shop()
    shop.middleware.bind(Cart).setup(shop.dispatcher)
    SceneRegistry(shop.dispatcher).add(Paying)

    with pytest.raises(SessionDefinitionError, match=r"Paying\.ask: `prefs: .*has no binding"):
        await shop.dispatcher.emit_startup()


async def test_an_action_of_a_registry_of_a_router_is_verified_too() -> None:
    shop, router = Shop(), Router()
    shop.middleware.setup(shop.dispatcher)
    SceneRegistry(router, register_on_add=False).add(Paying)
    shop.dispatcher.include_router(router)

    with pytest.raises(SessionDefinitionError, match=r"Paying\.ask: `cart: "):
        await shop.dispatcher.emit_startup()


class Unregistered(Scene, state="unregistered"):
    @on.message.leave()
    async def left(self, _: Message, cart: Cart) -> None:
        cart.lines.append("left")

    @on.message(Command("leave"))
    async def leave(self, _: Message) -> None:
        await self.wizard.leave()


async def test_an_action_of_a_scene_in_no_registry_is_verified_too() -> None:
    shop = Shop()
    shop.middleware.setup(shop.dispatcher)
    shop.dispatcher.include_router(Unregistered.as_router())

    with pytest.raises(SessionDefinitionError, match=r"Unregistered\.left: `cart: "):
        await shop.dispatcher.emit_startup()


async def test_an_action_of_a_scene_in_no_registry_gets_its_session(shop: Shop) -> None:
    shop.dispatcher.include_router(Unregistered.as_router())
    await shop.dispatcher.fsm.get_context(shop.bot, ADA.id, ADA.id).set_state("unregistered")

    assert await said(shop, "/leave") == ["left"]


async def test_scenes_work_under_a_dispatcher_without_sessions_too() -> None:
    class Plain(Scene, state="plain"):
        @on.message.enter()
        async def enter(self, _: Message, state: FSMContext, cart: Cart | None = None) -> None:
            await state.update_data(found=cart is not None)

    async def entered(under: Shop) -> dict[str, object]:
        SceneRegistry(under.dispatcher).add(Plain)
        under.dispatcher.message.register(Plain.as_handler(), Command("enter"))
        await under.hear("/enter")
        return await under.dispatcher.fsm.get_context(under.bot, ADA.id, ADA.id).get_data()

    shop = Shop()
    await shop.put("funghi")
    shop.middleware.bind(Cart).setup(shop.dispatcher)

    assert (await entered(shop), await entered(Shop())) == ({"found": True}, {"found": False})
