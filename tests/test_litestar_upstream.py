"""Litestar's own tests of stores, with ours in the place of theirs."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import litestar_upstream, upstream
from tests.empty_database import ASYNC_DRIVERS, address, empty_database
from typed_sessions.migrations import upgrade

RELEASE = "2.13.0"
"""The last one whose source distribution has the tests in it; they run against the installed release."""

FILE = "tests/unit/test_stores.py"
LEFT_OUT = {
    "test_get_and_renew_redis": "waits for a second of real time; test_get_and_renew tests the same with a clock",
    "test_redis_with_client_default": "is about how RedisStore makes its client",
    "test_redis_with_non_default": "is about how RedisStore makes its client",
    "test_redis_delete_all": "looks into Redis; test_delete_all tests the same",
    "test_redis_delete_all_no_namespace_raises": "ours always has a namespace",
    "test_redis_namespaced_key": "is about the keys in Redis",
    "test_redis_with_namespace": "is about the keys in Redis",
    "test_redis_namespace_explicit_none": "ours always has a namespace",
    "test_file_init_subdirectory": "is about the folder of a FileStore",
    "test_file_init_subdirectory_negative": "is about the folder of a FileStore",
    "test_redis_store_with_client_shutdown": "is about the connections of a RedisStore",
    "test_file_init_directory": "is about the folder of a FileStore",
    "test_file_path": "is about the folder of a FileStore",
    "test_file_with_namespace": "is about the folder of a FileStore",
    "test_file_with_namespace_invalid_namespace_char": "ours takes any characters in a namespace",
    "test_file_store_handle_rename_fail": "is about the files of a FileStore",
}
EXPECTED = {
    *(
        f"tests.unit.test_stores.{test}"
        for test in (
            "test_get",
            "test_set",
            "test_set_special_chars_key[!]",
            "test_set_special_chars_key[..]",
            "test_expires",
            "test_get_and_renew[10]",
            "test_delete",
            "test_delete_empty",
            "test_exists",
            "test_expires_in_not_set",
            "test_delete_all",
            "test_namespaced_store_get_set[redis_store]",
            "test_namespaced_store_does_not_propagate_up[file_store]",
            "test_namespaced_store_delete_all_propagates_down[redis_store]",
            "test_memory_delete_expired[memory_store]",
            "test_registry_get",
            "test_registry_register_exist_override",
        )
    )
}
"""By name, so that tests which are not found are missed; there are more."""


@pytest.fixture(scope="module")
def bench(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests of Litestar with a conftest of ours, and none of theirs."""
    folder = tmp_path_factory.mktemp("litestar")
    theirs = (upstream.source_of("litestar", pytestconfig, release=RELEASE) / FILE).read_text()
    (folder / "tests" / "unit").mkdir(parents=True)
    for name, text in {
        FILE: theirs,
        "tests/__init__.py": "",
        "tests/unit/__init__.py": "",
        "tests/conftest.py": Path(litestar_upstream.__file__).read_text(),
        "pytest.ini": upstream.INI,
    }.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(params=["memory", *ASYNC_DRIVERS[:3]])
def variables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """Which store the tests are to use."""
    if request.param == "memory":
        yield {}
        return
    with empty_database(request.param, request, tmp_path) as url:
        upgrade(address(url))
        yield {litestar_upstream.URL: address(url)}


def test_our_store_passes_litestars_own_tests(bench: Path, variables: Mapping[str, str]) -> None:
    left_out = [f"--deselect={FILE}::{name}" for name in LEFT_OUT]

    report = upstream.run(bench, FILE, *left_out, variables=variables)

    assert report.failed == {}, report.output
    assert EXPECTED - {name.replace("[asyncio-", "[") for name in report.passed} == set()


def test_what_is_left_out_is_still_there(bench: Path) -> None:
    source = (bench / FILE).read_text()

    assert {name for name in LEFT_OUT if f"def {name}(" not in source} == set()
