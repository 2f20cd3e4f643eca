"""aiogram's own tests of storages, isolations and scenes, with ours in their place."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import aiogram_storages, upstream
from tests.empty_database import ASYNC_DRIVERS, address, empty_database
from typed_sessions.migrations import upgrade

FILES = (
    "tests/test_fsm/storage/test_storages.py",
    "tests/test_fsm/storage/test_isolation.py::TestIsolations",
    "tests/test_fsm/test_scene.py",
    "tests/test_issues/test_1317_state_vs_isolation.py",
    "tests/test_issues/test_1743_channel_post_with_scenes.py",
)
STORAGES = ("memory_storage", "redis_storage", "mongo_storage", "pymongo_storage")
ISOLATIONS = ("redis_isolation", "lock_isolation", "disabled_isolation")
EXPECTED = {
    *(
        f"tests.test_fsm.storage.test_storages.TestStorages.{test}[{storage}]"
        for test in ("test_set_state", "test_set_data", "test_update_data")
        for storage in STORAGES
    ),
    *(f"tests.test_fsm.storage.test_isolation.TestIsolations.test_lock[{isolation}]" for isolation in ISOLATIONS),
    *(
        f"tests.test_fsm.test_scene.TestHistoryManager.test_history_manager_{test}"
        for test in ("push", "push_if_history_overflow", "pop", "get", "all", "clear", "snapshot", "rollback")
    ),
    "tests.test_issues.test_1317_state_vs_isolation.TestStateVSIsolation.test_issue",
    "tests.test_issues.test_1743_channel_post_with_scenes.test_channel_scene_has_fsm_state_with_chat_strategy",
}
"""By name, so that tests which are not found are missed; there are more."""


@pytest.fixture(scope="module")
def bench(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests of aiogram with a conftest of ours."""
    conftest = Path(aiogram_storages.__file__).read_text()
    return upstream.laid_out(
        upstream.source_of("aiogram", pytestconfig),
        tmp_path_factory.mktemp("aiogram"),
        {"tests/conftest.py": conftest},
    )


@pytest.fixture(params=["memory", *ASYNC_DRIVERS[:3]])
def variables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """Which store the tests are to use."""
    if request.param == "memory":
        yield {}
        return
    with empty_database(request.param, request, tmp_path) as url:
        upgrade(address(url))
        yield {aiogram_storages.URL: address(url)}


def test_our_storage_and_isolation_pass_aiograms_own_tests(bench: Path, variables: Mapping[str, str]) -> None:
    report = upstream.run(bench, *FILES, variables=variables)

    assert report.failed == {}, report.output
    assert EXPECTED - {name.replace("[asyncio-", "[") for name in report.passed} == set()
