"""`typed-sessions stats`: what is stored, counted in the database or by looking at each."""

import json
import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.cli_project import HOUR, STORES, V1, CliProject, cart, url_of
from tests.terminal import at_terminal
from typed_sessions import Record, SessionKey, Settings
from typed_sessions.cli.counting import count, expired, lot_of
from typed_sessions.cli.figures import Figures, Stock, as_object
from typed_sessions.stores.counting import Lot
from typed_sessions.stores.protocol import Delete, Insert, Query
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore

DAY = 24 * HOUR


@pytest.fixture(params=STORES)
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    return CliProject(tmp_path, monkeypatch, url_of(request.param, tmp_path, request))


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    """On one store, for what is the same on all."""
    return CliProject(tmp_path, monkeypatch, f"sqlite:///{tmp_path}/sessions.db")


def test_sessions_are_counted_by_model_and_version(project: CliProject) -> None:
    project.fill(
        {
            cart(1): project.record(V1, 1),
            cart(2): project.record(age=2 * HOUR, expires=HOUR / 2),
            cart(3): project.record(age=40 * DAY, expires=2 * DAY),
            cart(4): project.record(age=40 * DAY, expires=8 * DAY),
            SessionKey.of("visit", 1): project.record(b"{}", 1),
            SessionKey("cart!quarantine", "9/5"): project.record(b"{}", 1),
        }
    )

    rows = [line.split() for line in project.ran("stats").splitlines()]

    assert ["cart", "1", "1", "0", "########"] in rows
    assert ["cart", "2", "3", "0", "########################"] in rows
    assert ["cart", "quarantined", "1"] in rows
    assert ["cart", "2", "135", "B", "45", "B", "45", "B", "45", "B", "45", "B"] in rows
    assert ["cart", "saved", "0", "2", "2", "2", "oldest", "40", "d"] in rows
    assert ["cart", "expiring", "1", "1", "2", "3", "1", "never"] in rows


def test_json_tells_the_same(project: CliProject) -> None:
    project.fill({cart(1): project.record(expires=2 * HOUR), SessionKey("cart!reset", "5/9"): project.record(V1, 1)})

    told = json.loads(project.ran("stats", "--json"))

    figures = {
        "sessions": 1,
        "expired": 0,
        "bytes": {"total": 45, "mean": 45.0, "p50": 45, "p95": 45, "max": 45},
        "saved_within": {"1h": 0, "1d": 1, "7d": 1, "30d": 1},
        "expiring_within": {"1h": 0, "1d": 1, "7d": 1, "30d": 1},
        "never_expiring": 0,
        "oldest_save": (project.now - HOUR).isoformat(),
        "newest_save": (project.now - HOUR).isoformat(),
    }
    assert told.pop("at") > project.now.isoformat()
    of_cart = {"model": "cart", **figures, "quarantined": 0, "reset": 1, "versions": [{"version": 2, **figures}]}
    assert told == {"format": 1, "models": [of_cart]}


def test_only_the_models_that_are_named(project: CliProject) -> None:
    aside = SessionKey("visit!quarantine", "1/7")
    project.fill({cart(1): project.record(), SessionKey.of("visit", 1): project.record(), aside: project.record()})

    [told] = json.loads(project.ran("stats", "visit", "--json"))["models"]

    assert (told["model"], told["sessions"], told["quarantined"]) == ("visit", 1, 1)


def test_nothing_is_said_to_be_nothing(project: CliProject) -> None:
    assert project.run("stats") == (0, "", "nothing is stored there\n")
    assert json.loads(project.ran("stats", "--json"))["models"] == []


def test_a_database_counts_as_we_do(sync_url: str) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    records = {cart(number): record(number, now) for number in range(40)}
    with closing(SyncSQLAlchemyStore.from_url(sync_url)) as store:
        while page := store.scan(Query()):
            store.save([Delete(key) for key, _ in page])
        store.save([Insert(key, kept) for key, kept in records.items()])
    settings = Settings(database_url=SecretStr(sync_url))
    ours, theirs = Stock(), Stock()

    ours.add([lot_of(key.model, kept, now) for key, kept in records.items()])
    count(settings, (), now, theirs.add, str)

    assert as_object(theirs, now) == as_object(ours, now)
    assert expired(settings, now) == ours.models["cart"].all.expired > 0


def record(number: int, now: datetime) -> Record:
    """Of another size, age and expiry for each number; some stand on the edge of a span."""
    saved = now - [HOUR, DAY, 7 * DAY, 30 * DAY, 31 * DAY][number % 5]
    expires_at = None if number % 3 == 0 else now + timedelta(hours=number - 20)
    data = json.dumps({"text": "ä" * (number % 7)}, ensure_ascii=False).encode()
    return Record(1 + number % 2, 1, 5, data, saved, saved, expires_at)


def test_percentiles_are_sizes_that_there_are() -> None:
    figures = Figures()
    for size in range(1, 101):
        figures.add(Lot("cart", 1, size * 10, 1, (0,) * 4, (0,) * 5, 1, NEVER, NEVER))

    assert [figures.percentile(part) for part in (50, 95, 100)] == [500, 950, 1000]
    assert (figures.mean, figures.largest, Figures().percentile(50)) == (505.0, 1000, 0)


NEVER = datetime(2026, 1, 1, tzinfo=UTC)


def test_at_a_terminal_bars_are_drawn_and_fit_into_it(quick: CliProject) -> None:
    quick.fill({cart(number): quick.record() for number in range(3)})

    code, said = at_terminal("stats", COLUMNS="50")

    assert (code, "█" in said, "cart        2 135 B 45 B 45 B 45 B 45 B" in said) == (0, True, True)
    assert max(map(len, re.split(r"[\r\n]+", said))) <= 50


@pytest.mark.parametrize("columns", [30, 40, 80])
def test_a_narrow_terminal_loses_figures_but_no_model(quick: CliProject, columns: int) -> None:
    long = SessionKey.of("a_long_name_of_a_session_model", 1)
    large = json.dumps({"text": "x" * 123_456}).encode()
    quick.fill({cart(1): quick.record(large), long: quick.record(large)})

    code, said = at_terminal("stats", COLUMNS=str(columns))

    lines = [line.rstrip() for line in re.split(r"[\r\n]+", said)]
    assert (code, max(map(len, lines)) <= columns) == (0, True)
    headings = [line.split()[0] for line in lines if "version" in line or "within" in line]
    assert headings == ["model", "model", "model"]
    # In the tables of counts and of sizes, and for saves and expiry.
    assert len([line for line in lines if line.startswith("cart ")]) == 4
    assert len([line for line in lines if line.startswith("a_long_n")]) == 4
    assert len([line for line in lines if line.endswith("123.5 kB")]) == 2


def test_a_table_that_is_not_there_is_said(quick: CliProject) -> None:
    code, _, complained = quick.run("stats", "--table", "nowhere")

    assert (code, "Run `typed-sessions db upgrade`" in complained) == (1, True)
