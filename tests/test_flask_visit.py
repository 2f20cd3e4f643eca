"""`SyncVisit` is `Visit` for threads: here stands what lies at its edge."""

import inspect
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event

import pytest
from flask import Flask

from tests.flask_shop import Cart, Prefs, shop, visits_in
from typed_sessions import Record, SessionGoneError, SessionKey, SyncMemoryStore
from typed_sessions.integrations.flask import SyncVisit, current_visit, data_of, session_of
from typed_sessions.integrations.web import Visit
from typed_sessions.stores.protocol import Query

OF_WEBSOCKETS = {"seal"}
SOON = 0.2
"""Seconds in which a thread has begun to wait for the other."""


@pytest.fixture
def store() -> SyncMemoryStore:
    return SyncMemoryStore()


@pytest.fixture
def app(store: SyncMemoryStore) -> Flask:
    return shop(visits_in(store))


@pytest.fixture
def visit(app: Flask) -> Iterator[SyncVisit]:
    """A stored visit, in the next request of its browser."""
    client = app.test_client()
    client.post("/add/funghi")
    cookie = client.get_cookie("session")
    assert cookie is not None
    with asked(app, cookie.value) as visit:
        yield visit


@contextmanager
def asked(app: Flask, id_: str, *, method: str = "GET") -> Generator[SyncVisit]:
    """The visit with this id, in another request."""
    with app.test_request_context("/", method=method, headers={"Cookie": f"session={id_}"}):
        yield current_visit()


def test_both_twins_have_the_same_methods_with_the_same_parameters() -> None:
    def methods(cls: type) -> dict[str, list[str]]:
        found = {name: inspect.unwrap(each) for name, each in vars(cls).items() if inspect.isfunction(each)}
        return {name: list(inspect.signature(each).parameters) for name, each in found.items() if name[0] != "_"}

    assert methods(SyncVisit) == {name: each for name, each in methods(Visit).items() if name not in OF_WEBSOCKETS}


def test_a_visit_that_is_stored_knows_itself(visit: SyncVisit) -> None:
    assert not visit.was_read

    assert (visit.is_new(), visit.is_alive(), visit.owner(), len(visit.id())) == (False, True, None, 43)
    assert visit.was_read
    assert not visit.has_new_id


def test_the_data_of_a_session_is_always_the_same_object(visit: SyncVisit) -> None:
    assert visit.data(Cart) is visit.data(Cart)
    assert visit.session(Cart) is visit.session(Cart)
    assert visit.session(Cart).data is visit.data(Cart)


def test_another_id_takes_the_place_of_the_old_one(app: Flask, visit: SyncVisit) -> None:
    old = visit.id()

    visit.rotate()

    assert visit.has_new_id
    assert visit.id() != old
    client = app.test_client()
    client.set_cookie("session", old)
    assert client.get("/").text == ""


def test_a_visit_is_logged_in_and_out(store: SyncMemoryStore, visit: SyncVisit) -> None:
    visit.login(7)
    assert visit.owner() == "7"

    visit.logout()

    assert (visit.owner(), visit.is_new()) == (None, True)
    assert store.scan(Query()) == []


def test_all_visits_of_an_owner_are_logged_out(app: Flask, visit: SyncVisit) -> None:
    other = app.test_client()
    other.post("/login/7")
    visit.login(7)

    assert visit.logout_everywhere() == 2

    assert other.get("/owner").status_code == 401


def test_what_is_saved_by_hand_is_there_at_once(app: Flask, visit: SyncVisit) -> None:
    visit.data(Prefs).theme = "dark"
    visit.save()

    with asked(app, visit.id()):
        assert data_of(Prefs).theme == "dark"


def test_a_turn_is_saved_when_its_block_ends(visit: SyncVisit) -> None:
    with visit.open(Cart) as cart:
        cart.count = 5

    with visit.open(Cart) as cart:
        assert cart.count == 5


def test_a_turn_in_a_request_that_may_write_is_part_of_it(app: Flask, visit: SyncVisit) -> None:
    with asked(app, visit.id(), method="POST") as writing, writing.open(Cart) as cart:
        assert cart is writing.data(Cart)


def test_a_turn_that_raises_saves_nothing(visit: SyncVisit) -> None:
    with pytest.raises(ZeroDivisionError), visit.open(Cart) as cart:
        cart.count = 5
        _ = 1 / 0

    with visit.open(Cart) as cart:
        assert cart.count == 0


def test_a_turn_of_a_visit_that_has_ended_is_refused(app: Flask, visit: SyncVisit) -> None:
    with asked(app, visit.id()) as other:
        other.logout()

    with pytest.raises(SessionGoneError), visit.open(Cart):
        pass


def test_a_session_of_a_visit_that_was_deleted_is_made_anew(visit: SyncVisit) -> None:
    session_of(Cart).delete()

    assert visit.data(Cart).pizzas == []
    assert not visit.session(Cart).is_over


def test_threads_of_a_request_wait_for_each_other() -> None:
    store = SlowStore()
    app = shop(visits_in(store))
    client = app.test_client()
    client.post("/add/funghi")
    cookie = client.get_cookie("session")
    assert cookie is not None

    with asked(app, cookie.value) as visit, ThreadPoolExecutor(2) as pool:
        store.may_load.clear()
        asking = [pool.submit(visit.is_new) for _ in range(2)]
        wait(asking, timeout=SOON)
        store.may_load.set()

        assert [each.result() for each in asking] == [False, False]


class SlowStore(SyncMemoryStore):
    """A store in memory that answers when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_load = Event()
        self.may_load.set()

    def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        self.may_load.wait()
        return super().load(keys)
