"""Conversations and arbitrary callback data come back as they were."""

import enum
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import CommandHandler, ConversationHandler, ExtBot

from tests.telegram_persistent import ADA, BOT_ID, NEVER, OTHERS, OURS, Context, FlakyStore, Process, rows, running
from typed_sessions import InvalidSessionError, SessionConflictError, Sessions, UnstorableValueError
from typed_sessions.integrations.telegram.persistence import SQLPersistence
from typed_sessions.integrations.telegram.persistence.conversations import ConversationKey, owner_of
from typed_sessions.integrations.telegram.persistence.models import Conversation
from typed_sessions.testing import SettableClock
from typed_sessions.testing.bots import BotApi, Person
from typed_sessions.testing.bots.telegram import builder_of, started


class Step(enum.Enum):
    SIZE = "size"
    TOPPING = "topping"


class Number(enum.IntEnum):
    ONE = 1
    TWO = 2


class Add(NamedTuple):
    sku: str
    qty: int


@pytest.fixture
def store() -> FlakyStore:
    return FlakyStore()


@pytest.fixture
def sessions(store: FlakyStore, clock: SettableClock) -> Sessions:
    return Sessions(store, clock=clock)


def persistence(sessions: Sessions, **options: Any) -> SQLPersistence[Any, Any, Any]:  # noqa: ANN401 # of SQLPersistence
    return SQLPersistence(sessions, update_interval=NEVER, **options)


def order(states: list[object]) -> ConversationHandler[Context]:
    """A conversation that goes from state to state by `/next`, and ends after the last."""

    async def begin(_: Update, __: Context) -> object:
        return states[0]

    def after(place: int) -> CommandHandler[Context, Any]:
        async def go(_: Update, __: Context) -> object:
            return states[place + 1] if place + 1 < len(states) else ConversationHandler.END

        return CommandHandler("next", go)

    return ConversationHandler(
        entry_points=[CommandHandler("order", begin)],
        states={state: [after(place)] for place, state in enumerate(states)},
        fallbacks=[],
        name="order",
        persistent=True,
    )


STATES: list[tuple[list[object], dict[str, object]]] = [
    ([0, 1, 2], {}),
    (["size", "topping"], {}),
    ([Step.SIZE, Step.TOPPING], {"order": Step}),
    ([Number.ONE, Number.TWO], {"order": Number}),
]


@pytest.mark.parametrize(("states", "declared"), STATES)
async def test_a_conversation_goes_on_after_a_restart(
    sessions: Sessions, states: list[object], declared: dict[str, object]
) -> None:
    async with conversing(sessions, states, declared) as first:
        await first.hear(ADA, "/order")
        await first.hear(ADA, "/next")

    async with conversing(sessions, states, declared) as second:
        found = await second.persistence.get_conversations("order")
        assert repr(found) == repr({(ADA.id, ADA.id): states[1]})
        for _ in states[1:]:
            await second.hear(ADA, "/next")

    assert await rows(sessions) == {}


@asynccontextmanager
async def conversing(sessions: Sessions, states: list[object], declared: dict[str, object]) -> AsyncGenerator[Process]:
    async with running(sessions, persistence(sessions, states=declared), handlers=[order(states)]) as process:
        yield process


async def test_a_state_of_an_undeclared_type_is_refused_and_says_what_to_do(sessions: Sessions) -> None:
    async with conversing(sessions, [Step.SIZE, "topping"], {}) as process:
        await process.hear(ADA, "/order")
        await process.write()
        [error] = process.errors
        await process.hear(ADA, "/next")

    assert isinstance(error, UnstorableValueError)
    assert error.path == "state"
    assert "SQLPersistence(states={name: YourEnum})" in str(error)


async def test_a_state_that_the_declared_type_has_not_is_refused(sessions: Sessions) -> None:
    async with conversing(sessions, ["size", Step.TOPPING], {"order": Step}) as process:
        await process.hear(ADA, "/order")
        await process.write()
        [error] = process.errors
        await process.hear(ADA, "/next")

    assert isinstance(error, UnstorableValueError)


async def test_a_stored_state_that_the_type_lost_keeps_the_bot_from_starting(sessions: Sessions) -> None:
    await sessions.save((BOT_ID, "order", ADA.id), Conversation(state="crust"))

    with pytest.raises(InvalidSessionError):
        async with conversing(sessions, [Step.SIZE], {"order": Step}):
            pass


