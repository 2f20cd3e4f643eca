"""The aiogram middleware, seen through a real dispatcher."""

import asyncio
import subprocess
import sys
from contextlib import suppress

import pytest
from aiogram import F, Router
from aiogram.dispatcher.event.bases import CancelHandler, SkipHandler
from aiogram.dispatcher.middlewares.data import MiddlewareData
from aiogram.types import ErrorEvent, InlineQuery, Message, Poll

from tests.aiogram_bot import ADA, BOB, CLUB, Cart, Prefs, Shop
from typed_sessions import MissingKeyError, SessionDefinitionError, SessionModel
from typed_sessions.integrations.aiogram import (
    KeyFunction,
    Place,
    SessionMiddleware,
    per_chat,
    per_user,
    per_user_in_chat,
)
from typed_sessions.testing.bots import channel

NEWS = channel(-1002001002)


async def add(message: Message, cart: Cart) -> None:
    cart.lines.append(message.text or "")


async def like(message: Message, prefs: Prefs) -> None:
    prefs.favourite = message.text or ""


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.middleware.bind(Cart).bind(Prefs, key=per_user).setup(shop.dispatcher)
    return shop


@pytest.fixture
def bare() -> Shop:
    """Nothing is bound yet."""
    return Shop()


async def test_what_a_handler_changes_is_saved_when_it_returns(shop: Shop) -> None:
    shop.dispatcher.message.register(add)

    await shop.hear("funghi")

    assert await shop.cart() == ["funghi"]


async def test_the_next_handler_gets_what_the_last_one_left(shop: Shop) -> None:
    shop.dispatcher.message.register(add)

    await shop.hear("funghi")
    await shop.hear("diavola")

    assert await shop.cart() == ["funghi", "diavola"]


async def test_the_handlers_answer_goes_on_to_aiogram(shop: Shop) -> None:
    async def count(_: Message, cart: Cart) -> int:
        return len(cart.lines)

    shop.dispatcher.message.register(count)

    assert await shop.hear() == 0


async def test_parameters_may_have_any_names(shop: Shop) -> None:
    async def both(message: Message, likes: Prefs, session: Cart) -> None:
        session.lines.append(likes.favourite)
        likes.favourite = message.text or ""

    shop.dispatcher.message.register(both)

    await shop.hear("funghi")

    assert (await shop.cart(), await shop.prefs()) == (["none"], "funghi")


async def test_the_same_name_may_mean_another_model_in_another_handler(shop: Shop) -> None:
    async def first(message: Message, it: Cart) -> None:
        it.lines.append(message.text or "")

    async def second(message: Message, it: Prefs) -> None:
        it.favourite = message.text or ""

    shop.dispatcher.message.register(first, F.text == "funghi")
    shop.dispatcher.message.register(second)

    await shop.hear("funghi")
    await shop.hear("diavola")

    assert (await shop.cart(), await shop.prefs()) == (["funghi"], "diavola")


async def test_two_parameters_of_one_model_are_one_session(shop: Shop) -> None:
    async def twice(_: Message, one: Cart, other: Cart) -> bool:
        return one is other

    shop.dispatcher.message.register(twice)

    assert await shop.hear() is True


async def test_the_sessions_of_a_handler_take_one_read_and_one_transaction(shop: Shop) -> None:
    async def both(message: Message, cart: Cart, prefs: Prefs) -> None:
        cart.lines.append("funghi")
        prefs.favourite = message.text or ""

    shop.dispatcher.message.register(both)

    await shop.hear()

    assert shop.traffic == ([2], [2])


async def test_nothing_is_written_if_nothing_changed(shop: Shop) -> None:
    async def look(_: Message, cart: Cart) -> int:
        return len(cart.lines)

    shop.dispatcher.message.register(look)

    await shop.hear()

    assert shop.traffic == ([1], [])


async def test_nothing_is_read_for_a_handler_that_asks_for_nothing(shop: Shop) -> None:
    async def welcome(_: Message) -> str:
        return "Hello"

    shop.dispatcher.message.register(welcome)

    assert await shop.hear() == "Hello"
    assert shop.traffic == ([], [])


