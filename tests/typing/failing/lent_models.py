from tests.typing.shop import Cart, Prefs, Shop
from typed_sessions import Session, Sessions, SyncSessions


async def a_lent_model(sessions: Sessions) -> None:
    async with sessions.open(Cart, "42") as cart:
        cart.currency = 5  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
        cart.currencies = "EUR"  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
        cart.lines.append("funghi")  # error: mypy[arg-type] pyright[reportArgumentType]
        cart.customer_id + 1  # error: mypy[operator] pyright[reportOptionalOperand] pyright[reportUnusedExpression]
        del cart.favourite  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]


async def a_session(session: Session[Cart]) -> None:
    session.data = Prefs()  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
    session.revision = 1  # error: mypy[misc] pyright[reportAttributeAccessIssue]
    prefs: Prefs = await session.load()  # error: mypy[assignment] pyright[reportAssignmentType]
    prefs.favourite = "funghi"


async def a_group(sessions: Sessions) -> None:
    async with sessions.open_group(Shop, "42") as shop:
        shop.cart = Prefs()  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
        shop.cart.currency = None  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
        shop.basket = Cart()  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]


def a_model_lent_to_a_thread(sessions: SyncSessions) -> None:
    with sessions.open(Cart, "42") as cart:
        cart.currency = 5  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
        cart.currencies = "EUR"  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
