"""What is promised of every takeover, whatever the old library was."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from starsessions import InMemoryStore

from tests.takeover_new import Cart, Shop, into
from tests.takeover_old import KEY, OTHER_KEY, starlette_cookie, starsessions_cookie
from typed_sessions import JsonObject, MemoryStore, Record, SessionKey, Store
from typed_sessions.clock import utc_now
from typed_sessions.integrations.asgi import Cookie, Taken
from typed_sessions.integrations.takeover import Into
from typed_sessions.integrations.takeover.starlette import StarletteTakeover
from typed_sessions.integrations.takeover.starsessions import InStore, StarsessionsTakeover
from typed_sessions.stores.protocol import Query
from typed_sessions.testing import SettableClock

ANONYMOUS = {"cart": ["funghi"]}
SESSION = Cookie(name="session", secure=False)
MARKER = "typed-sessions-takeover"


@pytest.fixture
def clock() -> SettableClock:
    """At the real time, which the old libraries sign."""
    return SettableClock(utc_now())


def reader(into: Into = into, cookie: Cookie = SESSION) -> StarletteTakeover:
    return StarletteTakeover([KEY], into=into, cookie=cookie)


class Kept:
    """An old session that is kept on a server, which can be asked and can fail."""

    is_unique = True
    cookie = Cookie(name="old", secure=False)
    lifetime = timedelta(days=14)

    def __init__(self, taken: Taken | None, *, fails: bool = False) -> None:
        self.taken = taken
        self.fails = fails
        self.asked: list[str] = []
        self.forgotten: list[str] = []

    def name(self, value: str, /) -> str | None:
        return value if value.startswith("id") else None

    async def take(self, name: str, /) -> Taken | None:
        self.asked.append(name)
        return self.taken

    async def forget(self, name: str, /) -> None:
        if self.fails:
            raise OSError("the old server is away")
        self.forgotten.append(name)


ADA = Taken(sessions=[Cart(pizzas=["funghi"])], owner=7)


async def test_the_old_session_is_deleted_where_it_was_kept() -> None:
    store = InMemoryStore()
    shop = Shop(StarsessionsTakeover(InStore(store), into=into))
    async with shop.browser(session=await starsessions_cookie(store)) as browser:
        await browser.shows()

    assert store.data == {}


async def test_nothing_is_deleted_before_what_became_of_it_is_stored() -> None:
    kept = Kept(Taken(sessions=[Cart(pizzas=["\0"])], owner=7))
    shop = Shop(kept)
    async with shop.browser(old="id1") as browser:
        await browser.shows()

    assert kept.forgotten == []
    assert await shop.stored() == []


async def test_an_old_session_that_cannot_be_deleted_is_not_taken_over_twice(
    clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop(Kept(ADA, fails=True), clock=clock)
    async with shop.browser(old="id1") as browser:
        assert await browser.shows() == ("7", ["funghi"])
        await browser.post("logout")
    async with shop.browser(old="id1") as thief:
        found = await thief.shows()

    assert found == (None, [])
    assert "could not be deleted (OSError)" in caplog.text


async def test_a_signed_cookie_is_not_taken_over_twice_within_its_lifetime(clock: SettableClock) -> None:
    shop, cookie = Shop(reader(), clock=clock), await starlette_cookie()
    async with shop.browser(session=cookie) as browser:
        await browser.shows()
    clock.advance(timedelta(days=13))
    await shop.sessions.prune()
    async with shop.browser(session=cookie) as thief:
        assert await thief.shows() == (None, [])


async def test_what_notes_a_takeover_goes_when_the_old_cookie_has_expired(clock: SettableClock) -> None:
    shop = Shop(reader(), clock=clock)
    async with shop.browser(session=await starlette_cookie()) as browser:
        await browser.shows()
    clock.advance(timedelta(days=31))
    await shop.sessions.prune()

    assert MARKER not in await shop.stored()


async def test_a_browser_that_the_response_never_reached_finds_its_visit_for_a_minute(clock: SettableClock) -> None:
    shop, cookie = Shop(reader(), clock=clock), await starlette_cookie()
    async with shop.browser(session=cookie) as lost:
        await lost.shows()
    clock.advance(timedelta(seconds=59))
    async with shop.browser(session=cookie) as again:
        await again.shows()
        clock.advance(timedelta(days=1))

        assert await again.shows() == ("7", ["funghi", "diavola"])
        assert again.cookies == {"visit": lost.cookies["visit"]}


async def test_after_a_minute_the_old_cookie_leads_nowhere(clock: SettableClock) -> None:
    shop, cookie = Shop(reader(), clock=clock), await starlette_cookie()
    async with shop.browser(session=cookie) as browser:
        await browser.shows()
    clock.advance(timedelta(minutes=1))
    async with shop.browser(session=cookie) as late:
        assert await late.shows() == (None, [])


async def test_strangers_with_the_same_anonymous_cookie_do_not_share_a_visit() -> None:
    shop, cookie = Shop(reader()), await starlette_cookie(data=ANONYMOUS)
    async with shop.browser(session=cookie) as one, shop.browser(session=cookie) as other:
        await one.post("add")
        await other.shows()

        assert await other.shows() == (None, ["funghi"])
        assert one.cookies["visit"] != other.cookies["visit"]


async def test_a_response_of_500_gives_the_new_cookie_nevertheless() -> None:
    shop = Shop(reader())
    async with shop.browser(session=await starlette_cookie()) as browser:
        await browser.post("fail")

        assert list(browser.cookies) == ["visit"]
        assert (await browser.shows())[0] == "7"


@pytest.mark.parametrize("path", ["login", "logout"])
async def test_the_old_cookie_is_forgotten_whatever_the_first_request_does(path: str) -> None:
    shop = Shop(reader())
    async with shop.browser(session=await starlette_cookie()) as browser:
        await browser.post(path)

        assert "session" not in browser.cookies


async def test_the_old_cookie_is_forgotten_at_its_own_domain_and_path() -> None:
    old = Cookie(name="session", domain="shop.example", path="/shop", secure=True)
    shop = Shop(reader(cookie=old))
    async with shop.browser(session=await starlette_cookie()) as browser:
        response = await browser.client.get("/")

    assert response.headers.get_list("set-cookie")[0] == (
        "session=; Path=/shop; Max-Age=0; Domain=shop.example; Secure; HttpOnly; SameSite=Lax"
    )


async def test_the_new_cookie_may_have_the_name_of_the_old_one() -> None:
    shop, cookie = Shop(reader(), cookie=Cookie(secure=False)), await starlette_cookie()
    async with shop.browser(session=cookie) as browser:
        first = await browser.shows()

        assert browser.cookies["session"] != cookie
        assert await browser.shows() == first == ("7", ["funghi", "diavola"])


async def test_who_has_a_visit_is_not_asked_for_the_old_cookie() -> None:
    kept = Kept(ADA)
    shop = Shop(kept)
    async with shop.browser() as browser:
        await browser.post("add")
        browser.client.cookies.set("old", "id1")

        assert await browser.shows() == (None, ["margherita"])
        assert kept.asked == []


async def test_nothing_is_stored_of_an_old_session_that_holds_nothing() -> None:
    shop = Shop(Kept(Taken()))
    async with shop.browser(old="id1") as browser:
        await browser.shows()

        assert await shop.stored() == []
        assert browser.cookies == {"old": "id1"}


class Counting(MemoryStore):
    loads = 0

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        self.loads += 1
        return await super().load(keys)


async def test_a_cookie_that_is_none_of_the_librarys_never_reaches_a_store() -> None:
    kept, store = Kept(ADA), Counting()
    shop = Shop(kept, store=store)
    async with shop.browser(old="nothing") as browser:
        await browser.shows()

    assert (store.loads, kept.asked) == (0, [])


async def test_the_store_knows_neither_the_old_cookie_nor_the_new_id() -> None:
    shop, cookie = Shop(reader()), await starlette_cookie()
    async with shop.browser(session=cookie) as browser:
        await browser.shows()
        new = browser.cookies["visit"]
    rows = await shop.store.scan(Query())
    held = b"".join(key.text.encode() + record.data for key, record in rows).decode()

    assert new not in held
    assert cookie not in held


async def test_an_old_cookie_signed_by_somebody_else_is_no_session() -> None:
    shop = Shop(reader())
    async with shop.browser(session=await starlette_cookie(OTHER_KEY)) as browser:
        assert await browser.shows() == (None, [])


async def test_what_becomes_of_it_may_be_found_out_asynchronously() -> None:
    async def slowly(old: JsonObject) -> Taken | None:
        await asyncio.sleep(0)
        return into(old)

    shop = Shop(reader(slowly))
    async with shop.browser(session=await starlette_cookie()) as browser:
        assert (await browser.shows())[0] == "7"


def misses_a_key(old: JsonObject) -> Taken:
    return Taken(owner=old["secret-name"])


def is_not_of_the_model(_: JsonObject) -> Taken:
    return Taken(sessions=[Cart.model_validate({"pizzas": [7, "secret-name"]})])


def is_no_owner(_: JsonObject) -> Taken:
    return Taken(owner="secret-name\0")


@pytest.mark.parametrize("unfit", [misses_a_key, is_not_of_the_model, is_no_owner])
async def test_data_that_does_not_fit_is_logged_without_the_data_and_kept(
    unfit: Into, caplog: pytest.LogCaptureFixture
) -> None:
    store = InMemoryStore()
    cookie = await starsessions_cookie(store)
    shop = Shop(StarsessionsTakeover(InStore(store), into=unfit))
    async with shop.browser(session=cookie) as browser:
        assert await browser.shows() == (None, [])

    assert [each.levelno for each in caplog.records if "was not taken over" in each.message] == [logging.ERROR]
    assert "secret-name" not in caplog.text
    assert list(store.data) == [cookie]


async def test_a_failure_of_the_surroundings_is_never_taken_for_no_session() -> None:
    def fails(_: JsonObject) -> Taken:
        raise OSError("the table of users is away")

    shop = Shop(reader(fails))
    async with shop.browser(session=await starlette_cookie()) as browser:
        with pytest.raises(OSError, match="away"):
            await browser.shows()


async def test_first_requests_at_once_land_in_one_visit_on_every_database(store: Store) -> None:
    shop = Shop(Kept(ADA), store=store)
    async with shop.browser(old="id1") as browser:
        found = await asyncio.gather(*(browser.shows() for _ in range(6)))

    assert found == [("7", ["funghi"])] * 6
    assert await shop.stored() == ["cart", MARKER, "typed-sessions-visit"]
