"""`typed-sessions move`."""

import json
from pathlib import Path

import pytest

from tests.cli_project import HOUR, STORES, V1, CliProject, cart, url_of


@pytest.fixture(params=STORES)
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    return CliProject(tmp_path, monkeypatch, url_of(request.param, tmp_path, request))


def test_a_session_gets_another_key_and_stays_as_it_is(project: CliProject) -> None:
    record = project.record(V1, 1, owner="ada", expires=HOUR)
    project.fill({cart("guest", "9f"): record})

    said = project.ran("move", "cart", "guest", "9f", "--to", "user/42")

    assert said == "moved cart guest/9f to user/42\n"
    assert project.stored() == {cart("user", 42): record}


def test_it_never_replaces_one_that_lives(project: CliProject) -> None:
    before = {cart(1): project.record(), cart("ada@example.org"): project.record(V1, 1)}
    project.fill(before)

    for more in ([], ["--dry-run"]):
        code, said, complained = project.run("move", "cart", "1", "--to", "ada@example.org", *more)
        assert (code, said, " is taken; choose another" in complained) == (1, "", True)
        assert "ada@" not in complained

    assert project.stored() == before


@pytest.mark.parametrize("kind", STORES[:2])
def test_one_that_has_expired_makes_way(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = CliProject(tmp_path, monkeypatch, url_of(kind, tmp_path, request))
    project.fill({cart(1): project.record(), cart(2): project.record(expires=-HOUR)})

    project.ran("move", "cart", "1", "--to", "2")

    assert project.stored() == {cart(2): project.record()}


def test_what_is_not_there_ends_with_1(project: CliProject) -> None:
    for more in ([], ["--dry-run"]):
        code, _, complained = project.run("move", "cart", "1", "--to", "2", *more)
        assert (code, "there is no session cart #" in complained) == (1, True)


def test_a_rehearsal_moves_nothing(project: CliProject) -> None:
    project.fill({cart(1): project.record()})

    assert project.ran("move", "cart", "1", "--to", "-100123", "--dry-run") == "would move cart 1 to -100123\n"

    assert [*project.stored()] == [cart(1)]


def test_json_tells_both_keys(project: CliProject) -> None:
    project.fill({cart("a", 1): project.record()})

    told = json.loads(project.ran("move", "cart", "a/1", "--to", "b/1", "--json"))

    assert told == {"format": 1, "model": "cart", "key": "a/1", "to": "b/1", "moved": 1, "dry_run": False}
