"""`typed-sessions delete` and `typed-sessions delete-owner`."""

import json
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from tests.cli_project import HOUR, STORES, CliProject, cart, url_of
from tests.terminal import CTRL_C, at_terminal
from typed_sessions import Record, SessionKey
from typed_sessions.cli.delete import Tally, deleted
from typed_sessions.cli.opening import settings_of
from typed_sessions.cli.running import named
from typed_sessions.stores.protocol import Outcome, Update
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore


@pytest.fixture(params=STORES)
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    return CliProject(tmp_path, monkeypatch, url_of(request.param, tmp_path, request))


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    """On one store, for what is the same on all."""
    return CliProject(tmp_path, monkeypatch, f"sqlite:///{tmp_path}/sessions.db")


def test_the_session_is_deleted_and_no_other(project: CliProject) -> None:
    project.fill({cart("user", 4): project.record(), cart("user", 4, "gift"): project.record()})

    assert project.ran("delete", "cart", "user", "4", "--yes") == "deleted cart user/4\n"

    assert [*project.stored()] == [cart("user", 4, "gift")]


def test_a_rehearsal_deletes_nothing(quick: CliProject) -> None:
    quick.fill({cart(4): quick.record()})

    assert quick.ran("delete", "cart", "4", "--dry-run") == "would delete cart 4 (saved 1 h ago, 45 B)\n"

    assert [*quick.stored()] == [cart(4)]


def test_without_a_terminal_to_ask_at_nothing_is_deleted(quick: CliProject) -> None:
    quick.fill({cart(4): quick.record(owner="ada")})

    for arguments in (["delete", "cart", "4"], ["delete-owner", "ada"]):
        code, _, complained = quick.run(*arguments)
        assert (code, "give --yes" in complained) == (2, True)

    assert [*quick.stored()] == [cart(4)]


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("y\n", 0)])
def test_at_a_terminal_it_asks(quick: CliProject, answer: str, code: int) -> None:
    quick.fill({cart(4): quick.record()})

    ended, said = at_terminal("delete", "cart", "4", answer=lambda: answer)

    assert (ended, "Delete cart 4 (saved 1 h ago, 45 B) from " in said) == (code, True)
    assert len(quick.stored()) == code


@pytest.mark.parametrize(
    "command",
    [["delete", "cart", "4"], ["delete-owner", "ada"], ["quarantine", "drop", "cart", "--all"], ["db", "downgrade"]],
)
def test_ctrl_c_at_the_question_ends_with_130(quick: CliProject, command: list[str]) -> None:
    before = {cart(4): quick.record(owner="ada"), SessionKey("cart!quarantine", "5/9"): quick.record()}
    quick.fill(before)

    code, said = at_terminal(*command, answer=lambda: CTRL_C)

    assert (code, "stopped; nothing was changed" in said) == (130, True)
    assert quick.stored() == before


def test_the_end_of_the_input_is_a_no(quick: CliProject) -> None:
    quick.fill({cart(4): quick.record()})

    code, said = at_terminal("delete", "cart", "4", answer=lambda: "\x04")

    assert (code, "nothing was changed" in said) == (1, True)


def test_what_it_asks_is_no_part_of_its_json(quick: CliProject) -> None:
    quick.fill({cart(4): quick.record(owner="ada")})

    result = quick.folder / "result.json"
    code, said = at_terminal("delete", "cart", "4", "--json", answer=lambda: "y\n", stdout=result)

    assert (code, "Delete cart 4 (" in said) == (0, True)
    assert json.loads(result.read_text())["deleted"] == 1


def test_what_is_saved_between_the_question_and_the_answer_is_left_alone(quick: CliProject) -> None:
    quick.fill({cart(4): quick.record()})

    def answer() -> str:
        quick.save(Update(cart(4), 7, replace(quick.record(), revision=8)))
        return "y\n"

    code, said = at_terminal("delete", "cart", "4", answer=answer)

    assert (code, "changed or went away meanwhile; it was left alone" in said) == (1, True)
    assert [*quick.stored()] == [cart(4)]


