from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta

from typed_sessions.clock import EPOCH, MICROSECOND, Revisions, utc_now
from typed_sessions.testing import SettableClock


def test_the_systems_clock_is_in_utc() -> None:
    assert utc_now().tzinfo is UTC


def test_a_first_revision_is_the_time_in_microseconds() -> None:
    clock = SettableClock()

    assert EPOCH + Revisions(clock).first() * MICROSECOND == clock.now


def test_no_revision_is_given_twice_while_the_clock_stands_still_or_goes_back() -> None:
    clock = SettableClock()
    revisions = Revisions(clock)
    given = [revisions.first(), revisions.first()]
    clock.advance(timedelta(hours=-1))

    assert sorted({*given, revisions.first()}) == [given[0], given[0] + 1, given[0] + 2]


def test_no_revision_is_given_to_two_threads() -> None:
    revisions = Revisions(SettableClock())
    with ThreadPoolExecutor(8) as threads:
        given = [threads.submit(revisions.first) for _ in range(400)]

    assert len({each.result() for each in given}) == len(given)


def test_a_settable_clock_stands_still_until_it_is_moved() -> None:
    clock = SettableClock()
    before = clock()

    assert clock() == before
    assert clock.advance(timedelta(seconds=1)) == clock() == before + timedelta(seconds=1)
