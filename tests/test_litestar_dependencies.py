"""What the handlers of Litestar can ask for."""

import asyncio
import subprocess
import sys
from typing import Any, cast

import pytest
from litestar import Controller, Litestar, Request, get, post
from litestar.di import NamedDependency, Provide
from litestar.exceptions import ImproperlyConfiguredException
from litestar.middleware import ASGIMiddleware
from litestar.params import FromPath
from litestar.types import ASGIApp, Receive, Scope, Send

from tests.litestar_shop import Cart, Prefs, Shop, asked
from typed_sessions import MemoryStore, Session, SessionConfig, SessionDefinitionError, SessionModel, Sessions
from typed_sessions.integrations.litestar import (
    SessionPlugin,
    Visit,
    Visits,
    provide_data,
    provide_owner,
    provide_session,
    requires_login,
    visit_of,
)


async def test_a_handler_gets_the_data_by_the_name_of_the_model() -> None:
    shop = Shop()
    async with shop.browser() as browser:
        await browser.post("/lines")
        answer = await browser.get("/lines")

    assert answer.json() == ["funghi"]


async def test_a_name_with_hyphens_has_underscores_as_a_parameter() -> None:
    async def choose(my_prefs: NamedDependency[Prefs]) -> str:
        return my_prefs.currency

    answer = await Shop(asked(choose)).ask()

    assert answer.text == "EUR"


async def test_all_that_ask_in_a_request_get_the_same_object() -> None:
    async def total(cart: NamedDependency[Cart]) -> list[str]:
        cart.lines.append("of the dependency")
        return cart.lines

    async def look(
        request: Request[Any, Any, Any],
        total: NamedDependency[list[str]],
        cart: NamedDependency[Cart],
        cart_session: NamedDependency[Session[Cart]],
        visit: NamedDependency[Visit],
    ) -> list[bool]:
        same = [await visit.data(Cart), cart_session.data, await visit_of(request).data(Cart)]
        return [*(each is cart for each in same), cart.lines == ["of the dependency"], total == cart.lines]

    answer = await Shop(asked(look, dependencies={"total": Provide(total)})).ask()

    assert answer.json() == [True] * 5


async def test_the_open_session_can_be_saved_at_once() -> None:
    async def save(cart_session: NamedDependency[Session[Cart]]) -> bool:
        was_new = cart_session.is_new
        await cart_session.save()
        return was_new and not cart_session.is_new

    answer = await Shop(asked(save)).ask()

    assert answer.json() is True


async def test_a_handler_that_asks_for_nothing_reads_nothing() -> None:
    class Refusing(MemoryStore):
        async def load(self, *_: object) -> Any:  # noqa: ANN401 # it raises
            raise AssertionError

    async def idle(visit: NamedDependency[Visit]) -> bool:
        return visit.was_read

    async with Shop(asked(idle), store=Refusing()).browser() as browser:
        browser.cookies.set("session", "A" * 43)
        answer = await browser.post("/ask")

    assert (answer.json(), "vary" in answer.headers) == (False, False)


async def test_a_session_of_the_visit_opened_inside_its_own_turn_does_not_wait_for_itself() -> None:
    async def again(
        cart: NamedDependency[Cart], my_prefs: NamedDependency[Prefs], visit: NamedDependency[Visit]
    ) -> bool:
        async with asyncio.timeout(5), visit.open(Cart) as opened:
            return opened is cart and my_prefs.currency == "EUR"

    shop = Shop(asked(again))
    async with shop.browser() as browser:
        await browser.post("/lines")
        answer = await browser.post("/ask")

    assert answer.text == "true"


async def test_what_the_application_provides_itself_stays() -> None:
    async def own() -> str:
        return "its own"

    async def look(cart: NamedDependency[str]) -> str:
        return cart

    visits = Visits(Sessions(MemoryStore()), [Cart])
    app = Litestar([asked(look)], dependencies={"cart": Provide(own)}, plugins=[SessionPlugin(visits)])
    shop = Shop()
    shop.app = app
    answer = await shop.ask()

    assert answer.text == "its own"


async def test_other_names_can_be_given() -> None:
    class Baskets(Controller):
        path = "/carts/{cart:int}"  # which would be ambiguous
        dependencies = {"handle": provide_session(Cart)}

        @post()
        async def add(
            self, cart: FromPath[int], basket: NamedDependency[Cart], handle: NamedDependency[Session[Cart]]
        ) -> bool:
            return cart == 7 and handle.data is basket

    shop = Shop()
    plugin = SessionPlugin(shop.visits, dependencies={"basket": provide_data(Cart)})
    shop.app = Litestar([Baskets], plugins=[plugin])
    answer = await shop.ask("/carts/7")

    assert answer.text == "true"


class Greeting(ASGIMiddleware):
    """The application's own."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        scope["state"]["owner"] = await visit_of(cast("dict[str, Any]", scope)).owner()
        await next_app(scope, receive, send)


async def test_the_middleware_of_the_application_has_the_visit() -> None:
    async def greet(request: Request[Any, Any, Any]) -> str:
        return f"hello, {request.scope['state']['owner']}"

    async with Shop(asked(greet), middleware=[Greeting()]).browser() as browser:
        await browser.post("/login")
        answer = await browser.post("/ask")

    assert answer.text == "hello, ada"


def test_a_path_parameter_of_the_same_name_is_refused_by_litestar() -> None:
    @get("/carts/{cart:int}")
    async def look(cart: FromPath[int]) -> None: ...

    with pytest.raises(ImproperlyConfiguredException, match="cart"):
        Shop(look)


class Query(SessionModel):
    session_config = SessionConfig(name="query")


def test_a_model_with_a_name_that_litestar_has_reserved_is_refused() -> None:
    with pytest.raises(SessionDefinitionError, match=r"'my_query': provide_data\(Query\)"):
        SessionPlugin(Visits(Sessions(MemoryStore()), [Query]))


def test_only_session_models_are_provided() -> None:
    with pytest.raises(SessionDefinitionError, match="dict has no session_config"):
        provide_data(dict)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]  # the fault


async def test_without_the_plugin_the_error_says_what_is_missing() -> None:
    async def look(cart: NamedDependency[Cart]) -> None: ...

    shop = Shop()
    shop.app = Litestar([asked(look, dependencies={"cart": provide_data(Cart)})], debug=True, logging_config=None)
    answer = await shop.ask()

    assert "there is no SessionMiddleware around this request" in answer.text


@get("/me", dependencies={"owner": provide_owner()})
async def me(owner: NamedDependency[str]) -> str:
    return owner


@get("/orders", guards=[requires_login])
async def orders() -> str:
    return "none"


@pytest.mark.parametrize(("path", "text"), [("/me", "ada"), ("/orders", "none")])
async def test_who_is_not_logged_in_is_told_so(path: str, text: str) -> None:
    async with Shop(me, orders).browser() as browser:
        before = await browser.get(path)
        await browser.post("/login")
        after = await browser.get(path)

    assert (before.status_code, after.status_code, after.text) == (401, 200, text)


def test_without_litestar_the_error_names_the_extra() -> None:
    hidden = "import sys; sys.modules['litestar'] = None; import typed_sessions.integrations.litestar"
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)

    assert 'pip install "typed-sessions[litestar]"' in done.stderr
