"""Requests of one visit in one process: those that may write come one after another, and always let the next one in."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import timedelta

import pytest

from tests.shop import RecordingStore
from tests.visitors import Cart, FailingStore, Prefs, Visitor, visits_on
from typed_sessions import (
    LockTimeoutError,
    MemoryStore,
    SessionClosedError,
    SessionDefinitionError,
    SessionGoneError,
    SessionKey,
    StoreUnavailableError,
)
from typed_sessions.integrations.web import Visit, Visits
from typed_sessions.integrations.web.ids import digest, mint
from typed_sessions.testing import SettableClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def visits(store: MemoryStore, clock: SettableClock) -> Visits:
    return visits_on(store, clock, lock_timeout=5.0)


@pytest.fixture
async def visitor(visits: Visits) -> Visitor:
    visitor = Visitor(visits)
    await visitor.login(7)
    return visitor


async def count(visitor: Visitor, *, writes: bool = True) -> None:
    """Read, wait, write."""
    async with visitor.request(writes=writes) as visit:
        cart = await visit.data(Cart)
        seen = len(cart.lines)
        await asyncio.sleep(0)
        cart.lines = [str(number) for number in range(seen + 1)]


async def test_none_of_ten_increments_is_lost(visitor: Visitor) -> None:
    await asyncio.gather(*(count(visitor) for _ in range(10)))

    assert len(await visitor.lines()) == 10


async def test_requests_that_should_only_read_do_not_wait(visitor: Visitor) -> None:
    async with visitor.request() as visit:
        await visit.data(Cart)

        assert await asyncio.create_task(visitor.lines()) == []


async def test_different_visits_do_not_wait(visitor: Visitor, visits: Visits) -> None:
    other = Visitor(visits)
    await other.add("pizza")
    async with visitor.request() as visit:
        await visit.data(Cart)

        await asyncio.create_task(other.add("pasta"))
    assert await other.lines() == ["pizza", "pasta"]


async def test_requests_that_ask_for_nothing_do_not_wait(visitor: Visitor) -> None:
    async with visitor.request() as visit:
        await visit.data(Cart)

        await asyncio.create_task(nothing(visitor))


async def nothing(visitor: Visitor) -> None:
    async with visitor.request():
        pass


async def test_the_next_begins_with_the_response_and_not_after_it(visitor: Visitor) -> None:
    async with visitor.request() as visit:
        (await visit.data(Cart)).lines.append("pizza")
        await visit.finish(is_good=True)

        await asyncio.create_task(visitor.add("pasta"))
    assert await visitor.lines() == ["pizza", "pasta"]


async def test_who_waits_too_long_is_told(store: MemoryStore, clock: SettableClock) -> None:
    visitor = Visitor(visits_on(store, clock, lock_timeout=0.01))
    await visitor.login(7)
    async with visitor.request() as visit:
        await visit.owner()
        with pytest.raises(LockTimeoutError):
            await asyncio.create_task(visitor.add("pizza"))

    await visitor.add("pasta")
    assert await visitor.lines() == ["pasta"]


async def test_requests_with_the_old_id_wait_for_those_with_the_new_one(
    store: MemoryStore, clock: SettableClock
) -> None:
    visitor = Visitor(visits_on(store, clock, grace=MINUTE))
    await visitor.login(7)
    old = visitor.id
    async with visitor.request() as visit:
        await visit.rotate()
    late = Visitor(visitor.visits, old)

    await asyncio.gather(*(count(each) for each in (visitor, late) * 5))

    assert len(await visitor.lines()) == 10


class Failing:
    """What may go wrong while a request reads or saves its visit."""

    def __init__(self, clock: SettableClock, **settings: object) -> None:
        self.store = FailingStore()
        self.visitor = Visitor(visits_on(self.store, clock, lock_timeout=0.5, **settings))

    @asynccontextmanager
    async def down(self) -> AsyncGenerator[None]:
        self.store.failure = StoreUnavailableError("down")
        yield
        self.store.failure = None

    async def is_free(self) -> bool:
        await asyncio.create_task(self.visitor.add("free"))
        return self.visitor.visits.engine.in_use(SessionKey("cart", digest(self.visitor.id))) == []


@pytest.mark.parametrize("exclusive", [False, True])
class TestTurnsAreGivenBack:
    async def test_when_a_read_fails(self, clock: SettableClock, *, exclusive: bool) -> None:
        failing = Failing(clock, exclusive=exclusive)
        await failing.visitor.login(7)
        async with failing.down():
            with pytest.raises(StoreUnavailableError):
                await failing.visitor.add("pizza")

        assert await failing.is_free()

    async def test_when_a_read_fails_and_the_handler_tries_again(
        self, clock: SettableClock, *, exclusive: bool
    ) -> None:
        failing = Failing(clock, exclusive=exclusive)
        await failing.visitor.login(7)
        async with failing.visitor.request() as visit:
            async with failing.down():
                with pytest.raises(StoreUnavailableError):
                    await visit.data(Cart)
            (await visit.data(Cart)).lines.append("pizza")

        assert await failing.is_free()

    async def test_when_a_save_fails(self, clock: SettableClock, *, exclusive: bool) -> None:
        failing = Failing(clock, exclusive=exclusive)
        await failing.visitor.login(7)
        with pytest.raises(StoreUnavailableError):
            async with failing.visitor.request() as visit:
                (await visit.data(Cart)).lines.append("pizza")
                failing.store.failure = StoreUnavailableError("down")
        failing.store.failure = None

        assert await failing.is_free()

    @pytest.mark.parametrize("act", ["login", "logout", "rotate"])
    async def test_when_the_visit_has_another_id(self, clock: SettableClock, *, exclusive: bool, act: str) -> None:
        failing = Failing(clock, exclusive=exclusive)
        await failing.visitor.add("pizza")
        old = failing.visitor.id
        async with failing.visitor.request() as visit:
            await visit.data(Cart)
            await (visit.login(7) if act == "login" else visit.rotate() if act == "rotate" else visit.logout())

        await asyncio.create_task(Visitor(failing.visitor.visits, old).add("free"))
        assert await failing.is_free()

    async def test_when_the_request_is_cancelled_at_any_await(self, clock: SettableClock, *, exclusive: bool) -> None:
        failing = Failing(clock, exclusive=exclusive)
        await failing.visitor.login(7)
        for steps in range(60):
            task = asyncio.create_task(act_slowly(failing.visitor))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

            assert await failing.is_free()
        assert len(await failing.visitor.lines()) >= 60


async def act_slowly(visitor: Visitor) -> None:
    async with visitor.request() as visit:
        await asyncio.sleep(0)
        (await visit.data(Cart)).lines.append("pizza")
        await asyncio.sleep(0)
        await visit.save()
        await asyncio.sleep(0)
        (await visit.data(Prefs)).language += "!"
        await asyncio.sleep(0)


async def test_one_that_waits_and_is_cancelled_lets_the_next_one_in(visitor: Visitor) -> None:
    async with visitor.request() as visit:
        await visit.data(Cart)
        waiting = asyncio.create_task(visitor.add("pizza"))
        next_one = asyncio.create_task(visitor.add("pasta"))
        await asyncio.sleep(0)
        waiting.cancel()

    await next_one
    assert await visitor.lines() == ["pasta"]


async def test_unknown_ids_leave_nothing_behind(visits: Visits) -> None:
    for _ in range(100):
        await Visitor(visits, mint()).owner()
        async with Visitor(visits, mint()).request() as visit:
            await visit.data(Cart)

    turnstile = visits.engine.turnstile
    assert turnstile is not None
    assert vars(turnstile)["_holders"] == {}
    assert vars(visits.engine)["_lent"] == {}


class TestExclusive:
    """Two `Visits` on one store stand for two processes."""

    async def test_none_of_the_increments_of_two_processes_is_lost(
        self, store: MemoryStore, clock: SettableClock
    ) -> None:
        one, other = (visits_on(store, clock, exclusive=True) for _ in range(2))
        visitor = Visitor(one)
        await visitor.login(7)

        await asyncio.gather(*(count(each) for each in (visitor, visitor.elsewhere(other)) * 10))

        assert len(await visitor.lines()) == 20

    async def test_an_anonymous_request_locks_nothing(self, clock: SettableClock) -> None:
        store = LockingStore()
        async with Visitor(visits_on(store, clock, exclusive=True)).request() as visit:
            await visit.data(Cart)

        assert store.locked == []

    async def test_a_turn_inside_may_be_exclusive(self, store: MemoryStore, clock: SettableClock) -> None:
        visitor = Visitor(visits_on(store, clock, exclusive=True))
        await visitor.add("pizza")
        async with visitor.request() as visit, visit.open(Cart, exclusive=True) as cart:
            cart.lines.append("pasta")

        assert await visitor.lines() == ["pizza", "pasta"]

    async def test_a_turn_inside_of_a_request_that_is_not_is_refused(self, visitor: Visitor) -> None:
        async with visitor.request() as visit:
            with pytest.raises(SessionDefinitionError, match="cannot be exclusive"):
                await use(visit, exclusive=True)


class LockingStore(RecordingStore):
    def __init__(self) -> None:
        super().__init__()
        self.locked: list[Sequence[SessionKey]] = []

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        self.locked.append(keys)
        return super().exclusive(keys, timeout)


async def use(visit: Visit, *, exclusive: bool | None = None) -> None:
    async with visit.open(Cart, exclusive=exclusive) as cart:
        cart.lines.append("turn")


class TestOpen:
    async def test_a_request_that_may_write_has_the_turn_already(self, visitor: Visitor) -> None:
        async with visitor.request() as visit:
            (await visit.data(Cart)).lines.append("pizza")
            # In another task than the one that took the turn, as below Starlette's BaseHTTPMiddleware.
            await asyncio.create_task(use(visit))

        assert await visitor.lines() == ["pizza", "turn"]

    async def test_a_request_that_should_only_read_takes_one(self, visitor: Visitor) -> None:
        async with visitor.request(writes=False, status=500) as visit:
            await visit.owner()
            await use(visit)

        assert await visitor.lines() == ["turn"]

    async def test_it_is_saved_at_the_end_of_its_block_after_the_response(self, visitor: Visitor) -> None:
        async with visitor.request(writes=False) as visit:
            await visit.owner()
            await visit.finish(is_good=True)
            visit.seal()
            await use(visit)

            assert await asyncio.create_task(visitor.lines()) == ["turn"]

    async def test_turns_of_several_sockets_come_one_after_another(self, visitor: Visitor) -> None:
        await asyncio.gather(*(socket(visitor) for _ in range(10)))

        assert len(await visitor.lines()) == 10

    async def test_it_waits_for_a_request_that_may_write(self, visitor: Visitor) -> None:
        async with visitor.request() as visit:
            cart = await visit.data(Cart)
            other = asyncio.create_task(socket(visitor))
            for _ in range(10):
                await asyncio.sleep(0)
            cart.lines.append("pizza")

        await other
        assert await visitor.lines() == ["pizza", "turn"]

    async def test_a_visit_that_was_ended_is_gone(self, visitor: Visitor) -> None:
        async with visitor.request(writes=False) as visit:
            await visit.owner()
            await visit.finish(is_good=True)
            await visitor.logout()

            with pytest.raises(SessionGoneError):
                await use(visit)

    async def test_a_visit_that_ends_while_it_is_open_is_gone(self, visitor: Visitor, visits: Visits) -> None:
        async with visitor.request(writes=False) as visit:
            await visit.owner()
            await visit.finish(is_good=True)
            with pytest.raises(SessionGoneError):
                async with visit.open(Cart) as cart:
                    cart.lines.append("pizza")
                    await visits.logout_everywhere(7)

        assert await visitor.lines() == []

    async def test_a_visit_that_was_never_stored_is_gone(self, visits: Visits) -> None:
        async with Visitor(visits).request(writes=False) as visit:
            with pytest.raises(SessionGoneError):
                await use(visit)

    async def test_a_block_that_raises_saves_nothing(self, visitor: Visitor) -> None:
        async with visitor.request(writes=False) as visit:
            await visit.owner()
            await visit.finish(is_good=True)
            with pytest.raises(ZeroDivisionError):
                async with visit.open(Cart) as cart:
                    cart.lines.append("pizza")
                    raise ZeroDivisionError

        assert await visitor.lines() == []

    async def test_what_it_makes_anew_is_the_owners_and_lives_as_long_as_the_visit(
        self, visitor: Visitor, store: MemoryStore
    ) -> None:
        async with visitor.request(writes=False) as visit:
            await visit.owner()
            await visit.finish(is_good=True)
            await use(visit)
        text = digest(visitor.id)
        found = await store.load([SessionKey(name, text) for name in ("cart", "typed-sessions-visit")])
        cart, head = (found[key] for key in sorted(found))

        assert cart.owner == "7"
        assert cart.expires_at is not None
        assert head.expires_at is not None
        assert cart.expires_at >= head.expires_at


async def socket(visitor: Visitor) -> None:
    async with visitor.request(writes=False) as visit:
        await visit.owner()
        await visit.finish(is_good=True)
        visit.seal()
        async with visit.open(Cart) as cart:
            seen = list(cart.lines)
            await asyncio.sleep(0)
            cart.lines = [*seen, "turn"]


async def test_a_read_that_waits_when_its_request_is_over_frees_the_turn(visits: Visits, visitor: Visitor) -> None:
    async with visitor.elsewhere(visits).request() as first:
        await first.data(Cart)
        request = visitor.request()
        reading = asyncio.create_task((await request.__aenter__()).data(Cart))
        await asyncio.sleep(0.01)
        await request.__aexit__(ZeroDivisionError, ZeroDivisionError(), None)
    await asyncio.wait([reading])

    assert isinstance(reading.exception(), SessionClosedError)
    async with asyncio.timeout(1):
        await visitor.add("pizza")


async def test_a_read_that_waits_when_its_response_begins_holds_up_nobody(visits: Visits, visitor: Visitor) -> None:
    async with visitor.request() as visit:
        async with visitor.elsewhere(visits).request() as first:
            await first.data(Cart)
            reading = asyncio.create_task(visit.data(Cart))
            await asyncio.sleep(0.01)
            await visit.finish(is_good=True)
        await reading
        async with asyncio.timeout(1):
            await visitor.elsewhere(visits).add("pizza")

    assert await visitor.lines() == ["pizza"]
