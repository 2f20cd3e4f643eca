"""The benchmarks run. What they measure is no test: a missed target is printed, not failed."""

import json
import re
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NoReturn

import psycopg
import pytest
from sqlalchemy import URL

from tests.benchmarks import curves, document, growth, prune, soak
from tests.benchmarks.case import Case, Spread
from tests.benchmarks.command import main, measured
from tests.benchmarks.drawing import draw
from tests.benchmarks.holdings import holdings
from tests.benchmarks.peers import by_hand, match
from tests.benchmarks.peers import command as peers
from tests.benchmarks.peers.match import play
from tests.benchmarks.peers.peer import MEMORY, Peer
from tests.benchmarks.peers.watching import summary, watched_postgresql
from tests.benchmarks.report import print_table, save
from tests.benchmarks.samples import SMALL
from tests.empty_database import address
from tests.services import POSTGRESQL, ServiceMissingError
from typed_sessions import MemoryStore, Sessions

IN_THIS_PROCESS = ["--rounds", "2", "--only", "*sqlite*", "--only", "memory"]


def test_every_row_of_sqlite_and_memory_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    status = main([*IN_THIS_PROCESS, "--json"])

    rows = json.loads(capsys.readouterr().out)["rows"]
    assert status == 0
    assert {row["name"] for row in rows if row["left_out"] is None} == {
        "sqlite-1",
        "sqlite-32",
        "sqlite-normal-1",
        "sqlite-normal-32",
        "sqlite-normal-256",
        "idle-sqlite",
        "sync-sqlite",
        "memory",
        "group-sqlite",
        "reads-sqlite",
        "unused-sqlite",
        "bulk-sqlite",
        "bulk-sqlite-by-hand",
    }


@pytest.mark.usefixtures("redis_url")
def test_every_row_of_redis_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--rounds", "2", "--only", "*redis*", "--json"])

    rows = json.loads(capsys.readouterr().out)["rows"]
    assert (status, [row["name"] for row in rows if row["left_out"] is None]) == (
        0,
        ["redis-1", "redis-32", "redis-256", "sync-redis"],
    )


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


def test_a_row_without_a_target_is_neither_reached_nor_missed() -> None:
    async def measure(_rounds: int) -> Spread:
        return Spread(2.0, 2.0, 2.0)

    assert measured(Case("oracle", "turn", "the driver alone", None, measure), rounds=2).is_reached is None


def test_what_was_measured_is_saved_with_its_command_and_machine(tmp_path: Path) -> None:
    main(["--rounds", "2", "--only", "memory", "--save", str(tmp_path / "ratios.json")])

    found = json.loads((tmp_path / "ratios.json").read_text())
    assert found["command"].startswith("python -m tests.benchmarks --rounds 2 --only memory")
    assert int(found["machine"]["cores"]) > 0
    assert [row["name"] for row in found["rows"]] == ["memory"]


def test_curves_are_measured_and_drawn(tmp_path: Path) -> None:
    tiny = ["--rounds", "1", "--seconds", "0.05", "--tasks", "2", "--rates", "40", "--only", "sqlite+aiosqlite"]

    curves.main([*tiny, "--save", str(tmp_path / "curves.json"), "--plot", str(tmp_path)])

    found = json.loads((tmp_path / "curves.json").read_text())
    assert found["throughput"]["sqlite+aiosqlite"]["typed-sessions"]["2"] > 0
    assert {file.name for file in tmp_path.glob("*.*g")} == {
        f"{name}.{kind}" for name in ("latency", "throughput") for kind in ("png", "svg")
    }


def test_the_same_curves_give_the_same_picture(tmp_path: Path) -> None:
    rates, taken = {"typed-sessions": {"1": 1.0, "2": 2.0}}, {"300": {"typed-sessions": [1.0, 2.0, 3.0]}}
    found = {"throughput": {"sqlite+aiosqlite": rates}, "latency": {"sqlite+aiosqlite": taken}}

    for folder in ("one", "other"):
        draw(found, tmp_path / folder)

    assert (tmp_path / "one/throughput.svg").read_bytes() == (tmp_path / "other/throughput.svg").read_bytes()


def test_growth_is_the_time_over_that_of_the_fewest(capsys: pytest.CaptureFixture[str]) -> None:
    growth.main(["--only", "sqlite+aiosqlite", "--size", "10", "--size", "200", "--rounds", "2", "--json"])

    few, many = json.loads(capsys.readouterr().out)["rows"]
    assert (few["sessions"], few["ratio"]) == (10, 1.0)
    assert many["sessions"] == 200
    assert 50 < many["bytes_per_session"] < 1000


