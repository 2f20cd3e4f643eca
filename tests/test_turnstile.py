"""Turns on one key, one after the other."""

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.shop import CART, PREFS, Cart, Prefs
from typed_sessions import LockTimeoutError, MemoryStore, SessionKey, Sessions, SyncMemoryStore, SyncSessions
from typed_sessions.blocking import complete
from typed_sessions.turnstile import Tasks, Threads, Turnstile

LONG, SHORT = 5.0, 0.05
PATIENCE = 10.0


@pytest.fixture
def turnstile() -> Turnstile[asyncio.Event]:
    return Turnstile(Tasks(), LONG)


async def settled() -> None:
    """Let every task run until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


class Turns:
    """Tasks that take the turn on a key, note it, and hold it until they are told."""

    def __init__(self, turnstile: Turnstile[asyncio.Event]) -> None:
        self._turnstile = turnstile
        self.order: list[str] = []
        self.free: dict[str, asyncio.Event] = {}

    def begin(self, name: str, *keys: SessionKey) -> asyncio.Task[None]:
        self.free[name] = asyncio.Event()
        return asyncio.create_task(self._run(name, keys or (CART,)), name=name)

    async def _run(self, name: str, keys: tuple[SessionKey, ...]) -> None:
        taken = await self._turnstile.enter(self._turnstile.me(), keys)
        self.order.append(name)
        try:
            await self.free[name].wait()
        finally:
            self._turnstile.leave(self._turnstile.me(), taken)


@pytest.fixture
def turns(turnstile: Turnstile[asyncio.Event]) -> Turns:
    return Turns(turnstile)


async def test_turns_come_in_the_order_in_which_they_were_asked_for(turns: Turns) -> None:
    tasks = [turns.begin(name) for name in "abc"]
    await settled()
    assert turns.order == ["a"]

    for name in "abc":
        turns.free[name].set()
    await asyncio.gather(*tasks)

    assert turns.order == ["a", "b", "c"]


async def test_several_keys_are_taken_in_their_order(turnstile: Turnstile[asyncio.Event]) -> None:
    assert await turnstile.enter(turnstile.me(), [PREFS, CART]) == [CART, PREFS]


async def test_turns_on_other_keys_do_not_wait(turns: Turns) -> None:
    tasks = [turns.begin("a", CART), turns.begin("b", PREFS)]
    await settled()

    assert turns.order == ["a", "b"]
    for name, task in zip("ab", tasks, strict=True):
        turns.free[name].set()
        await task


async def test_a_task_that_is_cancelled_while_it_waits_leaves_the_queue(turns: Turns) -> None:
    first, second, third = (turns.begin(name) for name in "abc")
    await settled()

    second.cancel()
    await settled()
    for name in "ac":
        turns.free[name].set()
    await asyncio.gather(first, third)

    assert turns.order == ["a", "c"]
    assert second.cancelled()


async def test_a_task_that_is_cancelled_as_its_turn_comes_hands_it_on(
    turnstile: Turnstile[asyncio.Event], turns: Turns
) -> None:
    taken = await turnstile.enter(turnstile.me(), [CART])
    cancelled, next_one = turns.begin("cancelled"), turns.begin("next one")
    await settled()

    turnstile.leave(turnstile.me(), taken)
    cancelled.cancel()
    turns.free["next one"].set()
    async with asyncio.timeout(1):
        await next_one

    assert turns.order == ["next one"]


async def test_a_turn_on_several_keys_that_is_cancelled_frees_those_it_had(turns: Turns) -> None:
    holder, both = turns.begin("holder", PREFS), turns.begin("both", CART, PREFS)
    await settled()

    both.cancel()
    await settled()
    other = turns.begin("other", CART)
    turns.free["other"].set()
    async with asyncio.timeout(1):
        await other

    turns.free["holder"].set()
    await holder
    assert turns.order == ["holder", "other"]


async def test_a_turn_that_takes_too_long_names_its_holder_and_the_time() -> None:
    sessions = Sessions(MemoryStore(), lock_timeout=SHORT)
    entered, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with sessions.open(Cart, "42"):
            entered.set()
            await done.wait()

    task = asyncio.create_task(hold(), name="slow handler")
    await entered.wait()

    with pytest.raises(LockTimeoutError, match=r"waited 0.05 s .* held by the task 'slow handler'") as caught:
        await sessions.open(Cart, "42").__aenter__()
    done.set()
    await task
    assert (caught.value.key, caught.value.waited) == (CART, SHORT)
    async with sessions.open(Cart, "42"):
        pass


async def test_two_keys_opened_together_in_opposite_order_do_not_deadlock() -> None:
    sessions = Sessions(MemoryStore(), lock_timeout=LONG)

    async def both(first: int, second: int) -> None:
        one, other = sessions.open(Prefs, first), sessions.open(Prefs, second)
        async with sessions.turn(one, other):
            await asyncio.sleep(0)
            one.data.sizes[str(first)] = one.data.sizes.get(str(first), 0) + 1

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(both(*keys) for keys in [(1, 2), (2, 1)] * 20))

    assert [(await sessions.load(Prefs, key)).sizes for key in (1, 2)] == [{"1": 20}, {"2": 20}]


async def test_two_keys_opened_one_in_the_other_in_opposite_order_do_not_deadlock() -> None:
    sessions = Sessions(MemoryStore(), lock_timeout=LONG)
    both_hold_one = asyncio.Barrier(2)

    async def nested(first: int, second: int) -> None:
        async with sessions.open(Prefs, first) as outer:
            await both_hold_one.wait()
            async with sessions.open(Prefs, second) as inner:
                inner.theme = "inner"
            outer.sizes["outer"] = 1.0

    async with asyncio.timeout(LONG / 2):
        await asyncio.gather(nested(1, 2), nested(2, 1))

    assert [await sessions.load(Prefs, key) for key in (1, 2)] == [Prefs(theme="inner", sizes={"outer": 1.0})] * 2


async def test_nothing_is_kept_of_keys_that_nobody_holds() -> None:
    sessions = Sessions(MemoryStore())
    async with sessions.open(Cart, "warm"):
        pass
    gc.collect()
    before = len(gc.get_objects())

    for number in range(10_000):
        async with sessions.open(Cart, number):
            pass
    gc.collect()

    assert len(gc.get_objects()) - before < 1000


async def test_nothing_is_kept_of_turns_that_waited() -> None:
    signals = Signals()
    await fifty_turns(Turns(Turnstile(signals, LONG)))
    gc.collect()

    assert len(signals.made) == 49
    assert [signal() for signal in signals.made if signal() is not None] == []


async def fifty_turns(turns: Turns) -> None:
    """Fifty tasks want the same key, and every third gives up."""
    tasks = [turns.begin(str(number)) for number in range(50)]
    await settled()
    for number, task in enumerate(tasks):
        if number % 3 == 1:
            task.cancel()
        turns.free[str(number)].set()
    await asyncio.wait(tasks)


class Signals(Tasks):
    """Remembers every signal for as long as somebody else does."""

    def __init__(self) -> None:
        self.made: list[weakref.ref[asyncio.Event]] = []

    def signal(self) -> asyncio.Event:
        signal = super().signal()
        self.made.append(weakref.ref(signal))
        return signal


def test_two_event_loops_do_not_wait_for_each_other() -> None:
    sessions = Sessions(MemoryStore(), lock_timeout=LONG)
    meet = threading.Barrier(2, timeout=PATIENCE)

    async def hold(key: str) -> None:
        async with sessions.open(Prefs, "42") as prefs:
            await asyncio.to_thread(meet.wait)
            if key == "a":
                prefs.theme = key
            else:
                prefs.sizes[key] = 1.0

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(asyncio.run, hold(key)) for key in "ab"]:
            done.result(PATIENCE)

    assert asyncio.run(sessions.load(Prefs, "42")) == Prefs(theme="a", sizes={"b": 1.0})


class TestThreads:
    def test_threads_that_add_one_each_a_hundred_times_lose_nothing(self) -> None:
        sessions = SyncSessions(SyncMemoryStore())

        def add() -> None:
            for _ in range(100):
                with sessions.open(Cart, "42") as cart:
                    cart.customer_id = (cart.customer_id or 0) + 1

        with ThreadPoolExecutor(8) as threads:
            for done in [threads.submit(add) for _ in range(8)]:
                done.result(PATIENCE)

        assert sessions.load(Cart, "42").customer_id == 800

    def test_a_turn_that_takes_too_long_names_its_holder_and_the_time(self) -> None:
        sessions = SyncSessions(SyncMemoryStore(), lock_timeout=SHORT)

        with ThreadPoolExecutor(1) as threads, sessions.open(Cart, "42"):
            waiting = threads.submit(sessions.open(Cart, "42").__enter__)
            with pytest.raises(LockTimeoutError, match=r"waited 0.05 s .* held by the thread \d+"):
                waiting.result(PATIENCE)

    def test_two_keys_opened_one_in_the_other_in_opposite_order_do_not_deadlock(self) -> None:
        sessions = SyncSessions(SyncMemoryStore(), lock_timeout=LONG)
        both_hold_one = threading.Barrier(2, timeout=PATIENCE)

        def nested(first: int, second: int) -> None:
            with sessions.open(Prefs, first) as outer:
                both_hold_one.wait()
                with sessions.open(Prefs, second) as inner:
                    inner.theme = "inner"
                outer.sizes["outer"] = 1.0

        with ThreadPoolExecutor(2) as threads:
            for done in [threads.submit(nested, 1, 2), threads.submit(nested, 2, 1)]:
                done.result(LONG / 2)

        assert [sessions.load(Prefs, key) for key in (1, 2)] == [Prefs(theme="inner", sizes={"outer": 1.0})] * 2

    def test_a_turn_handed_over_as_the_time_runs_out_is_taken(self) -> None:
        class Late(Threads):
            async def wait(self, signal: threading.Event, timeout: float) -> None:  # noqa: ARG002, ASYNC109 # the seam's  # the seam's
                gate.leave(holder, [CART])
                raise TimeoutError

        gate = Turnstile(Late(), SHORT)
        holder = gate.me()
        complete(gate.enter(holder, [CART]))
        with ThreadPoolExecutor(1) as threads:
            taken = threads.submit(lambda: complete(gate.enter(gate.me(), [CART]))).result(PATIENCE)

        assert taken == [CART]
