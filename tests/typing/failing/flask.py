from flask import Flask
from pydantic import BaseModel

from tests.typing.shop import Cart, Prefs
from typed_sessions import SyncSession, SyncSessions
from typed_sessions.integrations.flask import SyncVisit, TypedSessions, Visits, current_visit, data_of, session_of


class NoSession(BaseModel):
    name: str = ""


def the_wrong_model() -> None:
    data_of(NoSession)  # error: mypy[type-var] pyright[reportArgumentType]
    data_of("cart")  # error: mypy[arg-type] pyright[reportArgumentType]
    session_of(NoSession)  # error: mypy[type-var] pyright[reportArgumentType]
    current_visit(NoSession)  # error: mypy[arg-type] pyright[reportArgumentType]
    cart: Cart = data_of(Prefs)  # error: mypy[assignment] pyright[reportAssignmentType]
    prefs: SyncSession[Prefs] = session_of(Cart)  # error: mypy[arg-type] pyright[reportAssignmentType]
    cart.currency = prefs.data  # error: mypy[assignment] pyright[reportAttributeAccessIssue]


def the_wrong_data() -> None:
    data_of(Cart).currency = 5  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
    data_of(Cart).currencies = []  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]


def the_wrong_way(visit: SyncVisit) -> None:
    visit.login(None)  # error: mypy[arg-type] pyright[reportArgumentType]
    visit.login(4.2)  # error: mypy[arg-type] pyright[reportArgumentType]
    with visit.open(Cart) as cart:
        prefs: Prefs = cart  # error: mypy[assignment] pyright[reportAssignmentType]
        visit.session(Prefs).data = prefs
    visit.owner = "ada"  # error: mypy[method-assign] mypy[assignment] pyright[reportAttributeAccessIssue]


def the_wrong_extension(app: Flask, sessions: SyncSessions, visits: Visits) -> None:
    TypedSessions(sessions)  # error: mypy[arg-type] pyright[reportArgumentType]
    TypedSessions(app)  # error: mypy[arg-type] pyright[reportArgumentType]
    TypedSessions(visits, csrf="always")  # error: mypy[arg-type] pyright[reportArgumentType]
    TypedSessions().init_app(visits)  # error: mypy[arg-type] pyright[reportArgumentType]
