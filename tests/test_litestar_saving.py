"""What is saved of a visit, and what Litestar answers if it cannot be."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from litestar import Request, Response, get
from litestar.background_tasks import BackgroundTask
from litestar.config.csrf import CSRFConfig
from litestar.config.response_cache import ResponseCacheConfig
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, NotFoundException
from litestar.response import Redirect, Stream
from litestar.types import Scope

from tests.litestar_shop import FUNGHI, Cart, Shop, asked
from typed_sessions import (
    LockTimeoutError,
    MemoryStore,
    Record,
    Session,
    SessionConflictError,
    SessionGoneError,
    SessionKey,
    Sessions,
    StoreUnavailableError,
)
from typed_sessions.integrations.litestar import CsrfMiddleware, Visit

OUTRUN = "Somebody else changed the same at the same time. Load the page again and repeat."
BUSY = "The service is busy. Try again in a moment."


async def raises_not_found(cart: NamedDependency[Cart]) -> None:
    cart.lines.append("funghi")
    raise NotFoundException


async def raises_503(cart: NamedDependency[Cart]) -> None:
    cart.lines.append("funghi")
    raise HTTPException(status_code=503)


async def raises(cart: NamedDependency[Cart]) -> None:
    cart.lines.append("funghi")
    raise ValueError


async def answers_503(cart: NamedDependency[Cart]) -> Response[None]:
    cart.lines.append("funghi")
    return Response(None, status_code=503)


async def redirects(cart: NamedDependency[Cart]) -> Redirect:
    cart.lines.append("funghi")
    return Redirect("/lines")


@pytest.mark.parametrize(
    ("handler", "status", "stored"),
    [
        (raises_not_found, 404, [FUNGHI]),
        (raises_503, 503, []),
        (raises, 500, []),
        (answers_503, 503, []),
        (redirects, 302, [FUNGHI]),
    ],
)
async def test_it_is_saved_by_the_status(handler: Any, status: int, stored: list[str]) -> None:  # noqa: ANN401 # Litestar's
    shop = Shop(asked(handler, status_code=302 if handler is redirects else None))
    answer = await shop.ask()

    assert (answer.status_code, await shop.stored()) == (status, stored)


async def test_an_error_saves_nothing_whatever_the_application_makes_of_it() -> None:
    def repair(_request: Request[Any, Any, Any], _error: ValueError) -> Response[str]:
        return Response("never mind", status_code=422)

    shop = Shop(asked(raises), exception_handlers={ValueError: repair})
    answer = await shop.ask()

    assert (answer.status_code, await shop.stored()) == (422, [])


async def outrun(cart: NamedDependency[Cart], cart_session: NamedDependency[Session[Cart]], scope: Scope) -> str:
    """Another process changes the same field meanwhile."""
    store = scope["litestar_app"].state.store
    async with Sessions(store).open(Cart, cart_session.key) as other:
        other.customer_id = 1
    cart.customer_id = 2
    return "done"


def outrun_shop(**options: Any) -> Shop:  # noqa: ANN401 # Litestar's
    store = MemoryStore()
    shop = Shop(asked(outrun, media_type="application/json"), store=store, **options)
    shop.app.state.store = store
    return shop


async def test_a_failed_save_is_never_a_success() -> None:
    answer = await outrun_shop().ask()

    assert (answer.status_code, answer.json()) == (409, {"status_code": 409, "detail": OUTRUN})


async def test_what_else_wraps_the_response_sees_a_failed_save_too() -> None:
    seen: list[int] = []

    async def note(message: Any, _scope: Scope) -> None:  # noqa: ANN401 # Litestar's
        if message["type"] == "http.response.start":
            seen.append(message["status"])

    await outrun_shop(before_send=[note]).ask()

    assert seen == [409]


async def test_the_application_may_answer_for_a_failed_save_itself() -> None:
    def again(_request: Request[Any, Any, Any], error: SessionConflictError) -> Response[list[str]]:
        return Response([*error.fields], status_code=412)

    answer = await outrun_shop(exception_handlers={SessionConflictError: again}).ask()

    assert (answer.status_code, answer.json()) == (412, ["customer_id"])


async def test_the_application_cannot_make_a_success_of_a_failed_save() -> None:
    def well(_request: Request[Any, Any, Any], _error: SessionConflictError) -> Response[str]:
        return Response("all is well")

    answer = await outrun_shop(exception_handlers={SessionConflictError: well}).ask()

    assert (answer.status_code, "well" in answer.text) == (409, False)


async def test_hooks_hear_of_a_failed_save() -> None:
    heard: list[Exception] = []

    async def hear(error: Exception, _scope: Scope) -> None:
        heard.append(error)

    await outrun_shop(after_exception=[hear]).ask()

    assert [type(error) for error in heard] == [SessionConflictError]


async def test_a_value_that_cannot_be_stored_is_a_fault_of_the_application() -> None:
    async def write(cart: NamedDependency[Cart]) -> None:
        cart.lines.append("\0")

    shop = Shop(asked(write))
    answer = await shop.ask()

    assert (answer.status_code, await shop.stored()) == (500, [])


KEY = SessionKey.of("cart", "any")


@pytest.mark.parametrize(
    ("error", "status", "detail", "retry_after"),
    [
        (SessionConflictError(KEY, ["lines"]), 409, OUTRUN, None),
        (SessionGoneError(KEY), 409, OUTRUN, None),
        (LockTimeoutError(KEY, waited=30, holder="another"), 503, BUSY, "1"),
        (StoreUnavailableError("no answer"), 503, BUSY, "1"),
    ],
)
async def test_errors_of_a_session_are_answered_in_litestars_form(
    error: Exception, status: int, detail: str, retry_after: str | None
) -> None:
    async def fail(cart: NamedDependency[Cart]) -> None:
        cart.lines.append("funghi")
        raise error

    shop = Shop(asked(fail))
    answer = await shop.ask()

    assert (answer.json(), answer.headers["cache-control"]) == ({"status_code": status, "detail": detail}, "no-store")
    assert (answer.headers.get("retry-after"), await shop.stored()) == (retry_after, [])


class Down(MemoryStore):
    async def load(self, *_: object) -> dict[SessionKey, Record]:
        raise StoreUnavailableError("no answer")


async def test_a_store_that_does_not_answer_is_503() -> None:
    async with Shop(store=Down()).browser() as browser:
        browser.cookies.set("session", "A" * 43)
        answer = await browser.get("/lines")

    assert (answer.status_code, answer.json()["detail"]) == (503, BUSY)


async def test_requests_of_one_visit_that_write_come_one_after_another() -> None:
    shop = Shop()
    async with shop.browser() as browser:
        await browser.post("/lines")
        await asyncio.gather(*(browser.post("/lines") for _ in range(9)))
        answer = await browser.get("/lines")

    assert answer.json() == ["funghi"] * 10


async def test_a_login_gives_the_visit_another_id_and_keeps_the_cart() -> None:
    shop = Shop()
    async with shop.browser() as browser:
        await browser.post("/lines")
        before = browser.cookies["session"]
        await browser.post("/login")
        answer = await browser.get("/lines")
        after = browser.cookies["session"]

    assert (answer.json(), before != after) == (["funghi"], True)


async def test_what_a_stream_and_a_background_task_change_is_saved() -> None:
    async def stream(cart: NamedDependency[Cart]) -> Stream:
        async def pieces() -> AsyncGenerator[str]:
            cart.lines.append("streamed")
            yield "some"

        cart.lines.append("before")
        return Stream(pieces(), background=BackgroundTask(later, cart))

    async def later(cart: Cart) -> None:
        cart.lines.append("afterwards")

    shop = Shop(asked(stream))
    await shop.ask()

    assert await shop.stored() == ['{"lines":["before","streamed","afterwards"],"customer_id":null}']


@get("/cached", cache=True)
async def cached(cart: NamedDependency[Cart]) -> int:
    return len(cart.lines)


async def test_what_depends_on_a_visit_is_kept_from_the_response_cache() -> None:
    shop = Shop(cached)
    async with shop.browser() as one, shop.browser() as other:
        await one.post("/lines")
        numbers = [(await one.get("/cached")).json(), (await other.get("/cached")).json()]

    assert numbers == [1, 0]


async def test_with_keys_of_its_own_the_application_may_cache_it() -> None:
    calls: list[None] = []

    @get("/cached", cache=True)
    async def count(cart: NamedDependency[Cart]) -> int:
        calls.append(None)
        return len(cart.lines)

    def per_visit(request: Request[Any, Any, Any]) -> str:
        return request.cookies.get("session", "")

    async with Shop(count, response_cache_config=ResponseCacheConfig(key_builder=per_visit)).browser() as browser:
        await browser.post("/lines")
        numbers = [(await browser.get("/cached")).json() for _ in range(2)]

    assert (numbers, len(calls)) == ([1, 1], 1)


async def test_what_depends_on_no_visit_is_cached_as_ever() -> None:
    calls: list[None] = []

    @get("/cached", cache=True)
    async def count() -> int:
        calls.append(None)
        return len(calls)

    async with Shop(count).browser() as browser:
        numbers = [(await browser.get("/cached")).json() for _ in range(2)]

    assert numbers == [1, 1]


async def test_litestars_own_csrf_protection_works_beside() -> None:
    shop = Shop(csrf_config=CSRFConfig(secret="s" * 32, cookie_secure=False))
    async with shop.browser() as browser:
        refused = await browser.post("/lines")
        await browser.get("/lines")
        taken = await browser.post("/lines", headers={"x-csrftoken": browser.cookies["csrftoken"]})

    assert (refused.status_code, taken.status_code, await shop.stored()) == (403, 201, [FUNGHI])


@get("/form")
async def form(csrf_token: NamedDependency[str]) -> str:
    return csrf_token


async def test_our_csrf_protection_stands_inside_the_session() -> None:
    shop = Shop(form, csrf=CsrfMiddleware)
    async with shop.browser() as browser:
        refused = await browser.post("/lines")
        token = (await browser.get("/form")).text
        taken = await browser.post("/lines", headers={"x-csrf-token": token})

    assert (refused.status_code, taken.status_code, await shop.stored()) == (403, 201, [FUNGHI])


async def test_a_logout_ends_the_visit() -> None:
    async def logout(visit: NamedDependency[Visit]) -> None:
        await visit.logout()

    shop = Shop(asked(logout))
    async with shop.browser() as browser:
        await browser.post("/lines")
        await browser.post("/ask")

    assert (await shop.stored(), dict(browser.cookies)) == ([], {})
