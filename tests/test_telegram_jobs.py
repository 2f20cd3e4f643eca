"""Sessions in the jobs of python-telegram-bot."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from telegram.ext import JobQueue

from tests.telegram_bot import ADA, CLUB, Cart, Context, Prefs, Shop, carts, prefs, shop_of
from typed_sessions import MissingKeyError
from typed_sessions.integrations.telegram import KeyFunction, Occasion, Place, SessionBinding, nobody, per_user_in_chat

SOON = timedelta(microseconds=1)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with shop_of() as shop:
        yield shop


def jobs_of(shop: Shop) -> JobQueue[Any]:
    assert shop.application.job_queue
    return shop.application.job_queue


@carts.inject
async def remind(_: Context, cart: Cart) -> None:
    cart.lines.append("reminded")


async def test_a_job_that_runs_once_has_the_session_of_its_chat(shop: Shop) -> None:
    ran = asyncio.Event()

    async def signal(_: Context) -> None:
        ran.set()

    jobs_of(shop).run_once(remind, SOON, chat_id=CLUB.id)
    jobs_of(shop).run_once(signal, SOON * 2)
    await asyncio.wait_for(ran.wait(), 5)
    await shop.application.stop()
    await shop.application.start()

    assert await shop.cart(CLUB.id) == ["reminded"]


async def test_a_job_that_repeats_gets_what_its_last_run_left(shop: Shop) -> None:
    counted: list[int] = []
    twice = asyncio.Event()

    @carts.inject
    async def count(_: Context, cart: Cart) -> None:
        cart.lines.append("again")
        counted.append(len(cart.lines))
        if len(counted) == 2:
            twice.set()

    jobs_of(shop).run_repeating(count, timedelta(milliseconds=10), chat_id=ADA.id)
    await asyncio.wait_for(twice.wait(), 5)

    assert counted[:2] == [1, 2]


async def test_a_job_may_have_the_session_of_a_user(shop: Shop) -> None:
    @prefs.inject
    async def forget(_: Context, likes: Prefs) -> None:
        likes.favourite = "forgotten"

    job = jobs_of(shop).run_once(forget, 3600, user_id=ADA.id)

    await job.run(shop.application)

    assert await shop.favourite() == "forgotten"


async def test_a_job_of_no_chat_raises_for_its_error_callbacks(shop: Shop) -> None:
    job = jobs_of(shop).run_once(remind, 3600)

    await job.run(shop.application)

    [error] = shop.errors
    assert isinstance(error, MissingKeyError)
    assert "`job` is from no chat; give run_once(…, chat_id=…), or bind the session model with" in str(error)


@pytest.mark.parametrize(
    ("key", "advice"),
    [(per_user_in_chat, "from no user; give run_once(…, user_id=…), or bind"), (nobody, "for the event `job`; bind")],
)
async def test_a_job_is_told_what_its_key_is_made_of(key: KeyFunction, advice: str) -> None:
    binding = SessionBinding(Cart, key=key)
    async with shop_of(None, binding) as shop:
        job = jobs_of(shop).run_once(binding.inject(remind.__wrapped__), 3600, chat_id=CLUB.id)

        await job.run(shop.application)

    assert advice in str(shop.errors[0])


def by_data(place: Place[Occasion]) -> int | None:
    job = place.source.context.job
    return job.data if job and isinstance(job.data, int) else None


async def test_a_key_function_sees_the_job() -> None:
    binding = SessionBinding(Cart, key=by_data)
    async with shop_of(None, binding) as shop:
        job = jobs_of(shop).run_once(binding.inject(remind.__wrapped__), 3600, data=99)

        await job.run(shop.application)

        assert await shop.cart(99) == ["reminded"]


async def test_nothing_is_saved_if_the_job_raises(shop: Shop) -> None:
    @carts.inject
    async def fail(_: Context, cart: Cart) -> None:
        cart.lines.append("lost")
        raise RuntimeError

    @carts.inject
    async def note(_: object, context: Context, cart: Cart) -> None:
        cart.lines.append(type(context.error).__name__)

    shop.application.add_error_handler(note)
    job = jobs_of(shop).run_once(fail, 3600, chat_id=ADA.id)

    await job.run(shop.application)

    assert await shop.cart() == ["RuntimeError"]


class Reminder:
    async def remind(self, _: Context, cart: Cart) -> None:
        cart.lines.append(type(self).__name__)

    @carts.inject
    async def decorated(self, _: Context, cart: Cart) -> None:
        cart.lines.append(type(self).__name__)


async def test_a_job_may_be_a_method(shop: Shop) -> None:
    decorated: Any = Reminder().decorated  # type checkers take the object for the update

    await jobs_of(shop).run_once(carts.inject(Reminder().remind), 3600, chat_id=ADA.id).run(shop.application)
    await jobs_of(shop).run_once(decorated, 3600, chat_id=ADA.id).run(shop.application)

    assert (await shop.cart(), shop.errors) == (["Reminder", "Reminder"], [])


async def test_a_job_and_an_update_of_one_chat_take_turns(shop: Shop) -> None:
    @carts.inject
    async def slow(_: object, _context: Context, cart: Cart) -> None:
        found = list(cart.lines)
        await asyncio.sleep(0)
        cart.lines = [*found, "update"]

    shop.on(slow)
    job = jobs_of(shop).run_once(remind, 3600, chat_id=ADA.id)

    await asyncio.gather(shop.hear(), job.run(shop.application), shop.hear())

    assert sorted(await shop.cart()) == ["reminded", "update", "update"]
