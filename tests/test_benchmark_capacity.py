"""The capacity model: its arithmetic, and that the documentation says what it says."""

import math

import pytest

from tests.architecture import ROOT
from tests.benchmarks.capacity import model, simulation
from tests.benchmarks.capacity.command import forecasts, main, table
from typed_sessions import SessionKey
from typed_sessions.stores.redis.library import key_slot
from typed_sessions.stores.redis.names import Names

PAGE = ROOT / "docs/howto/scale-out.md"


def test_the_page_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out in PAGE.read_text()


def test_what_is_foretold_is_what_a_simulation_finds() -> None:
    figures = [(float(told.replace(",", "")), float(found.replace(",", ""))) for _, told, found in forecasts()]

    assert [pair for pair in figures if not math.isclose(*pair, rel_tol=0.1)] == []


def test_a_wrong_forecast_would_show() -> None:
    assert table("tried", iter([("a", "1", "2")])).splitlines()[-1] == "| a | 1 | 2 |"
    assert not math.isclose(model.fullest(10_000, 16), 10_000 / 16, rel_tol=0.05)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (model.Room(100, 1.5).each(200), 400),
        (model.Room(100, 1.5).most(200, 4_000), 10),
        # One server, half busy: Pollaczek and Khinchine have half of 0.5 / (1 - 0.5) of a turn.
        (model.waiting(500, 0.001, 1), 0.0005),
        (model.waiting(1_000, 0.001, 1), math.inf),
        (model.Work(read=0.001, write=0.001).on_replicas(1), 500),
        (model.Work(read=0.001, write=0.001, applied=0.001).on_replicas(3), 750),
        (model.Work(read=0.001, write=0.001).on_shards(1, 1_000), 500),
    ],
)
def test_the_arithmetic_of_the_model(found: float, expected: float) -> None:
    assert found == pytest.approx(expected)


def test_the_keys_of_one_chat_fall_into_one_shard() -> None:
    assert simulation.by_hash(b"42", 7) == simulation.by_hash(b"42", 7)
    assert simulation.by_slot(b"123456789", 16384) == 0x31C3


@pytest.mark.parametrize("number", [0, 42, 99_999])
def test_simulated_slots_are_those_of_the_redis_store(number: int) -> None:
    name = Names("typed_sessions", 0).session(SessionKey.of("cart", (number, "web")))

    assert key_slot(name) == simulation.by_slot(b"%d" % number, simulation.SLOTS)
