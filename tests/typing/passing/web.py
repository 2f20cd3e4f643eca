from datetime import timedelta
from typing import assert_type

from tests.typing.shop import Cart, Prefs
from typed_sessions import Session, Sessions, SyncSessions
from typed_sessions.integrations.web import Cookie, SameSite, Taken, Visit, Visits


def visits_are_made_of_sessions_and_models(sessions: Sessions, for_threads: SyncSessions) -> None:
    assert_type(Visits(sessions, [Cart, Prefs]), Visits)
    Visits(for_threads, (Cart,), idle=timedelta(hours=8), absolute=None, grace=timedelta(seconds=10))
    Visits(sessions, {Cart}, signing_keys=["new", b"old"], exclusive=True, takeovers=())


def a_cookie_is_told_by_keywords() -> None:
    same_site: SameSite = "strict"
    cookie = Cookie(name="sid", domain="example.com", path="/", secure=True, same_site=same_site)
    assert_type(cookie.set("value", timedelta(days=1)), str)
    assert_type(cookie.expire(), str)
    assert_type(cookie.is_persistent, bool)
    assert_type(cookie.domain, str | None)


async def a_visit_lends_its_sessions(visit: Visit) -> None:
    cart = assert_type(await visit.data(Cart), Cart)
    cart.currency = "USD"
    session = assert_type(await visit.session(Prefs), Session[Prefs])
    assert_type(session.data, Prefs)
    async with visit.open(Cart, exclusive=True) as own:
        assert_type(own, Cart)


async def a_visit_knows_who_it_is_of(visit: Visit) -> None:
    assert_type(await visit.owner(), str | None)
    assert_type(await visit.is_new(), bool)
    assert_type(await visit.is_alive(), bool)
    assert_type(await visit.id(), str)
    assert_type(visit.has_new_id, bool)
    assert_type(visit.was_read, bool)
    assert_type(visit.visits, Visits)


async def a_visit_changes_hands(visit: Visit, visits: Visits) -> None:
    await visit.login("ada")
    await visit.login(7)
    await visit.rotate()
    await visit.save()
    assert_type(await visit.logout_everywhere(), int)
    assert_type(await visit.logout_elsewhere(), int)
    assert_type(await visit.name(), str | None)
    assert_type([known.name async for known in visits.of("ada")], list[str])
    assert_type(await visits.logout_one("ada", "name"), bool)
    assert_type(await visits.logout_everywhere("ada"), int)
    await visit.logout()


def what_is_taken_over_is_session_models() -> None:
    Taken(sessions=[Cart(), Prefs()], owner=7)
    Taken()