KEYS: list[tuple[ConversationKey, int | None]] = [
    ((5, 5), 5),
    ((-1002, 5), 5),
    ((-1002,), None),
    ((5,), 5),
    ((-1002, 5, 77), 5),
    ((5, "inline id"), 5),
    ((5, "77"), 5),
    ((5, "str:77", ""), 5),
    ((-1002, "-77"), None),
    ((-1002, "x/y%", 0), None),
]


@pytest.mark.parametrize(("key", "owner"), KEYS)
async def test_the_key_of_a_conversation_comes_back_and_names_its_user(
    sessions: Sessions, key: ConversationKey, owner: int | None
) -> None:
    async with running(sessions, persistence(sessions)) as process:
        await process.persistence.update_conversation("order", key, 1)

        assert repr(await process.persistence.get_conversations("order")) == repr({key: 1})
        assert await sessions.delete_owner(owner or "nobody") == (owner is not None)
        assert owner_of(key) == owner


async def test_conversations_of_other_names_and_bots_are_kept_apart(sessions: Sessions) -> None:
    async with running(sessions, persistence(sessions)) as ours:
        async with running(sessions, persistence(sessions), bot=OTHERS) as theirs:
            await ours.persistence.update_conversation("order", (1, 1), "ours")
            await ours.persistence.update_conversation("orders", (1, 1), "another")
            await theirs.persistence.update_conversation("order", (1, 1), "theirs")

        assert await ours.persistence.get_conversations("order") == {(1, 1): "ours"}


async def test_a_conversation_that_two_processes_went_on_with_says_so_once(sessions: Sessions) -> None:
    async with running(sessions, persistence(sessions)) as one, running(sessions, persistence(sessions)) as two:
        await one.persistence.update_conversation("order", (1, 1), 1)
        with pytest.raises(SessionConflictError):
            await two.persistence.update_conversation("order", (1, 1), 5)

        await two.persistence.update_conversation("order", (1, 1), 6)

        assert await one.persistence.get_conversations("order") == {(1, 1): 6}


@asynccontextmanager
async def with_buttons(
    sessions: Sessions,
    *,
    person: Person = OURS,
    **options: Any,  # noqa: ANN401 # of SQLPersistence
) -> AsyncGenerator[tuple[ExtBot[Any], SQLPersistence[Any, Any, Any], list[Exception]]]:
    kept, errors = persistence(sessions, **options), list[Exception]()

    async def note(_: object, context: Any) -> None:  # noqa: ANN401 # of python-telegram-bot
        errors.append(context.error)

    async with BotApi(person) as api:
        application = builder_of(api).persistence(kept).arbitrary_callback_data(True).build()
        application.add_error_handler(note)
        async with started(application):
            yield application.bot, kept, errors


def press(bot: ExtBot[Any], data: object) -> str:
    """Send a button that means `data`, and give what Telegram gets to see of it."""
    cache = bot.callback_data_cache
    assert cache is not None
    keyboard = InlineKeyboardMarkup.from_button(InlineKeyboardButton("Add", callback_data=data))
    return str(cache.process_keyboard(keyboard).inline_keyboard[0][0].callback_data)


def meant(bot: ExtBot[Any], seen: str) -> object:
    """What a button meant of which Telegram has seen this."""
    cache = bot.callback_data_cache
    assert cache is not None
    keyboards = {uuid: buttons for uuid, _, buttons in cache.persistence_data[0]}
    return keyboards[seen[:32]][seen[32:]]


@pytest.mark.parametrize("data", ["text", 5, None, [1, {"a": 2}], {"sku": "pizza", 3: [True]}])
async def test_a_button_means_the_same_after_a_restart(sessions: Sessions, data: object) -> None:
    async with with_buttons(sessions) as (bot, _, _):
        seen = press(bot, data) if data is not None else press(bot, [None])

    async with with_buttons(sessions) as (bot, _, _):
        found = meant(bot, seen)

    assert repr(found) == repr(data if data is not None else [None])


