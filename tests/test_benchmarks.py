"""The benchmarks run. What they measure is no test: a missed target is printed, not failed."""

import json

import pytest

from tests.benchmarks.case import Case, Spread
from tests.benchmarks.command import main, measured
from tests.benchmarks.report import print_table
from tests.services import POSTGRESQL, ServiceMissingError

IN_THIS_PROCESS = ["--rounds", "2", "--only", "*sqlite*", "--only", "memory"]


def test_every_row_of_sqlite_and_memory_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    status = main([*IN_THIS_PROCESS, "--json"])

    rows = json.loads(capsys.readouterr().out)["rows"]
    assert status == 0
    assert {row["name"] for row in rows if row["left_out"] is None} == {
        "sqlite-1",
        "sqlite-32",
        "sync-sqlite",
        "memory",
        "group-sqlite",
        "reads-sqlite",
        "unused-sqlite",
    }


def test_the_table_says_what_was_measured_and_how_to_repeat_it(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--rounds", "2", "--only", "memory"])

    table = capsys.readouterr().out
    assert "dict, from_json, to_json" in table
    assert "measured by python -m tests.benchmarks --rounds 2 --only memory" in table


def test_a_row_without_its_server_is_left_out_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    async def measure(_rounds: int) -> Spread:
        raise ServiceMissingError(POSTGRESQL)

    print_table([measured(Case("oracle", "turn", "the driver alone", 1.0, measure), rounds=2)], "make bench")

    assert "oracle was left out: no PostgreSQL" in capsys.readouterr().out


def test_a_row_that_does_not_exist_is_refused_with_the_names_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "oracle"])

    assert "no row is called oracle; the names are postgresql-1" in capsys.readouterr().err


def test_a_single_round_is_refused_because_it_has_no_quartiles(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--rounds", "1"])

    assert "--rounds must be at least 2" in capsys.readouterr().err


def test_a_spread_is_the_median_of_the_rounds_between_their_quartiles() -> None:
    assert Spread.of([5.0, 1.0, 4.0, 2.0, 3.0]) == Spread(2.0, 3.0, 4.0)
