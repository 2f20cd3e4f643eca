from litestar import Litestar

from tests.typing.shop import Cart
from typed_sessions import MemoryStore, Sessions
from typed_sessions.integrations.litestar import (
    SessionPlugin,
    TypedStore,
    Visit,
    Visits,
    provide_data,
    provide_session,
)


def application(visits: Visits, sessions: Sessions) -> None:
    SessionPlugin(sessions)  # error: mypy[arg-type] pyright[reportArgumentType]
    SessionPlugin(visits, dependencies={"cart": Cart})  # error: mypy[dict-item] pyright[reportArgumentType]
    SessionPlugin(visits, csrf=True)  # error: mypy[arg-type] pyright[reportArgumentType]
    provide_data(dict)  # error: mypy[type-var] pyright[reportArgumentType]
    provide_session("cart")  # error: mypy[arg-type] pyright[reportArgumentType]
    Litestar([], plugins=[visits])  # error: mypy[list-item] pyright[reportArgumentType]


async def handler(visit: Visit) -> None:
    cart = await visit.data(Cart)
    cart.currency = 5  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
    cart.currencies = "EUR"  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]


async def values(sessions: Sessions) -> None:
    TypedStore(MemoryStore())  # error: mypy[arg-type] pyright[reportArgumentType]
    await TypedStore(sessions).set("key", 5)  # error: mypy[arg-type] pyright[reportArgumentType]
    await TypedStore(sessions).set("key", "value", "soon")  # error: mypy[arg-type] pyright[reportArgumentType]
