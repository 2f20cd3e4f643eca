"""What is asked at the same time is asked together; a failure, a cancellation or a full queue harms nobody else."""

import asyncio
import gc
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from typed_sessions.stores.sqlalchemy.lane import coalescer
from typed_sessions.stores.sqlalchemy.lane.coalescer import Alone, Coalescer, NotAskedError

BATCH = 4
AT_ONCE = 5.0


class Database:
    """Answers each question with its double, one batch at a time, when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.leases: list[str] = []
        self.error: Exception | None = None
        self.lease_error: Exception | None = None
        self.on_return: Callable[[], object] | None = None
        self.asked = asyncio.Event()
        """Set when a batch has come."""
        self.given_back = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[int]:
        if self.lease_error is not None:
            raise self.lease_error
        self.leases.append("taken")
        try:
            yield len(self.leases)
        finally:
            self.leases.append("given back")
            self.given_back.set()
            if self.on_return is not None:
                self.on_return()

    async def ask(self, _connection: int, questions: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(questions))
        self.asked.set()
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        return [2 * question for question in questions]


@pytest.fixture
async def database() -> Database:
    return Database()


@pytest.fixture
async def line(database: Database) -> AsyncIterator[Coalescer[int, int, int]]:
    line = coalescing(database)
    yield line
    await line.close()


@pytest.fixture(autouse=True)
async def complaints() -> AsyncIterator[list[str]]:
    """What the event loop complains of at the end: exceptions that nobody asked for, tasks that were dropped."""
    heard: list[str] = []

    def hear(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        heard.append(str(context))

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(hear)
    yield heard
    gc.collect()
    loop.set_exception_handler(None)
    assert heard == []


def coalescing(database: Database, timeout: float = AT_ONCE) -> Coalescer[int, int, int]:
    return Coalescer(database.lease, database.ask, batch=BATCH, timeout=timeout)


async def busy(line: Coalescer[int, int, int], database: Database, question: int = 0) -> "asyncio.Task[int | None]":
    """A question that is being asked until `may_answer` is set; what comes now has to wait."""
    database.may_answer.clear()
    database.asked.clear()
    task = asyncio.create_task(line.ask(question))
    await database.asked.wait()
    return task


async def waiting(*asked: Awaitable[int | None]) -> "list[asyncio.Future[int | None]]":
    """Tasks that have come so far that they wait for their answers."""
    tasks: list[asyncio.Future[int | None]] = [asyncio.ensure_future(each) for each in asked]
    await asyncio.sleep(0)
    return tasks


async def a_while() -> None:
    """Rounds of the event loop, more than anything here takes."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_who_comes_alone_is_asked_at_once(database: Database, line: Coalescer[int, int, int]) -> None:
    assert await line.ask(21) == 42
    assert await line.ask(1) == 2

    assert database.batches == [[21], [1]]
    assert database.leases == ["taken"]


async def test_those_who_come_at_the_same_time_are_asked_together(
    database: Database, line: Coalescer[int, int, int]
) -> None:
    answers = await asyncio.gather(*map(line.ask, range(3)))

    assert answers == [0, 2, 4]
    assert database.batches == [[0, 1, 2]]


async def test_those_who_come_while_others_are_asked_are_the_next_batch(
    database: Database, line: Coalescer[int, int, int]
) -> None:
    first = await busy(line, database)
    others = await waiting(line.ask(1), line.ask(2))

    database.may_answer.set()
    await asyncio.gather(first, *others)

    assert database.batches == [[0], [1, 2]]


async def test_first_come_is_first_served_and_no_batch_is_too_large(
    database: Database, line: Coalescer[int, int, int]
) -> None:
    answers = await asyncio.gather(*map(line.ask, range(10)))

    assert answers == list(range(0, 20, 2))
    assert database.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_questions_with_a_name_in_common_are_asked_one_after_the_other_in_their_order(
    database: Database, line: Coalescer[int, int, int]
) -> None:
    asked = [(0, "a"), (1, "ab"), (2, "b"), (3, "c"), (4, "a")]

    await asyncio.gather(*(line.ask(question, names=names) for question, names in asked))

    assert database.batches == [[0, 3], [1], [2, 4]]


