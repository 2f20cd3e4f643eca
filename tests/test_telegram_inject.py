"""Injected sessions of python-telegram-bot, seen through a real application."""

import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import pytest
from telegram import Update
from telegram.ext import (
    ApplicationHandlerStop,
    BaseHandler,
    CallbackContext,
    ConversationHandler,
    MessageHandler,
    filters,
)

from tests.telegram_bot import (
    ADA,
    BOB,
    Cart,
    Context,
    Prefs,
    Shop,
    WatchedStore,
    add,
    any_update,
    carts,
    prefs,
    shop_of,
    text_of,
)
from typed_sessions import MissingKeyError, Session, SessionClosedError, SessionDefinitionError, Sessions
from typed_sessions.integrations.telegram import SessionBinding, install, verify
from typed_sessions.testing.bots import BotApi
from typed_sessions.testing.bots.telegram import builder_of, started

if TYPE_CHECKING:
    from tests.telegram_bot import Cart as Unknown


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with shop_of() as shop:
        yield shop


@prefs.inject
async def like(update: Update, _: Context, it: Prefs) -> None:
    it.favourite = text_of(update)


async def test_what_a_callback_changes_is_saved_when_it_returns(shop: Shop) -> None:
    shop.on(add)

    await shop.hear("funghi")

    assert await shop.cart() == ["funghi"]


async def test_the_next_callback_gets_what_the_last_one_left(shop: Shop) -> None:
    shop.on(add)

    await shop.hear("funghi")
    await shop.hear("diavola")

    assert await shop.cart() == ["funghi", "diavola"]


async def test_nothing_is_written_if_nothing_changed(shop: Shop) -> None:
    @carts.inject
    async def look(_: Update, _context: Context, cart: Cart) -> None:
        assert cart.lines == []

    shop.on(look)

    await shop.hear()

    assert (shop.errors, shop.store.loads, shop.store.saves) == ([], [1], [])


async def test_nothing_is_read_for_a_callback_that_is_not_injected(shop: Shop) -> None:
    async def welcome(_: Update, _context: Context) -> None: ...

    shop.on(welcome)

    await shop.hear()

    assert (shop.store.loads, shop.store.saves) == ([], [])


async def test_nothing_is_saved_if_the_callback_raises(shop: Shop) -> None:
    failure = RuntimeError()

    @carts.inject
    async def fail(_: Update, _context: Context, cart: Cart) -> None:
        cart.lines.append("lost")
        raise failure

    shop.on(fail)

    await shop.hear()

    assert (await shop.cart(), shop.store.saves, shop.errors) == ([], [], [failure])


async def test_a_callback_that_ends_the_handling_of_the_update_is_saved(shop: Shop) -> None:
    @carts.inject
    async def last(_: Update, _context: Context, cart: Cart) -> None:
        cart.lines.append("kept")
        raise ApplicationHandlerStop

    shop.on(last)
    shop.on(like, group=1)

    await shop.hear("funghi")

    assert (await shop.cart(), await shop.favourite(), shop.errors) == (["kept"], "none", [])


async def test_an_error_callback_has_a_turn_of_its_own(shop: Shop) -> None:
    @carts.inject
    async def fail(_: Update, _context: Context, cart: Cart) -> None:
        cart.lines.append("lost")
        raise RuntimeError

    @carts.inject
    async def note(_: object, context: Context, cart: Cart) -> None:
        cart.lines.append(type(context.error).__name__)

    shop.on(fail)
    shop.application.add_error_handler(note)

    await shop.hear()

    assert await shop.cart() == ["RuntimeError"]


async def test_what_was_lent_is_closed_when_the_callback_has_returned(shop: Shop) -> None:
    kept: list[Cart] = []

    @carts.inject
    async def keep(_: Update, _context: Context, cart: Cart) -> None:
        kept.append(cart)

    shop.on(keep)
    await shop.hear()

    with pytest.raises(SessionClosedError):
        kept[0].lines = ["lost"]


async def test_a_session_that_the_callback_opens_itself_joins_its_own(shop: Shop) -> None:
    @carts.inject
    async def nested(_: Update, _context: Context, cart: Cart) -> None:
        async with shop.sessions.open(Cart, ADA.id) as same:
            same.lines.append("inner")
        cart.lines.append("outer")

    shop.on(nested)

    await shop.hear()

    assert (await shop.cart(), shop.store.saves) == (["inner", "outer"], [1])


async def test_stacked_sessions_take_one_read_and_one_transaction(shop: Shop) -> None:
    @carts.inject
    @prefs.inject
    async def both(update: Update, _: Context, likes: Prefs, cart: Cart) -> None:
        cart.lines.append(likes.favourite)
        likes.favourite = text_of(update)

    shop.on(both)

    await shop.hear("funghi")

    assert (await shop.cart(), await shop.favourite()) == (["none"], "funghi")
    assert (shop.store.loads[0], shop.store.saves) == (2, [2])


