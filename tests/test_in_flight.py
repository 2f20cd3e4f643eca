"""What a bot that stops waits for."""

import asyncio
import logging

import pytest

from typed_sessions.integrations.in_flight import InFlight


async def test_what_ends_in_time_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    in_flight = InFlight(timeout=30)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def handle() -> None:
        with in_flight.running():
            begun.set()
            await go_on.wait()

    handling = asyncio.create_task(handle())
    await begun.wait()
    asyncio.get_running_loop().call_soon(go_on.set)
    await in_flight.wait()

    assert go_on.is_set()
    assert caplog.records == []
    await handling


async def test_what_was_waited_for_in_vain_is_not_waited_for_again(caplog: pytest.LogCaptureFixture) -> None:
    in_flight = InFlight(timeout=0.01)

    with in_flight.running(), caplog.at_level(logging.WARNING):
        await in_flight.wait()
        await in_flight.wait()

    assert len(caplog.records) == 1


async def test_what_began_since_is(caplog: pytest.LogCaptureFixture) -> None:
    in_flight = InFlight(timeout=0.01)

    with in_flight.running(), caplog.at_level(logging.WARNING):
        await in_flight.wait()
        with in_flight.running():
            await in_flight.wait()

    assert [record.args for record in caplog.records] == [(1, 0.01), (2, 0.01)]
