from dataclasses import replace
from datetime import timedelta

import pytest

from tests.shop import stored
from typed_sessions.testing.clock import NOON

TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(("expires_at", "is_alive"), [(None, True), (NOON + TICK, True), (NOON, False)])
def test_a_record_is_alive_until_the_moment_it_expires(expires_at: None, *, is_alive: bool) -> None:
    assert stored({}, expires_at=expires_at).is_alive(NOON) is is_alive


def test_a_record_shows_neither_data_nor_owner() -> None:
    record = replace(stored({"secret": 1}), owner="user/secret")

    assert "secret" not in repr(record)
