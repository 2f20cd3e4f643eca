"""No id, no whole key and no data of a session is in what is logged, printed or raised."""

import asyncio
import gc
import logging
import traceback
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.shop import RecordingStore
from tests.visitors import Cart, Prefs, Visitor, visits_on
from typed_sessions import LockTimeoutError, SessionClosedError, SessionConflictError, SessionGoneError
from typed_sessions.integrations.web import StoredVisit, Taken, Visit, Visits
from typed_sessions.integrations.web.finding import Found
from typed_sessions.integrations.web.ids import Ids, digest
from typed_sessions.integrations.web.takeover import TakenOver
from typed_sessions.opened import Opened
from typed_sessions.session import Session
from typed_sessions.testing import SettableClock

SECRET, PERSON = "a-most-secret-line", "ada.lovelace@example.com"


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def visits(store: RecordingStore, clock: SettableClock) -> Visits:
    return visits_on(store, clock, lock_timeout=0.01, grace=timedelta(minutes=1), signing_keys=["k" * 32])


@pytest.fixture
async def visitor(visits: Visits) -> Visitor:
    visitor = Visitor(visits)
    await visitor.login(PERSON)
    await visitor.add(SECRET)
    return visitor


def known(visitor: Visitor) -> list[str]:
    """What must be nowhere."""
    id_ = visitor.id.partition(".")[0]
    return [id_, visitor.id.partition(".")[2], digest(id_), SECRET, PERSON, "k" * 32]


def kinds() -> Iterator[object]:
    """All objects of ours that a web session is made of, and that are alive.

    It asks for their types, not by `isinstance`, which asks the object: one of Django's that is lazy would do its work.
    """
    for each in gc.get_objects():
        if issubclass(type(each), Visit | Visits | Found | Ids | Session | Opened | StoredVisit | Taken):
            yield each


async def test_no_repr_tells_a_secret(visitor: Visitor) -> None:
    async with visitor.request() as visit:
        await visit.rotate()
        session = await visit.session(Cart)
        everything: list[object] = [*kinds(), session, session.lease, vars(visit), vars(vars(visit)["_held"])]
        shown = [repr(each) for each in everything]
        id_ = await visit.id()

    assert len(shown) > 10
    assert not [text for text in shown for secret in [*known(visitor), id_, digest(id_)] if secret in text]


@pytest.mark.parametrize(
    "value",
    [
        StoredVisit(moved_to=SECRET),
        TakenOver(to=SECRET, secret=SECRET),
        Taken(sessions=[Cart(lines=[SECRET])], owner=SECRET),
        Ids([SECRET * 2]),
    ],
)
def test_no_value_tells_a_secret(value: object) -> None:
    assert SECRET not in repr(value)


def told(error: BaseException) -> str:
    """All that a traceback says."""
    return "".join(traceback.format_exception(error))


async def errors(visitor: Visitor, clock: SettableClock, store: RecordingStore) -> list[BaseException]:
    """One of each that a visit raises."""
    found: list[BaseException] = []
    elsewhere = visitor.elsewhere(visits_on(store, clock, signing_keys=["k" * 32]))
    with pytest.raises(SessionConflictError) as conflict:
        async with visitor.request() as visit:
            (await visit.data(Cart)).lines.append("mine")
            await elsewhere.add("theirs")
    found.append(conflict.value)
    async with visitor.request() as visit:
        await visit.owner()
        with pytest.raises(LockTimeoutError) as timeout:
            async with Visitor(visitor.visits, visitor.id).request() as other:
                await asyncio.create_task(other.login(PERSON))
        found.append(timeout.value)
    async with visitor.request() as visit:
        await visit.finish(is_good=True)
        with pytest.raises(SessionClosedError) as closed:
            await visit.login(PERSON)
        found.append(closed.value)
    with pytest.raises(SessionGoneError) as gone:
        async with visitor.request() as visit:
            (await visit.data(Prefs)).language = SECRET
            await visitor.visits.logout_everywhere(PERSON)
    return [*found, gone.value]


async def test_no_error_tells_a_secret(visitor: Visitor, clock: SettableClock, store: RecordingStore) -> None:
    hidden = known(visitor)
    raised = await errors(visitor, clock, store)

    assert len(raised) == 4
    assert not [told(error) for error in raised for secret in hidden if secret in told(error)]


async def test_no_log_tells_a_secret(
    visitor: Visitor, clock: SettableClock, store: RecordingStore, caplog: pytest.LogCaptureFixture
) -> None:
    hidden = known(visitor)
    with caplog.at_level(logging.DEBUG):
        await errors(visitor, clock, store)

    assert not [secret for secret in hidden if secret in caplog.text]
