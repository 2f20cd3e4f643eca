"""What FastAPI does beside, and what is saved then."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Annotated, Literal

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse

from tests.fastapi_shop import Cart, CartDep, Shop
from typed_sessions import SessionClosedError, SessionConflictError, TypedSessionsError
from typed_sessions.integrations.fastapi import Visit, VisitDep

FUNGHI = '{"lines":["funghi"],"customer_id":null}'
WITH_DIAVOLA = '{"lines":["funghi","diavola"],"customer_id":null}'


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize(("status", "stored"), [(404, [FUNGHI]), (500, []), (503, [])])
async def test_an_http_exception_of_the_server_saves_nothing(shop: Shop, status: int, stored: list[str]) -> None:
    async def order(cart: CartDep) -> None:
        cart.lines.append("funghi")
        raise HTTPException(status)

    response = await shop.ask(order)

    assert (response.status_code, await shop.stored()) == (status, stored)


@pytest.mark.parametrize(("status", "stored"), [(402, [FUNGHI]), (500, [])])
async def test_a_dependency_may_change_it_and_refuse(shop: Shop, status: int, stored: list[str]) -> None:
    async def refuse(cart: CartDep) -> None:
        cart.lines.append("funghi")
        raise HTTPException(status)

    async def order(_: Annotated[None, Depends(refuse)]) -> None: ...

    response = await shop.ask(order)

    assert (response.status_code, await shop.stored()) == (status, stored)


async def test_an_endpoint_that_raises_saves_nothing(shop: Shop) -> None:
    async def order(cart: CartDep) -> None:
        cart.lines.append("funghi")
        raise ZeroDivisionError

    response = await shop.ask(order)

    assert (response.status_code, await shop.stored()) == (500, [])


async def test_a_request_that_is_not_valid_saves_what_a_dependency_changed(shop: Shop) -> None:
    async def note(cart: CartDep) -> None:
        cart.lines.append("funghi")

    async def order(_: Annotated[None, Depends(note)], amount: int) -> int:
        return amount

    response = await shop.ask(order)

    assert (response.status_code, await shop.stored()) == (422, [FUNGHI])


@pytest.mark.parametrize("model", [Cart, None])
async def test_the_sessions_own_data_may_be_the_response(shop: Shop, model: object) -> None:
    @shop.app.post("/", response_model=model)
    async def order(cart: CartDep) -> Cart:
        cart.lines.append("funghi")
        return cart

    async with shop.browser() as browser:
        response = await browser.post("/")

    assert response.text == FUNGHI


async def test_a_response_model_may_leave_fields_out(shop: Shop) -> None:
    @shop.app.post("/", response_model=Cart, response_model_exclude={"customer_id"})
    async def order(cart: CartDep) -> Cart:
        cart.lines.append("funghi")
        return cart

    async with shop.browser() as browser:
        response = await browser.post("/")

    assert (response.text, await shop.stored()) == ('{"lines":["funghi"]}', [FUNGHI])


async def test_a_stream_reads_and_changes_the_session(shop: Shop) -> None:
    async def order(cart: CartDep) -> StreamingResponse:
        async def pizzas() -> AsyncIterator[str]:
            yield cart.lines[0]
            cart.lines.append("diavola")

        cart.lines.append("funghi")
        return StreamingResponse(pizzas())

    response = await shop.ask(order)

    assert (response.text, await shop.stored()) == ("funghi", [WITH_DIAVOLA])


async def late_dependency(cart: CartDep) -> AsyncGenerator[None]:
    cart.lines.append("funghi")
    yield
    cart.lines.append("diavola")


@pytest.mark.parametrize("scope", ["function", "request"])
async def test_what_a_dependency_changes_behind_its_yield_is_saved(
    shop: Shop, scope: Literal["function", "request"]
) -> None:
    depends = Depends(late_dependency, scope=scope)

    async def order(_: Annotated[None, depends]) -> None: ...

    await shop.ask(order)

    assert await shop.stored() == [WITH_DIAVOLA]


async def test_a_dependency_that_raises_behind_its_yield_saves_nothing_more(shop: Shop) -> None:
    async def fails(cart: CartDep) -> AsyncGenerator[None]:
        yield
        cart.lines.append("diavola")
        raise ZeroDivisionError

    async def order(cart: CartDep, _: Annotated[None, Depends(fails)]) -> None:
        cart.lines.append("funghi")

    await shop.ask(order)

    assert await shop.stored() == [FUNGHI]


async def test_a_background_task_cannot_begin_a_visit(shop: Shop) -> None:
    failures: list[Exception] = []

    async def order(visit: VisitDep, cart: CartDep, tasks: BackgroundTasks) -> None:
        async def later() -> None:
            cart.lines.append("funghi")
            try:
                await visit.save()
            except SessionClosedError as error:
                cart.lines.clear()
                failures.append(error)

        tasks.add_task(later)

    await shop.ask(order)

    assert "its cookie cannot be sent any more" in str(failures[0])


async def add_diavola(visit: Visit) -> None:
    async with visit.open(Cart) as cart:
        cart.lines.append("diavola")


async def clash(shop: Shop, change: Callable[[Cart], object], inner: FastAPI | None = None) -> int:
    """The status when a request changes a cart that somebody else changes meanwhile."""
    app = inner or shop.app

    @app.post("/begin")
    async def begin(cart: CartDep) -> None:
        cart.lines.append("funghi")

    @app.get("/change")
    async def late(cart: CartDep, visit: VisitDep) -> None:
        # In a task of its own, since a turn in the same one would join.
        await asyncio.create_task(add_diavola(visit))
        change(cart)

    async with shop.browser() as browser:
        await browser.post("/begin")
        return (await browser.get("/change")).status_code


async def test_a_conflict_is_answered_with_409(shop: Shop) -> None:
    assert await clash(shop, lambda cart: cart.lines.append("mine")) == 409


async def test_changes_of_different_fields_are_merged(shop: Shop) -> None:
    assert await clash(shop, lambda cart: setattr(cart, "customer_id", 7)) == 200
    assert await shop.stored() == ['{"lines":["funghi","diavola"],"customer_id":7}']


async def test_an_exception_handler_may_answer_a_conflict(shop: Shop) -> None:
    @shop.app.exception_handler(TypedSessionsError)
    async def sorry(_request: Request, _error: TypedSessionsError) -> JSONResponse:
        return JSONResponse({"detail": "sorry"}, status_code=418)

    assert await clash(shop, lambda cart: cart.lines.append("mine")) == 418


async def test_an_exception_handler_in_a_thread_may_answer_a_conflict(shop: Shop) -> None:
    def sorry(_request: Request, _error: Exception) -> JSONResponse:
        return JSONResponse({"detail": "sorry"}, status_code=418)

    shop.app.add_exception_handler(SessionConflictError, sorry)

    assert await clash(shop, lambda cart: cart.lines.append("mine")) == 418


async def test_the_exception_handler_of_a_mounted_application_answers_for_it(shop: Shop) -> None:
    inner = FastAPI()

    @inner.exception_handler(SessionConflictError)
    async def sorry(_request: Request, _error: SessionConflictError) -> JSONResponse:
        return JSONResponse({"detail": "sorry"}, status_code=418)

    shop.app.mount("/", inner)

    assert await clash(shop, lambda cart: cart.lines.append("mine"), inner) == 418


async def test_an_exception_handler_for_faults_does_not_answer_a_conflict(shop: Shop) -> None:
    @shop.app.exception_handler(Exception)
    async def sorry(_request: Request, _error: Exception) -> JSONResponse:
        return JSONResponse({"detail": "sorry"}, status_code=500)

    assert await clash(shop, lambda cart: cart.lines.append("mine")) == 409


async def test_an_exception_handler_cannot_call_a_conflict_a_success(shop: Shop) -> None:
    @shop.app.exception_handler(SessionConflictError)
    async def lie(_request: Request, _error: SessionConflictError) -> JSONResponse:
        return JSONResponse({"saved": True})

    assert await clash(shop, lambda cart: cart.lines.append("mine")) == 409


async def test_an_exception_handler_answers_a_save_of_the_endpoints_own(shop: Shop) -> None:
    @shop.app.exception_handler(SessionConflictError)
    async def sorry(_request: Request, _error: SessionConflictError) -> JSONResponse:
        return JSONResponse({"detail": "sorry"}, status_code=418)

    @shop.app.get("/save")
    async def save(cart: CartDep, visit: VisitDep) -> None:
        await asyncio.create_task(add_diavola(visit))
        cart.lines.append("mine")
        await visit.save()

    async with shop.browser() as browser:
        await clash(shop, Cart.model_dump)
        await browser.post("/begin")
        response = await browser.get("/save")

    assert response.status_code == 418
