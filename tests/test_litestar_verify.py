"""An application of Litestar whose handlers would not get their sessions says so when it is made."""

from collections.abc import Callable
from typing import Any, Protocol

import pytest
from litestar import Litestar, WebSocket, websocket, websocket_listener
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, JSONBody

from tests.litestar_shop import Cart, Prefs, Shop, Unknown, asked
from typed_sessions import (
    MemoryStore,
    Session,
    SessionDefinitionError,
    SessionModel,
    Sessions,
    SyncMemoryStore,
    SyncSessions,
)
from typed_sessions.integrations.litestar import (
    Cookie,
    SessionPlugin,
    Visit,
    Visits,
    provide_data,
    provide_session,
    provide_visit,
)

OTHERS = {"unknown": provide_data(Unknown), "handle": provide_session(Unknown)}


class HasLines(Protocol):
    lines: list[str]


async def of_a_wrong_model(cart: NamedDependency[Prefs]) -> None: ...
async def of_data_for_a_session(cart_session: NamedDependency[Cart]) -> None: ...
async def of_a_session_for_data(cart: NamedDependency[Session[Cart]]) -> None: ...
async def of_another_session(cart_session: NamedDependency[Session[Unknown]]) -> None: ...
async def of_text(cart: NamedDependency[str]) -> None: ...
async def of_a_list(cart: NamedDependency[list[str]]) -> None: ...
async def of_an_optional(cart: NamedDependency[Prefs | None]) -> None: ...
async def of_unknown(unknown: NamedDependency[Unknown]) -> None: ...
async def of_an_unknown_session(handle: NamedDependency[Session[Unknown]]) -> None: ...
async def of_the_body(data: JSONBody[Cart]) -> None: ...
async def behind_another(behind: NamedDependency[None]) -> None: ...


@pytest.mark.parametrize(
    ("handler", "problem"),
    [
        (
            of_a_wrong_model,
            "of_a_wrong_model: `cart: Prefs` gets provide_data(Cart); write `cart: NamedDependency[Cart]`",
        ),
        (
            of_data_for_a_session,
            "`cart_session: Cart` gets provide_session(Cart); write `cart_session: NamedDependency[Session[Cart]]`",
        ),
        (of_a_session_for_data, "`cart: Session[Cart]` gets provide_data(Cart); write `cart: NamedDependency[Cart]`"),
        (
            of_another_session,
            "write `cart_session: NamedDependency[Session[Cart]]`; or, for what it asks for, write `handle: ",
        ),
        (of_a_wrong_model, "; or, for what it asks for, write `my_prefs: NamedDependency[Prefs]`"),
        (of_another_session, "`cart_session: Session[Unknown]` gets provide_session(Cart)"),
        (of_text, "`cart: str` gets provide_data(Cart); write `cart: NamedDependency[Cart]`"),
        (of_a_list, "`cart: list[str]` gets provide_data(Cart)"),
        (of_an_optional, "gets provide_data(Cart); write `cart: NamedDependency[Cart]`"),
        (
            of_unknown,
            "provide_data(Unknown), but the visits have no Unknown; add it: Visits(sessions, models=[…, Unknown])",
        ),
        (of_an_unknown_session, "`handle` gets provide_session(Unknown), but the visits have no Unknown"),
        (of_the_body, "`data: Cart` would come from the request; write `cart: NamedDependency[Cart]`"),
        (behind_another, "of_a_wrong_model: `cart: Prefs` gets provide_data(Cart)"),
    ],
)
def test_a_handler_that_would_not_get_its_session_is_an_error(handler: Callable[..., Any], problem: str) -> None:
    with pytest.raises(SessionDefinitionError) as caught:
        Shop(asked(handler, dependencies={**OTHERS, "behind": Provide(of_a_wrong_model)}))

    assert problem in str(caught.value)


def test_a_model_that_nothing_provides_is_an_error() -> None:
    async def look(basket: FromQuery[Unknown]) -> None: ...

    with pytest.raises(SessionDefinitionError, match=r"dependencies=\{\"…\": provide_data\(Unknown\)\}"):
        Shop(asked(look))


def test_a_socket_that_would_not_get_its_session_is_an_error() -> None:
    @websocket("/socket")
    async def talk(socket: WebSocket[Any, Any, Any], cart: NamedDependency[Prefs]) -> None: ...

    with pytest.raises(SessionDefinitionError, match="talk: `cart: Prefs`"):
        Shop(talk)


def test_a_listener_that_would_not_get_its_session_is_an_error() -> None:
    @websocket_listener("/socket")
    async def listen(data: str, cart: NamedDependency[Prefs]) -> None: ...

    with pytest.raises(SessionDefinitionError, match="`cart: Prefs`"):
        Shop(listen)


async def of_any(cart: NamedDependency[Any]) -> None: ...
async def of_a_base(cart: NamedDependency[SessionModel]) -> None: ...
async def of_a_protocol(cart: NamedDependency[HasLines]) -> None: ...
async def of_a_choice(cart: NamedDependency[Cart | None]) -> None: ...
async def of_a_base_session(cart_session: NamedDependency[Session[Any]]) -> None: ...


@pytest.mark.parametrize("handler", [of_any, of_a_base, of_a_protocol, of_a_choice, of_a_base_session])
def test_an_annotation_that_may_fit_is_let_in(handler: Callable[..., Any]) -> None:
    assert Shop(asked(handler)).app.routes


def test_the_visits_of_another_plugin_count_too() -> None:
    other = Visits(Sessions(MemoryStore()), [Unknown], cookie=Cookie(name="other"))
    plugin = SessionPlugin(other, dependencies={"there": provide_visit(), **OTHERS})

    assert Shop(asked(of_unknown), plugins=[plugin]).app.routes


def test_something_else_than_visits_is_refused() -> None:
    with pytest.raises(SessionDefinitionError, match="SessionPlugin takes Visits, not a Sessions: Visits"):
        SessionPlugin(Sessions(MemoryStore()))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the fault


def test_visits_for_threads_are_refused() -> None:
    visits = Visits(SyncSessions(SyncMemoryStore()), [Cart])

    with pytest.raises(SessionDefinitionError, match=r"event loop.* write Visits\(Sessions\(store\), models="):
        SessionPlugin(visits)


async def test_what_a_handler_gets_of_nobody_else_is_left_to_the_application() -> None:
    async def own() -> Cart:
        return Cart(lines=["of its own"])

    async def look(mine: NamedDependency[Cart], visit: NamedDependency[Visit]) -> list[str]:
        return [*mine.lines, *(await visit.data(Cart)).lines]

    answer = await Shop(asked(look, dependencies={"mine": Provide(own)})).ask()

    assert answer.json() == ["of its own"]


def test_without_handlers_there_is_nothing_to_find() -> None:
    assert Litestar([], plugins=[SessionPlugin(Shop().visits)]).routes
