from telegram import Update

from tests.typing.shop import Cart, Prefs
from typed_sessions.integrations.telegram import SessionBinding, SessionContext

carts = SessionBinding(Cart)


class Context(SessionContext):
    session = carts.in_context()


def prefer(likes: Prefs) -> None: ...


async def handler(_: Update, context: Context) -> None:
    prefer(context.session)  # error: mypy[arg-type] pyright[reportArgumentType]
    context.session.currency = 5  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
    context.session.total = 12  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    context.session = Prefs()  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
    context.other = Cart()  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    del context.other  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
