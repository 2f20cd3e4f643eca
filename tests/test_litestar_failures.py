"""The error of a save that is a fault of the application comes out of Litestar as it is."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from litestar.di import NamedDependency
from litestar.exceptions import LitestarException
from litestar.response import Stream
from litestar.testing import AsyncTestClient

from tests.litestar_shop import FUNGHI, Cart, Shop, asked
from typed_sessions import SchemaMismatchError, Sessions, UnstorableValueError
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore


async def write(cart: NamedDependency[Cart]) -> None:
    cart.lines.append("\0")


async def test_a_value_that_cannot_be_stored_is_what_a_test_sees() -> None:
    async with AsyncTestClient(Shop(asked(write)).app) as browser:
        with pytest.raises(UnstorableValueError, match="cannot be stored") as caught:
            await browser.post("/ask")

    assert not isinstance(caught.value.__context__, LitestarException)


async def test_without_its_table_the_application_does_not_start(tmp_path: Path) -> None:
    store = SQLAlchemyStore.from_url(f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}")
    app = Shop(store=store).app

    with pytest.RaisesGroup(pytest.RaisesExc(SchemaMismatchError, match="typed-sessions db upgrade")):
        async with Sessions(store), app.lifespan():
            pass


async def test_an_application_starts_while_its_database_is_away(caplog: pytest.LogCaptureFixture) -> None:
    store = SQLAlchemyStore.from_url("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")

    async with Sessions(store), Shop(store=store).app.lifespan():
        pass

    assert "the application starts, but its sessions cannot be read yet" in caplog.text


async def test_what_a_stream_cannot_store_is_what_a_test_sees() -> None:
    async def stream(cart: NamedDependency[Cart]) -> Stream:
        async def pieces() -> AsyncGenerator[str]:
            yield "some"
            cart.lines.append("\0")

        cart.lines.append("before")
        return Stream(pieces())

    async with AsyncTestClient(Shop(asked(stream)).app) as browser:
        with pytest.raises(UnstorableValueError):
            await browser.post("/ask")


async def test_errors_of_others_stay_as_litestar_raises_them() -> None:
    async def stream() -> Stream:
        async def pieces() -> AsyncGenerator[str]:
            yield "some"
            raise ValueError

        return Stream(pieces())

    async with AsyncTestClient(Shop(asked(stream)).app) as browser:
        with pytest.raises(LitestarException):
            await browser.post("/ask")


async def test_an_application_that_starts_again_is_the_same() -> None:
    shop = Shop()
    async with AsyncTestClient(shop.app) as browser:
        await browser.post("/lines")
    handler = shop.app.asgi_handler

    async with AsyncTestClient(shop.app) as browser:
        await browser.post("/lines")

    assert shop.app.asgi_handler is handler
    assert await shop.stored() == [FUNGHI] * 2