async def test_nothing_is_read_for_a_handler_whose_filter_says_no(shop: Shop) -> None:
    shop.dispatcher.message.register(add, F.text == "funghi")

    await shop.hear("diavola")

    assert shop.watched.loads == []


@pytest.mark.parametrize("error", [RuntimeError, CancelHandler, asyncio.CancelledError])
async def test_nothing_is_saved_if_the_handler_raises(shop: Shop, error: type[BaseException]) -> None:
    async def fail(_: Message, cart: Cart) -> None:
        cart.lines.append("funghi")
        raise error

    shop.dispatcher.message.register(fail)

    with pytest.raises(error):
        await shop.hear()

    assert (await shop.cart(), shop.watched.saves) == ([], [])


async def test_nothing_is_saved_if_the_handler_lets_the_next_one_try(shop: Shop) -> None:
    async def skip(_: Message, cart: Cart) -> None:
        cart.lines.append("lost")
        raise SkipHandler

    shop.dispatcher.message.register(skip)
    shop.dispatcher.message.register(add)

    await shop.hear("funghi")

    assert await shop.cart() == ["funghi"]


async def test_a_skipped_handlers_session_is_not_left_to_the_next_handler(shop: Shop) -> None:
    async def skip(_: Message, cart: Cart) -> None:
        raise SkipHandler(cart.lines)

    async def rest(_: Message, **data: object) -> bool:
        return "cart" in data

    shop.dispatcher.message.register(skip)
    shop.dispatcher.message.register(rest)

    assert await shop.hear() is False


async def test_a_handler_for_errors_may_ask_for_the_session_of_the_handler_that_failed(shop: Shop) -> None:
    async def fail(_: Message, cart: Cart) -> None:
        cart.lines.append("lost")
        raise RuntimeError

    async def note(_: ErrorEvent, cart: Cart) -> None:
        cart.lines.append("noted")

    shop.dispatcher.message.register(fail)
    shop.dispatcher.errors.register(note)

    await shop.hear()

    assert await shop.cart() == ["noted"]


async def test_a_key_function_sees_the_update_in_a_handler_for_errors_too(bare: Shop) -> None:
    def by_update(place: Place[MiddlewareData]) -> int:
        update = place.source.get("event_update")
        return update.update_id if update else 0

    async def fail(_: Message) -> None:
        raise RuntimeError

    async def note(_: ErrorEvent, cart: Cart) -> None:
        cart.lines.append("noted")

    bare.middleware.bind(Cart, key=by_update).setup(bare.dispatcher)
    bare.dispatcher.message.register(fail)
    bare.dispatcher.errors.register(note)

    await bare.hear()

    assert await bare.cart(1) == ["noted"]


async def test_ten_updates_at_once_in_one_chat_all_count(shop: Shop) -> None:
    async def slow(message: Message, cart: Cart) -> None:
        found = list(cart.lines)
        await asyncio.sleep(0)
        cart.lines = [*found, message.text or ""]

    shop.dispatcher.message.register(slow)

    await asyncio.gather(*(shop.hear(str(number)) for number in range(10)))

    assert sorted(await shop.cart()) == list("0123456789")


async def by_text(place: Place[MiddlewareData]) -> str:
    update = place.source.get("event_update")
    return str(update.message.text) if update and update.message else ""


def by_kind(place: Place) -> tuple[int, str]:
    return (place.chat, place.kind)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (per_chat, f"{CLUB.id}"),
        (per_user, f"{BOB.id}"),
        (per_user_in_chat, f"{CLUB.id}/{BOB.id}"),
        (by_kind, f"{CLUB.id}/message"),
        (by_text, "funghi"),
    ],
)
async def test_the_key_is_made_as_the_binding_says(bare: Shop, key: KeyFunction, text: str) -> None:
    bare.middleware.bind(Cart, key=key).setup(bare.dispatcher)
    bare.dispatcher.message.register(add)

    await bare.hear("funghi", chat=CLUB, user=BOB)

    assert [key.text async for key in bare.sessions.keys(Cart)] == [text]


