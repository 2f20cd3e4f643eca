"""Flask under a real server, each request in a thread, on databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread

import httpx
import pytest
from flask import copy_current_request_context

from tests.flask_shop import Cart, Prefs, add, served, shop, visits_in
from typed_sessions import SessionClosedError, SyncMemoryStore, SyncSessions
from typed_sessions.integrations.flask import Cookie, Visits, current_visit, data_of
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore

REQUESTS = 12


def count_at_once(browsers: list[httpx.Client]) -> list[str]:
    """What the requests are answered that all count in one visit at the same time."""
    browsers[0].post("/count")
    cookies = dict(browsers[0].cookies)
    for browser in browsers:
        browser.cookies.update(cookies)
    return sorted((answer.text for answer in at_once(browsers)), key=int)


def at_once(browsers: list[httpx.Client]) -> list[httpx.Response]:
    """The answers to requests that all count at the same time, each by the next of the browsers."""

    def count(number: int) -> httpx.Response:
        return browsers[number % len(browsers)].post("/count")

    with ThreadPoolExecutor(REQUESTS) as pool:
        return list(pool.map(count, range(REQUESTS)))


def test_requests_of_one_visit_that_count_lose_nothing(sync_store: SyncSQLAlchemyStore) -> None:
    with served(shop(visits_in(sync_store))) as browser:
        counted = count_at_once([browser])

    assert counted == [str(number) for number in range(2, REQUESTS + 2)]


def test_requests_to_several_servers_lose_nothing_if_they_are_exclusive(sync_store: SyncSQLAlchemyStore) -> None:
    apps = [shop(exclusive(sync_store)) for _ in range(2)]
    with served(apps[0]) as one, served(apps[1]) as two:
        counted = count_at_once([one, two])

    assert counted == [str(number) for number in range(2, REQUESTS + 2)]


def exclusive(store: SyncSQLAlchemyStore) -> Visits:
    return Visits(SyncSessions(store), [Cart, Prefs], cookie=Cookie(secure=False), exclusive=True)


def test_requests_to_several_servers_that_are_not_exclusive_lose_nothing_unnoticed() -> None:
    store = SyncMemoryStore()
    with served(shop(visits_in(store))) as one, served(shop(visits_in(store))) as two:
        one.post("/count")
        two.cookies.update(one.cookies)
        answers = at_once([one, two])
        good = [answer for answer in answers if answer.status_code == 200]

        assert {answer.status_code for answer in answers} <= {200, 409}
        assert int(one.post("/count").text) == len(good) + 2


def test_a_whole_visit_on_a_database(sync_store: SyncSQLAlchemyStore) -> None:
    with served(shop(visits_in(sync_store))) as browser:
        assert browser.post("/redirect/funghi", follow_redirects=True).text == "funghi"
        browser.post("/login/ada")
        assert (browser.get("/").text, browser.get("/owner").text) == ("funghi", "ada")
        browser.post("/stream/diavola")
        assert browser.get("/").text == "funghi diavola diavola"
        browser.post("/logout")

        assert (browser.get("/").text, browser.get("/owner").status_code) == ("", 401)


def test_browsers_do_not_wait_for_each_other() -> None:
    app, both = shop(), Barrier(2, timeout=10)

    @app.post("/meet")
    def meet() -> str:
        add("funghi")
        both.wait()
        return "met"

    with served(app) as browser, ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(httpx.post, [str(browser.base_url.join("/meet"))] * 2))

    assert [answer.text for answer in answers] == ["met", "met"]


def test_reading_waits_for_nobody() -> None:
    app, both = shop(), Barrier(2, timeout=10)

    @app.route("/meet", methods=["GET", "POST"])
    def meet() -> str:
        pizzas = len(data_of(Cart).pizzas)
        both.wait()
        return str(pizzas)

    with served(app) as browser, ThreadPoolExecutor(2) as pool:
        browser.post("/add/funghi")
        answers = list(pool.map(browser.request, ["GET", "POST"], ["/meet", "/meet"]))

    assert [answer.text for answer in answers] == ["1", "1"]


def test_an_asynchronous_view_gets_the_visit() -> None:
    app = shop()

    @app.post("/later")
    async def later() -> str:
        return add("funghi")

    with served(app) as browser:
        browser.post("/later")
        browser.post("/later")

        assert browser.get("/").text == "funghi funghi"


def test_a_thread_with_a_copy_of_the_context_shares_the_visit() -> None:
    app = shop()

    @app.post("/helped")
    def helped() -> str:
        cart = data_of(Cart)
        helper = Thread(target=copy_current_request_context(lambda: cart is data_of(Cart) and add("by the helper")))
        helper.start()
        helper.join()
        return add("by the view")

    client = app.test_client()
    client.post("/helped")
    client.post("/helped")

    assert client.get("/").text == "by the helper by the view by the helper by the view"


def test_a_thread_of_a_request_may_be_the_first_to_ask() -> None:
    app = shop()

    @app.post("/helped")
    def helped() -> str:
        with ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(copy_current_request_context(current_visit)) for _ in range(4)]
            carts = {id(call.result().data(Cart)) for call in calls}
        return f"{len(carts)} {add('funghi')}"

    client = app.test_client()
    client.post("/add/diavola")

    assert client.post("/helped").text == "1 added"
    assert client.get("/").text == "diavola funghi"


def test_a_thread_that_outlives_the_request_cannot_lose_a_change() -> None:
    app, work = shop(), list[Callable[[], str]]()

    @app.post("/later")
    def later() -> str:
        work.append(copy_current_request_context(lambda: add("too late")))
        return add("funghi")

    app.test_client().post("/later", buffered=True)

    with pytest.raises(SessionClosedError, match="after its request had ended"):
        work[0]()


def test_a_thread_that_outlives_the_request_may_take_a_turn() -> None:
    app, work = shop(), list[Callable[[], None]]()

    @app.post("/later")
    def later() -> str:
        work.append(copy_current_request_context(report))
        return add("funghi")

    def report() -> None:
        with current_visit().open(Cart) as cart:
            cart.pizzas.append("by the thread")

    client = app.test_client()
    client.post("/later", buffered=True)
    work[0]()

    assert client.get("/").text == "funghi by the thread"