@pytest.mark.usefixtures("postgresql_url")
def test_cleanup_is_measured_beside_readers_and_writers(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--only", "sqlite+aiosqlite", "--sessions", "400", "--batch", "50", "--phase", "0.2", "--json"]
    status = prune.main(asked)

    [row] = json.loads(capsys.readouterr().out)["rows"]
    assert (status, row["deleted"]) == (0, 200)
    assert min(row["reader_idle"], row["reader_pruning"], row["writer_pruning"], row["loop"]) > 0


def test_a_soak_that_finds_something_says_it_and_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soak, "TOLERANCE", -1.0)

    status = soak.main(["--minutes", "0.02", "--tasks", "4", "--sessions", "50"])

    assert status == 1
    assert re.search(r"turns in .*\nmeasured by .*\nmemory grew by ", capsys.readouterr().out, re.DOTALL)


AT_REST = soak.Sample(
    seconds=100.0, memory=10**8, connections=5, locks=0, advisory_locks=0, files=9, tasks=1, turns=1, errors={}
)
FLAT = [replace(AT_REST, seconds=float(number), connections=10, tasks=257) for number in range(40)]


def test_a_load_that_leaves_everything_flat_is_found_well() -> None:
    assert soak.verdict(FLAT, AT_REST) == []


@pytest.mark.parametrize(
    ("rest", "finding"),
    [
        (replace(AT_REST, tasks=2), "tasks at rest: 2, not at most 1"),
        (replace(AT_REST, advisory_locks=1), "advisory locks at rest: 1, not at most 0"),
        (replace(AT_REST, files=10), "files at rest: 10, not at most 9"),
        (replace(AT_REST, errors={"Oops": 3}), "3 turns raised Oops"),
        (
            replace(AT_REST, held={"Turnstile.lines": 1}),
            "Turnstile.lines holds 1 at rest and held at most 0 under load",
        ),
    ],
)
def test_what_a_load_leaves_behind_is_found(rest: soak.Sample, finding: str) -> None:
    assert soak.verdict(FLAT, rest) == [finding]


def test_memory_that_grows_after_the_warm_up_is_found() -> None:
    growing = [replace(sample, memory=10**8 + 10**5 * number) for number, sample in enumerate(FLAT)]

    assert soak.verdict(growing, AT_REST) == ["memory grew by 2.8% after the warm-up"]


async def test_what_is_kept_in_memory_is_counted_by_the_attribute_that_keeps_it() -> None:
    sessions = Sessions(MemoryStore())
    await sessions.save("1", SMALL)
    await sessions.save("2", SMALL)

    assert 2 in holdings(sessions.store).values()


def test_libraries_that_are_not_installed_are_left_out_with_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(match, "SAMPLE", 0.01)

    peers.main(["--backend", "memory", "--rounds", "2", "--json"])

    told = capsys.readouterr()
    rows = {row["name"]: row for row in json.loads(told.out)["rows"]}
    assert rows["by hand"]["ratios"] == {"1": 1.0, "32": 1.0}
    assert rows["typed-sessions"]["survivors"] == 10
    assert "litestar is left out: " in told.err


async def test_a_library_that_fails_is_out_and_the_others_play_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match, "SAMPLE", 0.01)

    def broken_from_the_start(_url: str) -> NoReturn:
        raise RuntimeError("no")

    floor, broken = await play([*by_hand.peers()[:1], Peer("broken", MEMORY, broken_from_the_start)], rounds=1)

    assert floor.ratios[1] == 1.0
    assert broken.failed == "RuntimeError: no"


def test_statements_are_seen_on_the_wire_whoever_sends_them(postgresql_url: URL) -> None:
    with watched_postgresql(address(postgresql_url)) as (watched, said), psycopg.connect(watched) as connection:
        connection.execute("CREATE TEMPORARY TABLE t (n int)")
        connection.execute("INSERT INTO t VALUES (%s)", (1,))
        connection.execute("SELECT n FROM t WHERE n = %s", (1,))

    assert summary(said) == "1 read, 1 write, 2 for transactions, 1 other"


async def test_a_client_that_waits_for_the_server_to_hang_up_is_not_kept_waiting(postgresql_url: URL) -> None:
    with watched_postgresql(address(postgresql_url)) as (watched, said):
        connection: Any = await resolve_name("asyncpg:connect")(watched)
        await connection.execute("SELECT 1")
        await connection.close(timeout=10)

    assert said == ["SELECT 1"]


def test_the_page_gets_what_was_saved_and_keeps_what_was_not_measured(tmp_path: Path) -> None:
    row = {"driver": "sqlite", "sessions": 10, "microseconds": 2.0, "ratio": 1.0, "bytes": 10, "bytes_per_session": 1}
    save({"command": "x", "machine": {"cores": "2", "SQLite": "3"}, "rows": [row]}, tmp_path / "growth.json")
    page = "<!-- growth -->\nold\n<!-- end of growth -->\n<!-- soak -->\nkept\n<!-- end of soak -->"

    written = document.written(page, tmp_path)

    assert "| sqlite | 10 | 2 | 1.00 | 0.0 | 1 |" in written
    assert "Measured by `x` on one machine with 2 cores: SQLite 3." in written
    assert "old" not in written
    assert "kept" in written


def test_the_page_shows_what_was_measured_last() -> None:
    page = document.PAGE.read_text()

    assert document.written(page, document.FOLDER) == page