async def test_the_key_is_the_chat_unless_the_binding_says_otherwise(bare: Shop) -> None:
    bare.middleware.bind(Cart).setup(bare.dispatcher)
    bare.dispatcher.message.register(add)

    await bare.hear("funghi", chat=CLUB, user=BOB)

    assert await bare.cart(CLUB.id) == ["funghi"]


async def test_the_owner_is_stored_if_the_binding_says_who(bare: Shop) -> None:
    bare.middleware.bind(Cart, owner=lambda place: place.user_id).bind(Prefs).setup(bare.dispatcher)
    bare.dispatcher.message.register(add, F.text == "funghi")
    bare.dispatcher.message.register(like)
    await bare.hear("funghi", chat=CLUB, user=BOB)
    await bare.hear("diavola", chat=CLUB, user=BOB)

    assert await bare.sessions.delete_owner(BOB.id) == 1
    assert (await bare.cart(CLUB.id), await bare.prefs(CLUB.id)) == ([], "diavola")


async def test_an_owner_may_be_nobody(bare: Shop) -> None:
    async def unknown(_: Place) -> None: ...

    bare.middleware.bind(Cart, owner=unknown).setup(bare.dispatcher)
    bare.dispatcher.message.register(add)

    await bare.hear("funghi")

    assert await bare.cart() == ["funghi"]


@pytest.mark.parametrize(
    ("key", "missing"), [(per_chat, "no chat"), (per_user, "no user"), (per_user_in_chat, "no chat")]
)
async def test_an_event_without_chat_and_user_has_no_session(bare: Shop, key: KeyFunction, missing: str) -> None:
    async def vote(_: Poll, cart: Cart) -> None:
        cart.lines.append("vote")

    bare.middleware.bind(Cart, key=key).setup(bare.dispatcher)
    bare.dispatcher.poll.register(vote)

    with pytest.raises(MissingKeyError, match=f"`poll` is from {missing}; .*key=") as caught:
        await bare.feed(bare.updates.poll("1", "Pizza?", []))

    assert "<locals>.vote" in caught.value.__notes__[0]
    assert bare.watched.loads == []


async def test_an_event_without_a_chat_may_have_a_session_of_its_user(shop: Shop) -> None:
    async def search(_: InlineQuery, prefs: Prefs) -> None:
        prefs.favourite = "funghi"

    shop.dispatcher.inline_query.register(search)

    await shop.feed(shop.updates.inline_query(ADA, "pizza"))

    assert await shop.prefs() == "funghi"


async def test_an_event_without_chat_and_user_is_fine_for_a_handler_that_asks_for_nothing(shop: Shop) -> None:
    async def vote(_: Poll) -> str:
        return "counted"

    shop.dispatcher.poll.register(vote)

    assert await shop.feed(shop.updates.poll("1", "Pizza?", [])) == "counted"
    assert shop.watched.loads == []


async def test_a_channels_post_has_a_session_of_its_chat(shop: Shop) -> None:
    shop.dispatcher.channel_post.register(add)

    await shop.feed(shop.updates.channel_post("news", chat=NEWS))

    assert await shop.cart(NEWS.id) == ["news"]


async def test_handlers_of_nested_routers_are_served_once(bare: Shop) -> None:
    asked: list[int] = []

    def noted(place: Place) -> int:
        asked.append(place.chat)
        return asked[-1]

    outer, inner = Router(), Router()
    bare.middleware.bind(Cart, key=noted).setup(bare.dispatcher)
    inner.message.register(add)
    bare.dispatcher.include_router(outer)
    outer.include_router(inner)

    await bare.hear("funghi")

    assert (await bare.cart(), asked) == (["funghi"], [ADA.id])


async def test_a_value_of_the_same_name_does_not_take_the_place_of_the_session(shop: Shop) -> None:
    async def found(_: Message) -> dict[str, str]:
        return {"cart": "of the filter"}

    shop.dispatcher["cart"] = "of the dispatcher"
    shop.dispatcher.message.register(add, found)

    await shop.hear("funghi")

    assert await shop.cart() == ["funghi"]