async def test_a_button_of_a_declared_type_comes_back(sessions: Sessions) -> None:
    async with with_buttons(sessions, callback_data=Add) as (bot, _, _):
        seen = press(bot, Add("pizza", 2))

    async with with_buttons(sessions, callback_data=Add) as (bot, _, _):
        assert meant(bot, seen) == Add("pizza", 2)


async def test_a_button_of_an_undeclared_type_is_refused(sessions: Sessions) -> None:
    async with with_buttons(sessions) as (bot, kept, errors):
        press(bot, Add("pizza", 2))
        await kept.flush()
        with pytest.raises(UnstorableValueError, match=r"SQLPersistence\(callback_data=YourType\)"):
            await kept.update_callback_data(cached(bot))
        clear(bot)

    assert errors == []


async def test_a_button_that_would_come_back_as_another_type_is_refused(sessions: Sessions) -> None:
    async with running(sessions, persistence(sessions, callback_data=float)) as process:
        with pytest.raises(UnstorableValueError, match="this int would come back as something else"):
            await process.persistence.update_callback_data(([("keyboard", 1.0, {"button": 5})], {}))
        await process.persistence.update_callback_data(([], {}))


def cached(bot: ExtBot[Any]) -> Any:  # noqa: ANN401 # of python-telegram-bot
    assert bot.callback_data_cache is not None
    return bot.callback_data_cache.persistence_data


def clear(bot: ExtBot[Any]) -> None:
    assert bot.callback_data_cache is not None
    bot.callback_data_cache.clear_callback_data()


async def test_only_new_keyboards_are_written_and_old_ones_deleted(sessions: Sessions, store: FlakyStore) -> None:
    async with with_buttons(sessions) as (bot, kept, _):
        press(bot, "one")
        await kept.update_callback_data(cached(bot))
        store.saves.clear()
        press(bot, "two")
        await kept.update_callback_data(cached(bot))
        await kept.update_callback_data(cached(bot))
        assert len(store.saves) == 1

        clear(bot)

    assert await rows(sessions) == {}


async def test_the_keyboards_of_two_processes_are_kept_side_by_side(sessions: Sessions) -> None:
    async with with_buttons(sessions) as (one, _, _), with_buttons(sessions) as (two, _, _):
        seen = [press(one, "one"), press(two, "two")]

    async with with_buttons(sessions) as (bot, _, _):
        assert [meant(bot, each) for each in seen] == ["one", "two"]


async def test_the_keyboard_that_was_used_last_comes_last(sessions: Sessions) -> None:
    keyboards = [("b", 3.0, {"x": 1}), ("a", 1.0, {"x": 2}), ("c", 2.0, {"x": 3})]
    async with running(sessions, persistence(sessions)) as process:
        await process.persistence.update_callback_data((keyboards, {"query": "a"}))

        found = await process.persistence.get_callback_data()

    assert found == ([keyboards[1], keyboards[2], keyboards[0]], {"query": "a"})


async def test_the_end_of_a_conversation_is_stored_whatever_the_type_of_its_states(sessions: Sessions) -> None:
    async with running(sessions, persistence(sessions, states={"order": Step})) as process:
        await process.persistence.update_conversation("order", (1, 1), ConversationHandler.END)

        assert await process.persistence.get_conversations("order") == {(1, 1): ConversationHandler.END}


class Way(enum.Enum):
    BACK = -1


class Stage(enum.IntEnum):
    OVER = ConversationHandler.END


@pytest.mark.parametrize(("state", "declared"), [(Stage.OVER, Stage), (-1.0, float)])
async def test_what_equals_the_end_is_stored_as_the_end(sessions: Sessions, state: object, declared: object) -> None:
    async with running(sessions, persistence(sessions, states={"order": declared})) as process:
        await process.persistence.update_conversation("order", (1, 1), state)

        assert await process.persistence.get_conversations("order") == {(1, 1): ConversationHandler.END}


async def test_a_state_that_would_come_back_as_the_end_is_refused(sessions: Sessions) -> None:
    async with running(sessions, persistence(sessions, states={"order": Way})) as process:
        with pytest.raises(UnstorableValueError, match="come back as the end of the conversation; give it a value"):
            await process.persistence.update_conversation("order", (1, 1), Way.BACK)
        await process.persistence.update_conversation("order", (1, 1), None)
