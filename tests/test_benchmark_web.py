"""The contest of web sessions runs. What it measures is no test."""

import shutil

import pytest

from tests.benchmarks import document
from tests.benchmarks.web import command
from tests.benchmarks.web.contest import CLIENTS, play
from tests.benchmarks.web.contestants import CONTESTANTS, Contestant
from tests.benchmarks.web.load import WrkMissingError
from tests.conftest import do_without
from tests.services import POSTGRESQL, ServiceMissingError

OURS, LITESTAR, FLASK, COOKIE = CONTESTANTS[:4]
ABSENT = Contestant("absent", "absent", "asgi", None, ("a_package_that_nobody_has",))


def test_the_contest_measures_counts_and_leaves_out() -> None:
    if shutil.which("wrk") is None:
        do_without(str(WrkMissingError()))

    ours, cookie, absent = play([OURS, COOKIE, ABSENT], rounds=1, seconds=1, tell=lambda _: None)

    assert ours.failed() == cookie.failed() == 0
    assert min(ours.rate("read"), ours.rate("write"), ours.rate("anonymous"), cookie.rate("read")) > 0
    assert (ours.per_request["read"][0], ours.per_request["write"][0], ours.per_request["anonymous"][0]) == (0, 1, 0)
    assert ours.stored == {"read": 0, "write": 0, "anonymous": 0}
    assert (ours.survived, cookie.survived) == (CLIENTS, 0)
    assert absent.left_out == "not installed: a_package_that_nobody_has"


def test_without_wrk_or_a_database_a_line_says_what_is_needed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_database(*_: object, **__: object) -> None:
        raise ServiceMissingError(POSTGRESQL)

    monkeypatch.setattr(command, "play", no_database)

    assert command.main([]) == 1
    assert "no PostgreSQL: start it on its usual port" in capsys.readouterr().err


def test_the_page_has_a_row_for_each_library_and_request() -> None:
    row = {"name": "ours", "rate": {"read": 10.0}, "p99": {"read": 1.0}, "rows": {"read": 0.0}}
    rest = {"transactions": {"read": 1.0}, "stored": {"read": 0}, "survived": 10, "of": 10}
    slow = {**row, **rest, "name": "slow", "rate": {"read": 5.0}}

    table = document.web({"rows": [{**row, **rest}, slow]})

    assert "| slow | read | 5 | 2.00 | 1.0 | 0.00 | 1.00 | 0 | 10 of 10 |" in table