async def test_names_that_scenes_use_may_be_used_otherwise(shop: Shop) -> None:
    async def count(_: Message, cart: Cart, scenes: str) -> int:
        return len(cart.lines) + len(scenes)

    shop.dispatcher["scenes"] = "of a film"
    shop.dispatcher.message.register(count)

    assert await shop.hear() == 9


async def test_a_model_is_bound_once(bare: Shop) -> None:
    bare.middleware.bind(Cart)

    with pytest.raises(SessionDefinitionError, match="Cart is bound already"):
        bare.middleware.bind(Cart, key=per_user)


def test_a_model_without_a_config_cannot_be_bound(bare: Shop) -> None:
    with pytest.raises(SessionDefinitionError, match="SessionModel has no session_config"):
        bare.middleware.bind(SessionModel)


def test_a_dispatcher_is_set_up_once(shop: Shop) -> None:
    with pytest.raises(SessionDefinitionError, match="set up on this dispatcher already"):
        shop.middleware.setup(shop.dispatcher)


async def test_the_bot_does_not_start_polling_with_a_model_that_is_not_bound(bare: Shop) -> None:
    bare.middleware.bind(Cart).setup(bare.dispatcher)
    bare.dispatcher.message.register(like)

    with pytest.raises(
        SessionDefinitionError, match=r"test_aiogram\.like: `prefs: Prefs` .* middleware\.bind\(Prefs\)"
    ):
        await bare.dispatcher.start_polling(bare.bot, handle_signals=False)  # pyright: ignore[reportUnknownMemberType]  # a parameter of aiogram's is untyped


async def test_all_that_is_wrong_is_said_at_once(bare: Shop) -> None:
    async def tapped(_: Message, cart: Cart | None, prefs: Prefs) -> None: ...

    router = Router()
    router.callback_query.register(tapped)
    bare.dispatcher.message.register(add)
    bare.dispatcher.include_router(router)
    bare.middleware.setup(bare.dispatcher)

    with pytest.raises(SessionDefinitionError) as caught:
        await bare.dispatcher.emit_startup()

    assert str(caught.value).count("\n") == 3


@pytest.mark.parametrize("when", ["startup", "shutdown"])
async def test_a_callback_of_start_or_stop_that_asks_for_a_session_stops_the_start(shop: Shop, when: str) -> None:
    async def prepare(cart: Cart) -> None: ...

    router = Router()
    getattr(router, when).register(prepare)
    shop.dispatcher.include_router(router)

    with pytest.raises(SessionDefinitionError, match=r"prepare: `cart: Cart` .*no event .*`sessions\.open`"):
        await shop.dispatcher.emit_startup()


async def test_the_bot_starts_if_all_is_bound(shop: Shop) -> None:
    shop.dispatcher.message.register(add)
    shop.dispatcher.message.register(like)

    await shop.dispatcher.emit_startup()

    assert shop.watched.loads == []


async def test_a_handler_that_cannot_be_served_is_not_run_even_without_a_start(bare: Shop) -> None:
    bare.middleware.setup(bare.dispatcher)
    bare.dispatcher.message.register(add)

    with pytest.raises(SessionDefinitionError, match=r"middleware\.bind\(Cart\)"):
        await bare.hear()


async def test_a_model_may_be_bound_after_a_handler_asked_in_vain(bare: Shop) -> None:
    bare.middleware.setup(bare.dispatcher)
    bare.dispatcher.message.register(add)
    with suppress(SessionDefinitionError):
        await bare.hear("lost")

    bare.middleware.bind(Cart)
    await bare.hear("funghi")

    assert await bare.cart() == ["funghi"]


async def test_a_model_is_bound_where_its_middleware_is(bare: Shop) -> None:
    other = SessionMiddleware(bare.sessions).bind(Cart)
    bare.dispatcher.message.register(add)

    other.verify(bare.dispatcher)
    with pytest.raises(SessionDefinitionError):
        bare.middleware.verify(bare.dispatcher)


def test_without_aiogram_the_error_names_the_extra() -> None:
    script = "import sys; sys.modules['aiogram'] = None; import typed_sessions.integrations.aiogram"
    output = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)

    assert 'pip install "typed-sessions[aiogram]"' in output.stderr.splitlines()[-1]