async def test_a_batch_is_not_too_heavy(database: Database, line: Coalescer[int, int, int]) -> None:
    half = coalescer.MAX_WEIGHT // 2

    await asyncio.gather(*(line.ask(number, weight=half) for number in range(3)), line.ask(3, weight=1))

    assert database.batches == [[0, 1], [2, 3]]


async def test_one_that_is_too_heavy_by_itself_is_asked_alone(
    database: Database, line: Coalescer[int, int, int]
) -> None:
    weights = [1, coalescer.MAX_WEIGHT + 1, 1]

    await asyncio.gather(*(line.ask(number, weight=weight) for number, weight in enumerate(weights)))

    assert database.batches == [[0], [1], [2]]


async def test_when_too_many_wait_the_next_goes_another_way(
    database: Database, line: Coalescer[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescer, "MAX_WAITING", 2)
    first = await busy(line, database)
    others = await waiting(line.ask(1), line.ask(2))

    assert await line.ask(3) is None
    database.may_answer.set()
    assert await asyncio.gather(first, *others) == [0, 2, 4]


async def test_one_cancelled_while_it_waits_is_never_asked_and_its_neighbours_are(
    database: Database, line: Coalescer[int, int, int]
) -> None:
    first = await busy(line, database)
    one, two, three = await waiting(line.ask(1), line.ask(2), line.ask(3))

    two.cancel()
    database.may_answer.set()
    await asyncio.wait([first, one, two, three])

    assert two.cancelled()
    assert database.batches == [[0], [1, 3]]
    assert (one.result(), three.result()) == (2, 6)


async def test_one_cancelled_in_the_moment_when_it_would_be_asked_is_not(
    database: Database, line: Coalescer[int, int, int]
) -> None:
    """Its future is cancelled already, and its task does not know it yet."""
    one, two = await waiting(line.ask(1), line.ask(2))

    one.cancel()
    await asyncio.wait([one, two])

    assert database.batches == [[2]]


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("kind", ["coalescer", "alone"])
async def test_one_cancelled_while_it_is_asked_is_waited_for_and_then_the_cancellation_goes_on(
    database: Database, line: Coalescer[int, int, int], times: int, kind: str
) -> None:
    database.may_answer.clear()
    asked = line if kind == "coalescer" else Alone(database.lease, database.ask, timeout=AT_ONCE)
    task = asyncio.create_task(asked.ask(1))
    await database.asked.wait()

    for _ in range(times):
        task.cancel()
        await a_while()
    assert not task.done()

    database.may_answer.set()
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_failure_that_a_cancelled_one_waited_for_is_no_complaint(
    database: Database, line: Coalescer[int, int, int], complaints: list[str], *, is_late: bool
) -> None:
    tasks = [await busy(line, database)]
    database.error = OSError()
    tasks[0].cancel()
    await a_while()
    if is_late:
        # Once more, after it was told of the failure and before it could look.
        database.on_return = tasks[0].cancel

    database.may_answer.set()
    await asyncio.wait(tasks)

    # Nothing that could keep the exception.
    database.error = database.on_return = None
    assert tasks.pop().cancelled()
    gc.collect()
    assert complaints == []


async def test_a_batch_that_fails_tells_all_its_members_and_the_others_go_another_way(
    database: Database, line: Coalescer[int, int, int]
) -> None:
    database.error = OSError("lost")
    database.may_answer.clear()
    asked = await waiting(line.ask(1), line.ask(2))
    await database.asked.wait()
    others = await waiting(line.ask(3), line.ask(4))

    database.may_answer.set()
    await asyncio.wait([*asked, *others])

    assert [task.exception() for task in asked] == [database.error] * 2
    assert [task.result() for task in others] == [None, None]


async def test_the_next_question_after_a_failure_gets_a_new_connection(
    database: Database, line: Coalescer[int, int, int]
) -> None:
    database.error = OSError("lost")
    with pytest.raises(OSError, match="lost"):
        await line.ask(1)
    database.error = None

    assert await line.ask(2) == 4
    assert database.leases == ["taken", "given back", "taken"]


@pytest.mark.parametrize("answers", [[], [1, 2, 3]])
async def test_answers_that_are_too_few_or_too_many_leave_nobody_waiting(answers: list[int]) -> None:
    database = Database()

    async def ask(_connection: int, _questions: Sequence[int]) -> Sequence[int]:
        return answers

    line: Coalescer[int, int, int] = Coalescer(database.lease, ask, batch=BATCH, timeout=AT_ONCE)
    asked = await waiting(line.ask(1), line.ask(2))

    _, hanging = await asyncio.wait(asked, timeout=AT_ONCE)

    assert not hanging
    assert isinstance(asked[1].exception(), ValueError) or answers
    for each in asked:
        each.exception()
    await line.close()


async def test_a_batch_that_was_not_asked_goes_another_way_and_the_next_gets_a_new_connection(
    database: Database, line: Coalescer[int, int, int]
) -> None:
    database.error = NotAskedError()
    assert await asyncio.gather(*map(line.ask, [1, 2])) == [None, None]
    database.error = None

    assert await line.ask(3) == 6
    assert database.leases == ["taken", "given back", "taken"]


@pytest.mark.parametrize("error", [OSError("refused"), NotAskedError(), TimeoutError()])
async def test_without_a_connection_all_go_another_way(
    database: Database, line: Coalescer[int, int, int], error: Exception
) -> None:
    database.lease_error = error

    assert await asyncio.gather(*map(line.ask, range(10))) == [None] * 10
    assert database.batches == []


async def test_who_has_waited_too_long_is_told_so_and_not_asked(database: Database) -> None:
    line = coalescing(database, timeout=0.05)
    database.may_answer.clear()
    asked = await waiting(*map(line.ask, range(BATCH + 1)))

    await asyncio.wait(asked)

    assert [type(task.exception()) for task in asked] == [TimeoutError] * (BATCH + 1)
    assert database.batches == [[0, 1, 2, 3]]
    await line.close()


async def test_a_question_asked_alone_has_a_time_limit_too(database: Database) -> None:
    database.may_answer.clear()

    with pytest.raises(TimeoutError):
        await Alone(database.lease, database.ask, timeout=0.01).ask(1)
    assert database.leases == ["taken", "given back"]


async def test_the_connection_is_given_back_when_nobody_came_for_a_while_and_taken_again(
    database: Database, line: Coalescer[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescer, "LINGER", 0.0)
    await line.ask(1)
    async with asyncio.timeout(AT_ONCE):
        await database.given_back.wait()

    assert await line.ask(2) == 4
    assert database.leases[:3] == ["taken", "given back", "taken"]


@pytest.fixture
def forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalescer, "LINGER", 3600.0)


@pytest.mark.usefixtures("forever")
async def test_close_gives_an_idle_connection_back_at_once(database: Database, line: Coalescer[int, int, int]) -> None:
    await line.ask(1)

    async with asyncio.timeout(AT_ONCE):
        await line.close()

    assert database.leases == ["taken", "given back"]


@pytest.mark.usefixtures("forever")
async def test_close_waits_for_those_who_are_asked_and_no_longer(
    database: Database, line: Coalescer[int, int, int]
) -> None:
    first = await busy(line, database)
    [other] = await waiting(line.ask(1))
    closing = [asyncio.create_task(line.close()) for _ in range(2)]
    await a_while()

    database.may_answer.set()
    async with asyncio.timeout(AT_ONCE):
        await asyncio.gather(*closing)

    assert (await first, await other) == (0, 2)
    assert database.leases == ["taken", "given back"]


@pytest.mark.usefixtures("forever")
async def test_after_a_close_the_line_may_be_used_again(database: Database, line: Coalescer[int, int, int]) -> None:
    await line.ask(1)
    await line.close()

    assert await asyncio.gather(*map(line.ask, [2, 3])) == [4, 6]
    assert await line.ask(4) == 8
    assert database.leases == ["taken", "given back", "taken"]


@pytest.mark.usefixtures("forever")
async def test_one_who_comes_while_the_connection_is_given_back_is_asked_on_a_new_one(database: Database) -> None:
    is_giving, may_give = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def slow() -> AsyncGenerator[int]:
        async with database.lease() as connection:
            yield connection
            is_giving.set()
            await may_give.wait()

    line = Coalescer(slow, database.ask, batch=BATCH, timeout=AT_ONCE)
    await line.ask(1)
    closing = asyncio.create_task(line.close())
    await is_giving.wait()
    [late] = await waiting(line.ask(2))
    may_give.set()

    assert await late == 4
    await closing


async def test_nobody_hangs_when_the_event_loop_ends() -> None:
    ended: list[bool] = []

    async with asyncio.timeout(AT_ONCE):
        await asyncio.to_thread(asyncio.run, leave_open(ended))

    assert ended == [True] * 2 * BATCH


async def leave_open(ended: list[bool]) -> None:
    """Return, and so end the event loop, while one batch is asked and another waits."""
    database = Database()
    line = coalescing(database)
    database.may_answer.clear()
    for task in await waiting(*map(line.ask, range(2 * BATCH))):
        task.add_done_callback(lambda each: ended.append(each.cancelled()))
    await database.asked.wait()


async def test_a_question_asked_alone_has_a_connection_of_its_own(database: Database) -> None:
    line: Alone[int, int, int] = Alone(database.lease, database.ask, timeout=AT_ONCE)

    assert await asyncio.gather(*map(line.ask, [1, 2])) == [2, 4]
    await line.close()

    assert database.batches == [[1], [2]]
    assert database.leases.count("taken") == database.leases.count("given back") == 2


async def test_a_question_asked_alone_tells_what_failed_and_goes_another_way_if_it_was_not_asked(
    database: Database,
) -> None:
    line: Alone[int, int, int] = Alone(database.lease, database.ask, timeout=AT_ONCE)
    database.error = OSError("lost")
    with pytest.raises(OSError, match="lost"):
        await line.ask(1)
    database.error = NotAskedError()

    assert await line.ask(1) is None


async def test_a_thousand_in_random_order_with_cancellations_are_all_answered(
    database: Database, line: Coalescer[int, int, int]
) -> None:
    tasks = await waiting(*(line.ask(number, names=[number % 7]) for number in range(1000)))
    for number, task in enumerate(tasks):
        if number % 3 == 0:
            task.cancel()
        if number % 50 == 0:
            await asyncio.sleep(0)
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task

    answered = [number for number, task in enumerate(tasks) if not task.cancelled() and task.result() == 2 * number]
    assert set(answered) >= {number for number in range(1000) if number % 3}
    assert all(len({number % 7 for number in batch}) == len(batch) for batch in database.batches)


async def test_a_question_from_where_the_stack_ends_leaves_nobody_asleep(line: Coalescer[int, int, int]) -> None:
    async def deep(frames: int) -> int | None:
        return await deep(frames - 1) if frames else await line.ask(1)

    await line.ask(1)
    for frames in range(sys.getrecursionlimit()):
        await asyncio.sleep(0)
        with suppress(RecursionError):
            await deep(frames)

    async with asyncio.timeout(AT_ONCE):
        assert await line.ask(21) == 42