def test_a_rehearsal_does_not_ask(quick: CliProject) -> None:
    quick.fill({cart(4): quick.record(owner="ada")})

    assert at_terminal("delete", "cart", "4", "--dry-run")[0] == 0
    assert at_terminal("delete-owner", "ada", "--dry-run")[0] == 0

    assert [*quick.stored()] == [cart(4)]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+asyncpg://ada:s3cret@db/shop?password=s3cret", "postgresql+asyncpg://ada:***@db/shop"),
        ("redis://:s3cret@cache:6380/2?password=s3cret", "redis://cache:6380/2"),
        ("mongodb://ada:s3cret@one,two/shop?authSource=admin", "mongodb://one,two/shop"),
    ],
)
def test_the_question_shows_no_password(url: str, shown: str) -> None:
    assert named(settings_of(url, "sessions")) == f"sessions in {shown}"


def test_what_is_not_there_ends_with_1(project: CliProject) -> None:
    code, said, complained = project.run("delete", "cart", "ada@example.org", "--yes")

    assert (code, said, "there is no session cart #" in complained) == (1, "", True)
    assert "ada@" not in complained


def test_json_tells_what_was_deleted(quick: CliProject) -> None:
    quick.fill({cart(4): quick.record()})

    told = json.loads(quick.ran("delete", "cart", "4", "--yes", "--json"))

    assert told == {"format": 1, "model": "cart", "key": "4", "deleted": 1, "dry_run": False}


def test_a_mistyped_option_is_no_part_of_the_key(quick: CliProject) -> None:
    quick.fill({cart(4): quick.record()})

    code, _, complained = quick.run("delete", "cart", "4", "--dryrun", "--yes")

    assert (code, "there is no option --dryrun" in complained) == (2, True)
    assert [*quick.stored()] == [cart(4)]


def test_all_of_an_owner_go_and_nothing_of_others(project: CliProject) -> None:
    aside = {SessionKey("cart!quarantine", "9/5"), SessionKey("cart!reset", "5/9")}
    theirs = {cart(1), SessionKey.of("visit", 1), *aside}
    records = {key: project.record(owner="user/7") for key in sorted(theirs)}
    project.fill({**records, cart(2): project.record(owner="user/70"), cart(3): project.record()})

    said = project.ran("delete-owner", "user", "7", "--yes")

    assert said.splitlines() == ["cart: 1", "cart!quarantine: 1", "cart!reset: 1", "visit: 1", "deleted 4"]
    assert sorted(project.stored()) == [cart(2), cart(3)]


def test_sessions_of_an_owner_that_expired_go_too(quick: CliProject) -> None:
    quick.fill({cart(1): quick.record(owner="ada", expires=-HOUR)})

    quick.ran("delete-owner", "ada", "--yes")

    assert quick.stored() == {}


def test_what_becomes_somebody_elses_meanwhile_stays(quick: CliProject) -> None:
    quick.fill({cart(4): quick.record(owner="ada"), cart(5): quick.record(owner="ada")})

    quick.on_store(partial(deleted, "ada", Tally(), Taking(cart(5), replace(quick.record(owner="bob"), revision=8))))

    assert [*quick.stored()] == [cart(5)]


@dataclass(frozen=True)
class Taking:
    """Gives a session to somebody else as soon as another one is deleted."""

    key: SessionKey
    record: Record

    def advance(self, _: int, /) -> None:
        with closing(SyncSQLAlchemyStore.from_settings(settings_of(None))) as store:
            assert store.save([Update(self.key, 7, self.record)]) == [Outcome.SAVED]


def test_a_rehearsal_counts_what_an_owner_has(quick: CliProject) -> None:
    quick.fill({cart(number): quick.record(owner="-7") for number in range(150)})

    assert quick.ran("delete-owner", "-7", "--dry-run") == "cart: 150\nwould delete 150\n"

    assert len(quick.stored()) == 150


def test_json_counts_what_an_owner_had(quick: CliProject) -> None:
    quick.fill({cart(1): quick.record(owner="ada")})

    told = json.loads(quick.ran("delete-owner", "ada", "--yes", "--json"))

    assert told == {"format": 1, "found": {"cart": 1}, "deleted": {"cart": 1}, "dry_run": False}


def test_an_owner_of_nothing_is_said(project: CliProject) -> None:
    assert project.run("delete-owner", "ada") == (0, "nothing is stored of this owner\n", "")
