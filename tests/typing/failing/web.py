from tests.typing.shop import Cart
from typed_sessions import MemoryStore, Sessions
from typed_sessions.integrations.web import Cookie, Taken, Visit, Visits


def visits_take_sessions_and_session_models(sessions: Sessions, store: MemoryStore) -> None:
    Visits(store, [Cart])  # error: mypy[arg-type] pyright[reportArgumentType]
    Visits(sessions, [int])  # error: mypy[list-item] pyright[reportArgumentType]
    Visits(sessions, Cart)  # error: mypy[arg-type] pyright[reportArgumentType]
    Visits(sessions, [Cart], idle=3600)  # error: mypy[arg-type] pyright[reportArgumentType]
    Visits(sessions, [Cart], Cookie())  # error: mypy[call-arg] pyright[reportCallIssue]
    Visits(sessions, [Cart], ttl=1)  # error: mypy[call-arg] pyright[reportCallIssue]


def a_cookie_cannot_be_told_nonsense() -> None:
    Cookie("sid")  # error: mypy[call-arg] pyright[reportCallIssue]
    Cookie(same_site="None")  # error: mypy[arg-type] pyright[reportArgumentType]
    Cookie(http_only=False)  # error: mypy[call-arg] pyright[reportCallIssue]


async def a_visit_lends_what_it_has(visit: Visit) -> None:
    cart = await visit.data(Cart)
    cart.curency = "USD"  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    await visit.data(int)  # error: mypy[type-var] pyright[reportArgumentType]
    async with visit.open(Cart) as own:
        own.curency = "USD"  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    (await visit.owner()).upper()  # error: mypy[union-attr] pyright[reportOptionalMemberAccess]


async def a_visit_is_of_somebody(visit: Visit) -> None:
    await visit.login(None)  # error: mypy[arg-type] pyright[reportArgumentType]
    await visit.login(7.0)  # error: mypy[arg-type] pyright[reportArgumentType]
    await visit.login(("staff", 7))  # error: mypy[arg-type] pyright[reportArgumentType]
    visit.has_new_id()  # error: mypy[operator] pyright[reportCallIssue]


def what_is_taken_over_is_session_models() -> None:
    Taken([Cart()])  # error: mypy[call-arg] pyright[reportCallIssue]
    Taken(sessions=[{"lines": []}])  # error: mypy[list-item] pyright[reportArgumentType]
