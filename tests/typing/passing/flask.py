from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import assert_type

from flask import Flask

from tests.typing.shop import Cart, Prefs
from typed_sessions import SyncMemoryStore, SyncSession, SyncSessions
from typed_sessions.integrations.flask import (
    CsrfRules,
    SyncVisit,
    TypedSessions,
    Visits,
    csrf_token,
    current_visit,
    data_of,
    logout_everywhere,
    required_owner,
    session_of,
    take_flashes,
)
from typed_sessions.integrations.web import Flash


def an_application_is_given_its_visits(app: Flask) -> None:
    visits = Visits(SyncSessions(SyncMemoryStore()), models=[Cart, Prefs])
    TypedSessions(visits, app)
    TypedSessions(visits, app, csrf=CsrfRules(exempt=["/hooks"]))
    extension = TypedSessions(csrf=True)
    extension.init_app(app, visits)
    TypedSessions(visits).init_app(app)


def a_view_knows_the_models() -> None:
    assert_type(data_of(Cart), Cart)
    assert_type(session_of(Prefs), SyncSession[Prefs])
    assert_type(session_of(Cart).data, Cart)
    data_of(Cart).currency = "USD"


def a_view_knows_the_visit() -> None:
    assert_type(current_visit(), SyncVisit)
    assert_type(current_visit(Cart).data(Cart), Cart)
    assert_type(current_visit().session(Cart), SyncSession[Cart])
    assert_type(current_visit().owner(), str | None)
    assert_type(current_visit().is_new(), bool)
    assert_type(current_visit().logout_everywhere(), int)
    current_visit().login(7)
    current_visit().rotate()
    current_visit().save()
    current_visit().logout()


def a_short_turn_lends_the_data(visit: SyncVisit) -> Iterator[str]:
    turn: AbstractContextManager[Cart] = visit.open(Cart)
    with turn as cart:
        yield cart.currency
    with visit.open(Prefs, exclusive=True) as prefs:
        assert_type(prefs, Prefs)


def the_rest_is_text() -> None:
    assert_type(required_owner(), str)
    assert_type(csrf_token(), str)
    assert_type(take_flashes(), list[Flash])
    assert_type(logout_everywhere(7), int)
