"""The commands on stored sessions do the same on every store, which the URL alone chooses."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import mongo_server
from tests.cli_project import HOUR, V1, CliProject, cart
from tests.empty_database import address, empty_database
from typed_sessions import SessionKey
from typed_sessions.cli.opening import settings_of
from typed_sessions.stores.mongo import SyncMongoStore

SERVERS = ("postgresql+asyncpg", "postgresql+psycopg", "mariadb+asyncmy", "mariadb+pymysql", "mongodb", "redis")


@pytest.fixture(scope="module")
def mongo_url() -> Iterator[str]:
    with mongo_server.server() as server, mongo_server.database(server) as url:
        yield url


@pytest.fixture(params=("sqlite", *SERVERS))
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliProject]:
    """On an empty store: four sessions of two owners, and one in quarantine."""
    match request.param:
        case "redis":
            project = CliProject(tmp_path, monkeypatch, request.getfixturevalue("redis_url"))
            yield filled(project)
        case "mongodb":
            project = CliProject(tmp_path, monkeypatch, request.getfixturevalue("mongo_url"))
            store = SyncMongoStore.from_settings(settings_of(None))
            store.create_indexes()
            store.close()
            yield filled(project)
        case driver:
            with empty_database(driver, request, tmp_path) as url:
                yield filled(CliProject(tmp_path, monkeypatch, address(url)))


def filled(project: CliProject) -> CliProject:
    project.fill(
        {
            cart("user", 1): project.record(V1, 1, owner="ada"),
            cart("user", 2): project.record(owner="ada", expires=2 * HOUR),
            cart("user", 3): project.record(owner="bob"),
            SessionKey.of("visit", 1): project.record(b'{"pages":1}', 1, owner="bob"),
            SessionKey("visit!quarantine", "1/7"): project.record(b'{"pages":"many"}', 1, owner="ada"),
        }
    )
    return project


def test_ls(project: CliProject) -> None:
    listed = [json.loads(line) for line in project.ran("ls", "cart", "--owner", "ada", "--json").splitlines()]

    assert sorted((each["key"], each["version"]) for each in listed) == [("user/1", 1), ("user/2", 2)]


def test_show(project: CliProject) -> None:
    told = json.loads(project.ran("show", "cart", "user", "1", "--data", "--json"))

    assert (told["data"], told["preview"]["version"]) == (json.loads(V1), 2)


def test_stats(project: CliProject) -> None:
    of_cart, of_visit = json.loads(project.ran("stats", "--json"))["models"]

    assert {each["version"]: each["sessions"] for each in of_cart["versions"]} == {1: 1, 2: 2}
    assert (of_cart["bytes"]["total"], of_cart["expiring_within"]["1d"]) == (110, 1)
    assert (of_visit["sessions"], of_visit["quarantined"]) == (1, 1)


def test_delete(project: CliProject) -> None:
    before = project.stored()

    project.ran("delete", "cart", "user/2", "--yes")

    assert project.stored() == {key: kept for key, kept in before.items() if key != cart("user", 2)}


def test_delete_owner(project: CliProject) -> None:
    told = json.loads(project.ran("delete-owner", "ada", "--yes", "--json"))

    assert told["deleted"] == {"cart": 2, "visit!quarantine": 1}
    assert sorted(project.stored()) == [cart("user", 3), SessionKey.of("visit", 1)]


def test_move(project: CliProject) -> None:
    before = project.stored()

    project.ran("move", "cart", "user/2", "--to", "guest/2")

    assert project.stored() == {(cart("guest", 2) if key == cart("user", 2) else key): before[key] for key in before}


def test_prune(project: CliProject) -> None:
    lasting = project.stored()
    if not project.url.startswith("redis"):  # where nothing is kept that has expired
        project.fill({cart(number): project.record(expires=-HOUR) for number in range(5)})

    assert project.ran("prune", "--batch", "2").startswith("deleted ")

    assert project.stored() == lasting


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://ada:s3cret@127.0.0.1:1/shop?password=s3cret",
        "mariadb+pymysql://ada:s3cret@127.0.0.1:1/shop",
        "redis://ada:s3cret@127.0.0.1:1/0?password=s3cret",
        "mongodb://ada:s3cret@127.0.0.1:1/shop",
        "mongodb://ada:s3cret@127.0.0.1:nothing/shop",
        "redis://ada:s3cret@127.0.0.1:nothing/0",
        "postgresql+asyncpg://ada:s3cret@127.0.0.1:nothing/shop",
    ],
)
def test_no_error_tells_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    project = CliProject(tmp_path, monkeypatch, url, is_there=False)
    monkeypatch.setenv("TYPED_SESSIONS_OPERATION_TIMEOUT", "0.5")

    for command in (["ls"], ["stats"], ["delete", "cart", "1", "--yes"], ["prune"]):
        code, said, complained = project.run(*command)
        assert (code in {1, 2}, said, "URL" in complained) == (True, "", True)
        assert "s3cret" not in complained
