"""`context.session`, seen through a real application."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from telegram import Update
from telegram.ext import ApplicationBuilder, ApplicationHandlerStop, BaseHandler, ContextTypes

from tests.telegram_bot import (
    ADA,
    BOB,
    Cart,
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
from typed_sessions import (
    MissingKeyError,
    SessionClosedError,
    SessionConflictError,
    SessionDefinitionError,
    Sessions,
    StoreUnavailableError,
)
from typed_sessions.integrations.telegram import SessionApplication, SessionBinding, SessionContext
from typed_sessions.testing.bots import BotApi
from typed_sessions.testing.bots.telegram import Builder, builder_of, started


class Context(SessionContext):
    session = carts.in_context()
    likes = prefs.in_context()


def build(builder: Builder) -> ApplicationBuilder[Any, Any, Any, Any, Any, Any]:
    return builder.application_class(SessionApplication).context_types(ContextTypes(context=Context))


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with shop_of(build) as shop:
        yield shop


async def add_line(update: Update, context: Context) -> None:
    context.session.lines.append(text_of(update))


async def like(update: Update, context: Context) -> None:
    context.likes.favourite = text_of(update)


async def fail(_: Update, context: Context) -> None:
    context.session.lines.append("lost")
    raise RuntimeError


async def test_what_a_callback_changes_is_saved(shop: Shop) -> None:
    shop.on(add_line)

    await shop.hear("funghi")
    await shop.hear("diavola")

    assert await shop.cart() == ["funghi", "diavola"]


async def test_all_callbacks_of_an_update_share_one_read_and_one_transaction(shop: Shop) -> None:
    shop.on(add_line)
    shop.on(like, group=1)
    shop.on(add_line, group=2)

    await shop.hear("funghi")

    assert (shop.store.loads, shop.store.saves) == ([2], [2])
    assert (await shop.cart(), await shop.favourite()) == (["funghi", "funghi"], "funghi")


async def test_what_is_deleted_goes_in_the_transaction_of_the_others(shop: Shop) -> None:
    await shop.sessions.save(ADA.id, Prefs(favourite="funghi"))
    before = len(shop.store.saves)

    async def forget_and_add(_: Update, context: Context) -> None:
        del context.likes
        context.session.lines.append("diavola")

    shop.on(forget_and_add)

    await shop.hear()

    assert shop.store.saves[before:] == [2]
    assert (await shop.cart(), await shop.keys(Prefs)) == (["diavola"], [])


async def test_what_is_deleted_stays_if_the_others_cannot_be_saved(shop: Shop) -> None:
    elsewhere = Sessions(shop.store)
    await shop.sessions.save(ADA.id, Prefs(favourite="funghi"))

    async def forget_and_lose(_: Update, context: Context) -> None:
        del context.likes
        context.session.lines.append("mine")
        await elsewhere.save(ADA.id, Cart(lines=["theirs"]))

    shop.on(forget_and_lose)

    await shop.hear()

    assert [type(error) for error in shop.errors] == [SessionConflictError]
    assert (await shop.cart(), await shop.favourite()) == (["theirs"], "funghi")


async def test_nothing_is_written_if_nothing_changed(shop: Shop) -> None:
    async def look(_: Update, context: Context) -> None:
        assert context.session.lines == []

    shop.on(look)

    await shop.hear()

    assert (shop.errors, shop.store.saves) == ([], [])


async def test_nothing_is_read_for_an_update_that_has_no_handler(shop: Shop) -> None:
    shop.on(add_line, "add")

    await shop.hear("no command")

    assert shop.store.loads == []


async def test_assigning_replaces_the_session(shop: Shop) -> None:
    async def replace(_: Update, context: Context) -> None:
        context.session = Cart(lines=["new"])

    shop.on(add_line)
    shop.on(replace, group=1)

    await shop.hear("funghi")

    assert await shop.cart() == ["new"]


async def test_deleting_the_attribute_deletes_the_session(shop: Shop) -> None:
    async def forget(_: Update, context: Context) -> None:
        del context.session

    await shop.sessions.save(ADA.id, Cart(lines=["funghi"]))
    shop.on(forget)

    await shop.hear()

    assert await shop.keys() == []


async def test_a_deleted_session_is_used_no_more(shop: Shop) -> None:
    async def forget(_: Update, context: Context) -> None:
        del context.session
        context.session.lines.append("lost")

    await shop.sessions.save(ADA.id, Cart(lines=["funghi"]))
    shop.on(forget)

    await shop.hear()

    assert [type(error) for error in shop.errors] == [SessionClosedError]
    assert await shop.cart() == ["funghi"]


async def test_a_session_that_is_assigned_after_its_deletion_is_kept(shop: Shop) -> None:
    async def renew(_: Update, context: Context) -> None:
        del context.session
        context.session = Cart(lines=["new"])

    await shop.sessions.save(ADA.id, Cart(lines=["funghi"]))
    shop.on(renew)

    await shop.hear()

    assert await shop.cart() == ["new"]


async def test_nothing_is_deleted_if_the_callback_raises(shop: Shop) -> None:
    async def forget(_: Update, context: Context) -> None:
        del context.session
        raise RuntimeError

    await shop.sessions.save(ADA.id, Cart(lines=["funghi"]))
    shop.on(forget)

    await shop.hear()

    assert await shop.cart() == ["funghi"]


async def test_if_a_callback_raises_nothing_of_the_update_is_saved(shop: Shop) -> None:
    shop.on(like)
    shop.on(fail, group=1)

    await shop.hear("funghi")

    assert (await shop.cart(), await shop.favourite(), shop.store.saves) == ([], "none", [])
    assert [type(error) for error in shop.errors] == [RuntimeError]


async def test_after_a_failure_the_next_group_gets_what_is_stored(shop: Shop) -> None:
    shop.on(fail)
    shop.on(add_line, group=1)

    await shop.hear("funghi")

    assert await shop.cart() == ["funghi"]


async def test_an_error_callback_has_sessions_of_its_own(shop: Shop) -> None:
    async def note(_: object, context: Context) -> None:
        context.session.lines.append(type(context.error).__name__)

    shop.on(fail)
    shop.application.add_error_handler(note)

    await shop.hear()

    assert await shop.cart() == ["RuntimeError"]


async def test_an_error_callback_that_ends_the_handling_of_the_update_is_saved(shop: Shop) -> None:
    async def note(_: object, context: Context) -> None:
        context.session.lines.append("noted")
        raise ApplicationHandlerStop

    shop.on(fail)
    shop.on(like, group=1)
    shop.application.add_error_handler(note)

    await shop.hear("funghi")

    assert (await shop.cart(), await shop.favourite()) == (["noted"], "none")


async def test_what_an_error_callback_changed_is_not_saved_if_it_raises(shop: Shop) -> None:
    async def note(_: object, context: Context) -> None:
        context.session.lines.append("lost")
        raise RuntimeError

    shop.on(fail)
    shop.application.add_error_handler(note)

    await shop.hear()

    assert await shop.cart() == []


async def test_an_error_callback_can_be_removed(shop: Shop) -> None:
    async def note(_: object, context: Context) -> None:
        context.session.lines.append("noted")

    shop.on(fail)
    shop.application.add_error_handler(note)
    shop.application.remove_error_handler(note)

    await shop.hear()

    assert await shop.cart() == []


async def test_a_callback_that_ends_the_handling_of_the_update_is_saved(shop: Shop) -> None:
    async def last(_: Update, context: Context) -> None:
        context.session.lines.append("kept")
        raise ApplicationHandlerStop

    shop.on(last)
    shop.on(like, group=1)

    await shop.hear("funghi")

    assert (await shop.cart(), await shop.favourite()) == (["kept"], "none")


async def test_a_session_that_cannot_be_saved_is_an_error_of_the_update(shop: Shop) -> None:
    async def spoil(_: Update, context: Context) -> None:
        context.session.lines.append("\0")

    shop.on(spoil)

    await shop.hear()

    assert [type(error).__name__ for error in shop.errors] == ["UnstorableValueError"]


async def test_a_task_that_outlives_its_update_finds_the_session_closed(shop: Shop) -> None:
    over, tasks = asyncio.Event(), list[asyncio.Task[None]]()

    async def stray(context: Context) -> None:
        await over.wait()
        context.session.lines.append("lost")

    async def spawn(_: Update, context: Context) -> None:
        tasks.append(asyncio.create_task(stray(context)))

    shop.on(spawn)
    await shop.hear()
    over.set()

    with pytest.raises(SessionClosedError, match=r"open the session with `sessions\.open`"):
        await tasks[0]


async def test_what_was_lent_is_closed_when_the_update_is_over(shop: Shop) -> None:
    kept: list[Cart] = []

    async def keep(_: Update, context: Context) -> None:
        kept.append(context.session)

    shop.on(keep)
    await shop.hear()

    with pytest.raises(SessionClosedError):
        kept[0].lines = ["lost"]


async def test_a_kept_context_does_not_reach_the_session_of_another_update(shop: Shop) -> None:
    kept: list[Context] = []

    async def spoil_other(_: Update, context: Context) -> None:
        kept.append(context)
        kept[0].session.lines.append("of whom?")

    shop.on(spoil_other)

    await shop.hear()
    await shop.hear(person=BOB)

    assert [type(error) for error in shop.errors] == [SessionClosedError]
    assert (await shop.cart(), await shop.cart(BOB.id)) == (["of whom?"], [])


async def test_an_update_without_a_chat_raises_only_where_its_session_is_used(shop: Shop) -> None:
    async def use_both(_: Update, context: Context) -> None:
        context.likes.favourite = "funghi"

    shop.application.add_handler(any_update(use_both))
    shop.application.add_handler(any_update(add_line), group=1)

    await shop.feed(shop.api.updates.inline_query(ADA, "pizza"))

    assert [type(error) for error in shop.errors] == [MissingKeyError]
    assert await shop.favourite() == "none"


async def test_a_callback_that_needs_no_session_runs_while_the_store_is_down(shop: Shop) -> None:
    heard: list[str] = []

    async def welcome(update: Update, _: Context) -> None:
        heard.append(text_of(update))

    shop.store.failure = StoreUnavailableError("down")
    shop.on(welcome)
    shop.on(add_line, group=1)

    await shop.hear("funghi")

    assert (heard, [type(error) for error in shop.errors]) == (["funghi"], [StoreUnavailableError])


def broken(_: object) -> str:
    raise ZeroDivisionError


async def test_a_key_function_that_raises_fails_only_those_who_use_the_session() -> None:
    binding = SessionBinding(Cart, key=broken)

    class Broken(SessionContext):
        session = binding.in_context()

    async def ignore(_: Update, _context: Broken) -> None: ...

    async def use(_: Update, context: Broken) -> None:
        context.session.lines.append("lost")

    def build_broken(builder: Builder) -> ApplicationBuilder[Any, Any, Any, Any, Any, Any]:
        return builder.application_class(SessionApplication).context_types(ContextTypes(context=Broken))

    async with shop_of(build_broken, binding) as shop:
        for group, callback in enumerate([ignore, use, ignore]):
            shop.on(callback, group=group)

        await shop.hear()

    assert [type(error) for error in shop.errors] == [ZeroDivisionError]


async def test_a_task_that_outlives_its_update_cannot_delete_the_session(shop: Shop) -> None:
    async def keep(_: Update, context: Context) -> None:
        async def stray() -> None:
            await over.wait()
            del context.session

        tasks.append(asyncio.create_task(stray()))

    over, tasks = asyncio.Event(), list[asyncio.Task[None]]()
    shop.on(keep)
    await shop.hear()
    over.set()

    with pytest.raises(SessionClosedError):
        await tasks[0]


async def test_a_callback_that_does_not_block_has_sessions_of_its_own(shop: Shop) -> None:
    gate = asyncio.Event()

    async def later(update: Update, context: Context) -> None:
        await gate.wait()
        context.session.lines.append(f"later {text_of(update)}")

    shop.on(later, block=False)
    shop.on(add_line, group=1)

    await shop.hear("funghi")
    saved_first = await shop.cart()
    gate.set()
    await shop.application.stop()
    await shop.application.start()

    assert (saved_first, await shop.cart()) == (["funghi"], ["funghi", "later funghi"])


async def test_so_has_one_in_a_handler_class_of_ones_own(shop: Shop) -> None:
    class Anything(BaseHandler[Update, Context, None]):
        def check_update(self, update: object) -> bool:
            return isinstance(update, Update)

        def handle_update(self, update: Update, application: object, check_result: object, context: Context) -> Any:  # noqa: ANN401, ARG002 # as the base says
            return self.callback(update, context)

    gate = asyncio.Event()

    async def later(update: Update, context: Context) -> None:
        await gate.wait()
        context.session.lines.append(text_of(update))

    shop.application.add_handler(Anything(later, block=False))

    await shop.hear("funghi")
    gate.set()
    await shop.application.stop()
    await shop.application.start()

    assert await shop.cart() == ["funghi"]


async def test_a_task_that_the_callback_awaits_shares_the_sessions_of_the_update(shop: Shop) -> None:
    async def work(context: Context) -> None:
        context.session.lines.append("by a task")

    async def delegate(update: Update, context: Context) -> None:
        await shop.application.create_task(work(context), update=update)

    shop.on(delegate)

    async with asyncio.timeout(5):
        await shop.hear()

    assert (await shop.cart(), shop.errors) == (["by a task"], [])


async def test_an_injected_callback_shares_the_sessions_of_the_update(shop: Shop) -> None:
    shop.on(add)
    shop.on(add_line, group=1)

    await shop.hear("funghi")

    assert (await shop.cart(), shop.store.saves) == (["funghi", "funghi"], [1])


async def test_a_job_has_sessions_of_its_own(shop: Shop) -> None:
    async def remind(context: Context) -> None:
        context.session.lines.append("reminded")

    assert shop.application.job_queue
    job = shop.application.job_queue.run_once(remind, 3600, chat_id=ADA.id)

    await job.run(shop.application)

    assert (await shop.cart(), shop.errors) == (["reminded"], [])


async def test_what_a_job_changed_is_not_saved_if_it_raises(shop: Shop) -> None:
    async def remind(context: Context) -> None:
        context.session.lines.append("lost")
        raise RuntimeError

    assert shop.application.job_queue
    job = shop.application.job_queue.run_once(remind, 3600, chat_id=ADA.id)

    await job.run(shop.application)

    assert (await shop.cart(), [type(error) for error in shop.errors]) == ([], [RuntimeError])


async def test_a_job_that_a_failed_update_made_has_sessions_of_its_own(shop: Shop) -> None:
    ran = asyncio.Event()

    async def remind(context: Context) -> None:
        context.session.lines.append("reminded")
        ran.set()

    async def schedule(_: Update, _context: Context) -> None:
        assert shop.application.job_queue
        shop.application.job_queue.run_once(remind, timedelta(microseconds=1), chat_id=ADA.id)
        raise RuntimeError

    async def enough(_: object, _context: Context) -> None:
        raise ApplicationHandlerStop

    shop.on(schedule)
    shop.application.add_error_handler(enough)

    await shop.hear()
    await asyncio.wait_for(ran.wait(), 5)
    await shop.application.stop()
    await shop.application.start()

    assert await shop.cart() == ["reminded"]


async def test_a_model_of_the_context_may_be_kept_in_another_store() -> None:
    elsewhere = Sessions(WatchedStore())
    own = SessionBinding(Cart, sessions=elsewhere)

    class Two(SessionContext):
        session = own.in_context()
        likes = prefs.in_context()

    async def both(update: Update, context: Two) -> None:
        context.session.lines.append(text_of(update))
        context.likes.favourite = text_of(update)

    def build_two(builder: Builder) -> ApplicationBuilder[Any, Any, Any, Any, Any, Any]:
        return builder.application_class(SessionApplication).context_types(ContextTypes(context=Two))

    async with shop_of(build_two, own, prefs) as shop:
        shop.on(both)
        await shop.hear("funghi")

        assert (await shop.keys(), await shop.favourite()) == ([], "funghi")
        assert (await elsewhere.load(Cart, ADA.id)).lines == ["funghi"]


async def test_ten_updates_at_once_in_one_chat_all_count(shop: Shop) -> None:
    async def slow(update: Update, context: Context) -> None:
        found = list(context.session.lines)
        await asyncio.sleep(0)
        context.session.lines = [*found, text_of(update)]

    shop.on(slow)

    await asyncio.gather(*(shop.hear(str(number)) for number in range(10)))

    assert sorted(await shop.cart()) == list("0123456789")


async def test_the_context_needs_an_application_with_sessions() -> None:
    async with BotApi() as api:
        application = builder_of(api).context_types(ContextTypes(context=Context)).build()

        with pytest.raises(SessionDefinitionError, match="Context needs a SessionApplication"):
            Shop(api, application).install(carts, prefs)


async def test_a_session_of_the_context_that_is_not_installed_stops_the_start() -> None:
    with pytest.raises(SessionDefinitionError, match="Context: <SessionBinding of Prefs> is not installed"):
        async with shop_of(build, carts):
            pass


async def test_an_application_without_sessions_does_not_start() -> None:
    async with BotApi() as api:
        application = build(builder_of(api)).build()

        with pytest.raises(SessionDefinitionError, match="call install"):
            async with started(application):
                pass


async def test_a_context_that_is_made_by_hand_has_no_sessions(shop: Shop) -> None:
    context: Context = Context(shop.application)

    with pytest.raises(SessionClosedError, match="no SessionApplication had it"):
        context.session.lines.append("lost")


async def test_a_context_that_is_kept_says_how_to_go_on(shop: Shop) -> None:
    kept: list[Context] = []

    async def keep(_: Update, context: Context) -> None:
        kept.append(context)

    shop.on(keep)
    await shop.hear()

    with pytest.raises(SessionClosedError, match=r"it is over, .*; open the session with `sessions\.open`"):
        kept[0].session.lines.append("lost")


async def test_a_job_of_no_chat_is_told_how_to_do_without(shop: Shop) -> None:
    async def remind(context: Context) -> None:
        context.session.lines.append("reminded")

    assert shop.application.job_queue
    await shop.application.job_queue.run_once(remind, 3600).run(shop.application)

    [error] = shop.errors
    assert "give run_once(…, chat_id=…), or bind" in str(error)
    assert str(error).endswith("ask for it elsewhere, or use inject with `Cart | None`")


def test_the_attribute_of_the_class_names_its_binding() -> None:
    assert (Context.session.binding, Context.session_bindings) == (carts, (carts, prefs))


async def test_a_person_is_forgotten_in_every_model(shop: Shop) -> None:
    shop.on(add_line)
    shop.on(like, group=1)
    await shop.hear("funghi")

    assert await shop.sessions.delete_owner(ADA.id) == 2
    assert (await shop.cart(), await shop.favourite()) == ([], Prefs().favourite)
