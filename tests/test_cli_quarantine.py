"""`typed-sessions quarantine`: what was set aside is listed, shown, tried again and dropped, in any store."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli_project import HOUR, STORES, CliProject, url_of
from tests.terminal import at_terminal
from typed_sessions import SessionConfig, SessionKey, SessionModel, Sessions, Store
from typed_sessions.stores.protocol import Query, Update

BROKEN = b'{"pages":"s3cret"}'


class Visit(SessionModel):
    """As the project has it."""

    session_config = SessionConfig(name="visit", on_invalid="quarantine")

    pages: int = 0


@pytest.fixture(params=STORES)
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    return CliProject(tmp_path, monkeypatch, url_of(request.param, tmp_path, request))


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    """On one store, for what is the same on all."""
    return CliProject(tmp_path, monkeypatch, f"sqlite:///{tmp_path}/sessions.db")


def visit(*parts: str | int) -> SessionKey:
    return SessionKey.of("visit", parts)


def set_aside(
    project: CliProject, *keys: SessionKey, expires: timedelta | None = None, stays: bool = False
) -> list[str]:
    """Store broken visits and use them, so that they are set aside; and say where the entries are.

    Args:
        project: where.
        keys: of the visits.
        expires: when the broken ones do.
        stays: whether the sessions stay that began in their places.
    """
    project.fill({key: project.record(BROKEN, 1, owner="ada", expires=expires) for key in keys})

    async def using(store: Store) -> list[str]:
        sessions = Sessions(store)
        for key in keys:
            async with sessions.open(Visit, tuple(key.text.split("/"))) as opened:
                opened.pages = 7
            if not stays:
                await sessions.delete(Visit, tuple(key.text.split("/")))
        return [key.text for key, _ in await store.scan(Query("visit!quarantine"))]

    return project.on_store(using)


def mend(project: CliProject) -> None:
    """The next deploy, whose visits may be so."""
    file = project.folder / "shop" / "models.py"
    file.write_text(file.read_text().replace("pages: int = 0", "pages: int | str = 0"))


def test_entries_are_listed_with_their_reasons_and_without_data(project: CliProject) -> None:
    [entry] = set_aside(project, visit("user", 1))

    said = project.ran("quarantine", "list")

    assert said.splitlines()[0].split() == ["model", "entry", "since", "version", "reason"]
    assert entry in said
    assert "pages: Input should be a valid integer" in said
    assert "s3cret" not in said
    assert "ada" not in said


def test_an_empty_quarantine_says_so(project: CliProject) -> None:
    assert project.ran("quarantine", "list") == "the quarantine is empty\n"
    assert project.ran("quarantine", "list", "--json") == ""


def test_listed_as_json_each_entry_is_a_line(project: CliProject) -> None:
    set_aside(project, visit("user", 1), visit(-100))

    lines = [json.loads(line) for line in project.ran("quarantine", "list", "visit", "--json").splitlines()]

    assert sorted(line["key"] for line in lines) == ["-100", "user/1"]
    assert lines[0].keys() == {
        "model", "entry", "since", "key", "version", "revision", "size", "expires_at", "error", "reason", "problems",
    }  # fmt: skip
    assert (lines[0]["error"], lines[0]["problems"][0]["path"]) == ("InvalidSessionError", "pages")


def test_an_entry_is_shown_without_its_data_and_its_owner(project: CliProject) -> None:
    [entry] = set_aside(project, visit(-100))

    said = project.ran("quarantine", "show", "visit", entry)

    assert "key        -100\n" in said
    assert "problem    pages: Input should be a valid integer" in said
    assert "s3cret" not in said
    assert "ada" not in said


def test_data_and_owner_are_shown_if_asked_for(project: CliProject) -> None:
    [entry] = set_aside(project, visit(1))
    command = ["quarantine", "show", "visit", entry, "--data", "--owners"]

    assert BROKEN.decode() in project.ran(*command)

    told = json.loads(project.ran(*command, "--json"))
    assert (told["data"], told["owner"]) == ({"pages": "s3cret"}, "ada")
    assert "data" not in json.loads(project.ran(*command[:4], "--json"))


@pytest.mark.parametrize("command", ["show", "retry", "drop"])
def test_an_entry_that_is_not_there_is_refused(quick: CliProject, command: str) -> None:
    code, _, complained = quick.run("quarantine", command, "visit", "1/2")

    assert (code, "`typed-sessions quarantine list visit` has them" in complained) == (1, True)


def test_what_can_be_read_now_is_put_back_to_the_byte(project: CliProject) -> None:
    set_aside(project, visit(1), visit(2))
    mend(project)

    assert project.ran("quarantine", "retry", "--all", "--dry-run") == "2 would be put back\n"
    assert project.ran("quarantine", "retry", "--all") == "2 put back\n"

    stored = project.stored()
    assert {key: record.data for key, record in stored.items()} == {visit(1): BROKEN, visit(2): BROKEN}
    assert {record.owner for record in stored.values()} == {"ada"}


def test_what_still_cannot_be_read_stays_and_ends_with_1(project: CliProject) -> None:
    [entry] = set_aside(project, visit(1))

    code, said, complained = project.run("quarantine", "retry", "visit", entry)

    assert (code, said) == (1, "0 put back\n")
    assert "1 stay: it still cannot be read: pages: Input should be a valid integer" in complained
    assert "s3cret" not in complained
    assert SessionKey("visit!quarantine", entry) in project.stored()


def test_a_session_that_was_used_meanwhile_stays_unless_replaced(project: CliProject) -> None:
    set_aside(project, visit(1), stays=True)
    mend(project)

    code, said, _ = project.run("quarantine", "retry", "visit", "--all", "--json")
    assert (code, json.loads(said)["stay"]) == (1, {"another session has its key (--replace deletes that one)": 1})
    assert project.run("quarantine", "retry", "--all", "--dry-run")[0] == 1

    assert project.ran("quarantine", "retry", "--all", "--replace") == "1 put back\n"
    assert [record.data for record in project.stored().values()] == [BROKEN]


def test_what_has_expired_is_not_put_back(quick: CliProject) -> None:
    [entry] = set_aside(quick, visit(1), expires=HOUR)
    at = SessionKey("visit!quarantine", entry)
    there = quick.stored()[at]
    past = there.data.replace(f"{quick.now + HOUR:%Y-%m-%dT}".encode(), b"2020-01-01T")
    quick.save(Update(at, there.revision, replace(there, data=past, revision=there.revision + 1)))
    mend(quick)

    code, _, complained = quick.run("quarantine", "retry", "--all")

    assert (code, "1 stay: it has expired" in complained) == (1, True)


def test_an_entry_that_was_changed_by_hand_is_told_and_can_be_dropped(quick: CliProject) -> None:
    at = SessionKey("visit!quarantine", "1/5")
    quick.fill({at: quick.record(b'{"by":"hand"}', 1)})

    assert "changed by hand" in quick.ran("quarantine", "list")
    assert "changed by hand" in quick.ran("quarantine", "show", "visit", "1/5", "--data")
    assert quick.run("quarantine", "retry", "--all")[0] == 1
    assert quick.ran("quarantine", "drop", "visit", "1/5", "--yes") == "dropped 1\n"

    assert quick.stored() == {}


def test_one_entry_or_all_are_dropped(project: CliProject) -> None:
    first, *_ = set_aside(project, visit(1), visit(2), visit(3))

    assert project.ran("quarantine", "drop", "visit", first, "--yes") == "dropped 1\n"
    assert project.ran("quarantine", "drop", "--all", "--dry-run") == "would drop 2\n"
    told = json.loads(project.ran("quarantine", "drop", "--all", "--yes", "--json"))

    assert told == {"format": 1, "found": 2, "dropped": 2, "dry_run": False}
    assert not [key for key in project.stored() if key.model != "visit"]


def test_it_is_said_which_or_all(quick: CliProject) -> None:
    for command in (["retry"], ["drop", "visit"], ["drop", "visit", "1/5", "--all"]):
        code, _, complained = quick.run("quarantine", *command)
        assert (code, "or give --all" in complained) == (2, True)


def test_nothing_is_dropped_without_a_yes(quick: CliProject) -> None:
    set_aside(quick, visit(1))

    assert quick.run("quarantine", "drop", "--all")[0] == 2
    code, said = at_terminal("quarantine", "drop", "--all", answer=lambda: "n\n")

    assert (code, "Delete 1 from the quarantine of " in said) == (1, True)
    assert quick.ran("quarantine", "drop", "--all", "--dry-run") == "would drop 1\n"


def test_what_comes_into_the_quarantine_while_it_asks_stays(quick: CliProject) -> None:
    set_aside(quick, visit(1))

    def meanwhile() -> str:
        set_aside(quick, visit(2))
        return "y\n"

    code, said = at_terminal("quarantine", "drop", "--all", answer=meanwhile)

    assert (code, "dropped 1" in said) == (0, True)
    assert [key.text.partition("/")[0] for key in quick.stored() if key.model == "visit!quarantine"] == ["2"]


def test_without_a_project_the_model_must_be_named(quick: CliProject, monkeypatch: pytest.MonkeyPatch) -> None:
    [entry] = set_aside(quick, visit(1))
    (quick.folder / "else").mkdir()
    (quick.folder / "else" / "pyproject.toml").write_text("[tool.typed-sessions]\n")
    monkeypatch.chdir(quick.folder / "else")

    for command in (["list"], ["retry", "--all"], ["drop", "--all"]):
        code, _, complained = quick.run("quarantine", *command)
        assert (code, "`typed-sessions quarantine list MODEL`" in complained) == (2, True)
    assert entry in quick.ran("quarantine", "list", "visit")


def test_outside_a_project_the_way_without_one_is_told(
    quick: CliProject, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    [entry] = set_aside(quick, visit(1))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    for command in (["list"], ["retry", "--all"], ["drop", "--all"]):
        code, _, complained = quick.run("quarantine", *command)
        assert (code, "`typed-sessions quarantine list MODEL`" in complained) == (2, True)
    assert entry in quick.ran("quarantine", "list", "visit")


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_model_that_nobody_knows_is_told(quick: CliProject, more: list[str]) -> None:
    code, said, complained = quick.run("quarantine", "list", "visti", *more)

    assert (code, said, "nothing is stored of 'visti'" in complained) == (0, "", True)


def test_a_model_that_is_stored_or_declared_is_known(quick: CliProject) -> None:
    quick.fill({SessionKey.of("old", 1): quick.record()})

    assert quick.run("quarantine", "list", "old", "visit") == (0, "the quarantine is empty\n", "")


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 120])
def test_an_entry_can_be_copied_from_a_narrow_terminal(quick: CliProject, columns: int) -> None:
    [entry] = set_aside(quick, visit("user", 42))

    code, said = at_terminal("quarantine", "list", COLUMNS=str(columns))

    [line] = [line for line in said.splitlines() if entry in line]
    assert (code, line.startswith(f"visit {entry}")) == (0, True)
    assert columns < 40 or max(len(line.rstrip()) for line in said.splitlines()) <= columns
    assert ("valid integer" in " ".join(said.split())) == (columns >= 60)


def test_an_entry_with_control_characters_is_taken_as_it_is_printed(quick: CliProject) -> None:
    set_aside(quick, visit("\x1b[31m"))

    text = quick.ran("quarantine", "list").splitlines()[-1].split()[1]

    assert text.startswith("%1B[31m/")
    assert "key        %1B[31m\n" in quick.ran("quarantine", "show", "visit", text)
    assert quick.ran("quarantine", "drop", "visit", text, "--yes") == "dropped 1\n"