async def test_a_model_may_be_kept_in_another_store() -> None:
    elsewhere = Sessions(WatchedStore())
    own = SessionBinding(Cart, sessions=elsewhere)

    @own.inject
    @prefs.inject
    async def both(update: Update, _: Context, likes: Prefs, cart: Cart) -> None:
        cart.lines.append(text_of(update))
        likes.favourite = text_of(update)

    async with shop_of(None, own, prefs) as shop:
        shop.on(both)
        await shop.hear("funghi")

        assert (await shop.keys(), await shop.favourite()) == ([], "funghi")
        assert (await elsewhere.load(Cart, ADA.id)).lines == ["funghi"]


async def test_stacked_sessions_are_told_apart_by_their_annotations(shop: Shop) -> None:
    async def both(_: Update, _context: Context, cart: Cart, likes: Prefs) -> None:
        cart.lines.append(likes.favourite)

    by_position: Any = prefs.inject  # type checkers go by position
    shop.on(carts.inject(by_position(both)))

    await shop.hear()

    assert await shop.cart() == ["none"]


def logged(callback: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    @wraps(callback)
    async def inner(*arguments: object) -> None:
        await callback(*arguments)

    return inner


async def test_a_decorator_may_stand_between_two_sessions(shop: Shop) -> None:
    @carts.inject
    @logged
    @prefs.inject
    async def both(_: Update, _context: Context, likes: Prefs, cart: Cart) -> None:
        cart.lines.append(likes.favourite)

    shop.on(both)

    await shop.hear()

    assert (await shop.cart(), shop.errors) == (["none"], [])


async def test_a_session_may_be_asked_for_as_its_handle(shop: Shop) -> None:
    @carts.inject
    async def empty(_: Update, _context: Context, cart: Session[Cart]) -> None:
        await cart.delete()

    shop.on(add)
    shop.on(empty, group=1)

    await shop.hear("funghi")

    assert await shop.keys() == []


@carts.inject
async def add_if_there(update: Update, _: Context, cart: Cart | None) -> None:
    if cart is not None:
        cart.lines.append(text_of(update))


async def test_an_optional_session_is_not_made(shop: Shop) -> None:
    shop.on(add_if_there)

    await shop.hear("funghi")

    assert (await shop.keys(), shop.errors) == ([], [])


async def test_an_optional_session_that_is_there_is_lent_and_saved(shop: Shop) -> None:
    shop.on(add)
    shop.on(add_if_there, group=1)

    await shop.hear("funghi")

    assert await shop.cart() == ["funghi", "funghi"]


async def test_a_lazy_session_that_is_not_awaited_is_not_read(shop: Shop) -> None:
    @carts.inject
    async def idle(_: Update, _context: Context, cart: Awaitable[Cart]) -> None: ...

    shop.on(idle)

    await shop.hear()

    assert (shop.store.loads, shop.errors) == ([], [])


async def test_a_lazy_session_is_read_when_awaited_and_saved(shop: Shop) -> None:
    @carts.inject
    async def late(update: Update, _: Context, cart: Awaitable[Cart]) -> None:
        (await cart).lines.append(text_of(update))
        (await cart).lines.append("again")

    shop.on(late)

    await shop.hear("funghi")

    assert (await shop.cart(), shop.store.saves) == (["funghi", "again"], [1])


class Counter:
    """Callbacks that are methods and objects."""

    def __init__(self) -> None:
        self.name = "counter"

    @carts.inject
    async def decorated(self, _: Update, _context: Context, cart: Cart) -> None:
        cart.lines.append(self.name)

    async def plain(self, _: Update, _context: Context, cart: Cart) -> None:
        cart.lines.append(self.name)

    async def both(self, _: Update, _context: Context, likes: Prefs, cart: Cart) -> None:
        cart.lines.append(likes.favourite)

    @prefs.inject
    async def half(self, _: Update, _context: Context, likes: Prefs, cart: Cart, word: str = "") -> None:
        cart.lines.append(f"{likes.favourite}{word}")

    async def __call__(self, _: Update, _context: Context, cart: Cart) -> None:
        cart.lines.append(self.name)


async def with_word(word: str, _: Update, _context: Context, cart: Cart) -> None:
    cart.lines.append(word)


@pytest.mark.parametrize(
    ("callback", "line"),
    [
        (Counter().decorated, "counter"),
        (carts.inject(Counter().plain), "counter"),
        (carts.inject(Counter()), "counter"),
        (carts.inject(prefs.inject(Counter().both)), "none"),
        (carts.inject(Counter().half), "none"),
        (carts.inject(partial(with_word, "word")), "word"),
    ],
    ids=["decorated method", "method", "object", "stacked method", "half-decorated method", "partial"],
)
async def test_callbacks_of_all_kinds_get_their_session(shop: Shop, callback: object, line: str) -> None:
    shop.on(callback)

    await shop.hear()

    assert (await shop.cart(), shop.errors) == ([line], [])


async def test_further_arguments_stand_behind_the_sessions(shop: Shop) -> None:
    half = carts.inject(Counter().half)

    async def caller(update: Update, context: Context) -> None:
        await half(update, context, " at all")

    shop.on(caller)

    await shop.hear()

    assert (await shop.cart(), shop.errors) == (["none at all"], [])


async def test_a_unit_test_calls_what_was_decorated(shop: Shop) -> None:
    cart = Cart()

    @carts.inject
    async def count(_: object, _context: Context, cart: Cart) -> int:
        cart.lines.append("funghi")
        return len(cart.lines)

    assert await count.__wrapped__(None, CallbackContext(shop.application), cart) == 1


async def test_an_injected_callback_keeps_its_name() -> None:
    assert (getattr(add, "__name__", ""), add.__doc__) == ("add", "Add what was said to the cart.")


async def test_what_a_callback_returns_goes_to_the_conversation(shop: Shop) -> None:
    @carts.inject
    async def begin(update: Update, _: Context, cart: Cart) -> int:
        cart.lines.append(text_of(update))
        return 1

    @carts.inject
    async def end(update: Update, _: Context, cart: Cart) -> int:
        cart.lines.append(f"end {text_of(update)}")
        return ConversationHandler.END

    shop.application.add_handler(
        ConversationHandler(
            entry_points=[MessageHandler(filters.TEXT, begin)],
            states={1: [MessageHandler(filters.TEXT, end)]},
            fallbacks=[],
        )
    )

    for word in ("one", "two", "three"):
        await shop.hear(word)

    assert await shop.cart() == ["one", "end two", "three"]


async def test_a_person_is_forgotten_in_every_model(shop: Shop) -> None:
    shop.on(add)
    shop.on(like, group=1)
    await shop.hear("funghi")
    await shop.hear("diavola", person=BOB)

    assert await shop.sessions.delete_owner(ADA.id) == 2
    assert (await shop.cart(), await shop.favourite()) == ([], "none")
    assert (await shop.cart(BOB.id), await shop.favourite(BOB.id)) == (["diavola"], "diavola")


async def test_an_update_without_a_chat_raises_where_a_session_of_one_is_asked_for(shop: Shop) -> None:
    shop.application.add_handler(any_update(add))

    await shop.feed(shop.api.updates.inline_query(ADA, "pizza"))

    [error] = shop.errors
    assert isinstance(error, MissingKeyError)
    assert "`inline_query` is from no chat" in str(error)
    assert error.__notes__ == ["The session is asked for by tests.telegram_bot.add."]
    assert shop.store.loads == []


async def test_an_update_without_a_chat_is_fine_where_no_session_is_asked_for(shop: Shop) -> None:
    asked: list[object] = []

    async def search(update: Update, _: Context) -> None:
        asked.append(update.inline_query)

    shop.application.add_handler(any_update(search))

    await shop.feed(shop.api.updates.inline_query(ADA, "pizza"))

    assert (len(asked), shop.errors, shop.store.loads) == (1, [], [])


async def test_an_update_without_a_chat_has_no_optional_session(shop: Shop) -> None:
    shop.application.add_handler(any_update(add_if_there))

    await shop.feed(shop.api.updates.inline_query(ADA, "pizza"))

    assert (shop.errors, shop.store.loads) == ([], [])


async def test_an_application_without_sessions_says_so() -> None:
    async with BotApi() as api:
        shop = Shop(api, builder_of(api).build())
        shop.on(add)
        async with started(shop.application):
            await shop.hear()

    [error] = shop.errors
    assert isinstance(error, SessionDefinitionError)
    assert "tests.telegram_bot.add asks for a session" in str(error)
    assert "call install(application, sessions" in str(error)


async def test_a_binding_that_is_not_installed_is_named() -> None:
    async with shop_of(None, prefs) as shop:
        shop.on(add)
        await shop.hear()

    [error] = shop.errors
    assert isinstance(error, SessionDefinitionError)
    assert "tests.telegram_bot.add: <SessionBinding of Cart> is not installed; add it to install(" in str(error)


async def test_another_binding_of_the_same_model_is_not_the_installed_one() -> None:
    async with shop_of(None, SessionBinding(Cart)) as shop:
        shop.on(add)
        await shop.hear()

    assert isinstance(shop.errors[0], SessionDefinitionError)


async def test_an_application_gets_its_sessions_once(shop: Shop) -> None:
    with pytest.raises(SessionDefinitionError, match="has sessions already"):
        shop.install(carts)


async def test_a_model_is_bound_once() -> None:
    async with BotApi() as api:
        shop = Shop(api, builder_of(api).build())

        with pytest.raises(SessionDefinitionError, match="Cart is bound already"):
            install(shop.application, shop.sessions, carts, SessionBinding(Cart))


async def other_model(update: Update, context: Context, likes: Prefs) -> None: ...


async def keyword_only(update: Update, context: Context, *, cart: Cart) -> None: ...


async def unresolved(update: Update, context: Context, cart: "Unknown | Cart") -> None: ...


def sync(update: Update, context: Context, cart: Cart) -> None: ...


class Sync:
    def add(self, update: Update, context: Context, cart: Cart) -> None: ...


def handed_on(update: Update, context: Context, cart: Cart) -> Awaitable[None]:
    return add.__wrapped__(update, context, cart)


class Later:
    async def __call__(self, update: Update, context: Context, cart: Cart) -> None:
        await handed_on(update, context, cart)


@pytest.mark.parametrize("callback", [sync, Sync().add, partial(sync, cart=Cart()), Sync.add])
def test_a_callback_that_nobody_can_await_is_refused(callback: Any) -> None:  # noqa: ANN401 # wrong on purpose
    with pytest.raises(SessionDefinitionError, match="is no `async def`, and python-telegram-bot awaits its callbacks"):
        carts.inject(callback)


@pytest.mark.parametrize("callback", [handed_on, Later(), partial(Later()), partial(add.__wrapped__)])
async def test_a_callback_that_can_be_awaited_need_not_be_a_function(shop: Shop, callback: Any) -> None:  # noqa: ANN401 # all kinds
    shop.on(carts.inject(callback))

    await shop.hear("funghi")

    assert await shop.cart() == ["funghi"]


@pytest.mark.parametrize(
    ("callback", "reason"),
    [
        (other_model, "other_model asks for no Cart; annotate the parameter behind the context"),
        (like, "like asks for no Cart"),
        (keyword_only, "`cart: Cart` is given by position"),
        (unresolved, r"`cart: Unknown \| Cart` cannot be resolved"),
    ],
)
def test_a_callback_that_cannot_be_injected_is_refused(callback: Any, reason: str) -> None:  # noqa: ANN401 # wrong on purpose
    with pytest.raises(SessionDefinitionError, match=reason):
        carts.inject(callback)


async def test_an_injected_callback_is_not_called_without_a_context(shop: Shop) -> None:
    wrong: Any = add

    with pytest.raises(SessionDefinitionError, match="add is called without a context"):
        await wrong(shop.application)


async def forgotten(update: Update, context: Context, cart: Cart) -> None: ...


async def test_every_callback_is_verified_when_the_bot_starts() -> None:
    async with BotApi() as api:
        shop = Shop(api, builder_of(api).build())
        shop.install(prefs)
        states: dict[object, list[BaseHandler[Update, Context, object]]] = {1: [MessageHandler(filters.TEXT, add)]}
        shop.application.add_handler(ConversationHandler(entry_points=[], states=states, fallbacks=[]))
        shop.on(forgotten, group=1)
        shop.on(like, group=2)

        with pytest.raises(SessionDefinitionError) as caught:
            async with started(shop.application):
                pass

    unbound, forgotten_one = str(caught.value).splitlines()[1:]
    assert "tests.telegram_bot.add: `cart`: <SessionBinding of Cart> is not installed; add it to" in unbound
    assert "forgotten: `cart: Cart` is given by nobody; decorate it with SessionBinding(Cart).inject" in forgotten_one


async def test_the_post_init_of_ones_own_still_runs() -> None:
    ran: list[str] = []

    async def noted(_: object) -> None:
        ran.append("init")

    def build(builder: Any) -> Any:  # noqa: ANN401 # the types of its hooks are unknown
        return builder.post_init(noted).post_stop(noted).post_shutdown(noted)

    async with shop_of(build) as shop:
        verify(shop.application)

    assert ran == ["init", "init", "init"]


def test_without_python_telegram_bot_the_error_names_the_extra() -> None:
    script = "import sys; sys.modules['telegram'] = None; import typed_sessions.integrations.telegram"
    output = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)

    assert 'pip install "typed-sessions[telegram]"' in output.stderr.splitlines()[-1]


def test_another_package_that_is_called_telegram_is_not_taken_for_it() -> None:
    script = "import sys; sys.modules['telegram.ext'] = None; import typed_sessions.integrations.telegram"
    output = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)

    assert 'pip install "typed-sessions[telegram]"' in output.stderr.splitlines()[-1]
