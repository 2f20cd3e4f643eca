"""The two days of the shop, with a deploy between them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from aiogram import Dispatcher

from pizza import day_one, day_two
from pizza.bot_api import BotApi
from pizza.checks import Check, Day, checks
from pizza.database import Row, demo_table, rows, store
from pizza.recording import Event, bursts, recorded
from pizza.screen import Screen
from typed_sessions import Sessions
from typed_sessions.testing.bots.aiogram import polled

Night = Callable[[str], Awaitable[None]]
"""What happens to the database between the days, given its URL."""


async def quiet_night(url: str, /) -> None:
    """Leave the carts alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the days are played: an async SQLAlchemy URL, and the screen that shows them.

    An answer may take `patience` seconds. `serialize` is that of `Sessions`.
    """

    url: str
    screen: Screen
    night: Night = quiet_night
    patience: float = 20.0
    serialize: bool = True


async def two_days(stage: Stage) -> Sequence[Check]:
    """Play both days and check them."""
    screen = stage.screen
    async with demo_table(stage.url):
        screen.title("Day one: the cart has version 1, a list of names")
        one = await day(recorded("day_one"), day_one.shop, stage)
        screen.title("In the database that evening")
        screen.rows(one.rows)
        await stage.night(stage.url)
        screen.title("Day two: version 3 is deployed; yesterday's carts are still there")
        two = await day(recorded("day_two"), day_two.shop, stage)
        screen.title("In the database that evening")
        screen.rows(two.rows, one.rows)
        screen.say(upcasts(one.rows, two.rows))
    screen.title("What was checked")
    found = checks(one, two)
    screen.checks(found)
    return found


async def day(events: Sequence[Event], shop: Callable[[Sessions], Dispatcher], stage: Stage) -> Day:
    """Let the bot of a shop poll while people say what was recorded. Without an answer they give up."""
    sessions = Sessions(store(stage.url), serialize=stage.serialize)
    async with BotApi() as api, sessions, polled(shop(sessions), api):
        with suppress(TimeoutError):
            for burst in bursts(events):
                await talk(burst, api, stage)
    return Day(events, api.answers, api.confirmed, await rows(stage.url))


async def talk(burst: Sequence[Event], api: BotApi, stage: Stage) -> None:
    """Say these things within one second, and wait until each is taken and answered.

    Raises:
        TimeoutError: it took longer than the stage's patience.
    """
    before, taken = len(api.answers), len(api.confirmed) + len(burst)
    due = before + len([event for event in burst if event.text is not None])
    try:
        async with asyncio.timeout(stage.patience):
            await api.deliver(*[event.json for event in burst])
            await api.until(lambda: len(api.answers) >= due and len(api.confirmed) >= taken)
    finally:
        stage.screen.talk(burst, api.answers[before:])


def upcasts(before: Sequence[Row], after: Sequence[Row]) -> str:
    versions = {(row.model, row.key): row.version for row in before}
    upcast = [row.key for row in after if versions.get((row.model, row.key), row.version) < row.version]
    return f"Upcast when they were read: {', '.join(upcast) or 'none'}."
