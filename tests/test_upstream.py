"""How the tests of other libraries are fetched and run: failures are seen, and a package index that is not there."""

import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from tests import upstream
from tests.conftest import REQUIRED
from tests.upstream import INI, UpstreamMissingError

THEIRS = """
import pytest

async def test_good(): ...
def test_bad(): assert 1 == 2
def test_skipped(): pytest.skip("not today")
def test_warned():
    import warnings
    warnings.warn("careful")

@pytest.fixture
def torn():
    yield
    raise OSError("cannot be torn down")

def test_torn(torn): ...
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source distribution with tests."""
    folder = tmp_path / "theirs-1.0"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "test_it.py").write_text(THEIRS)
    (folder / "tests" / "conftest.py").write_text("raise ImportError('theirs is not used')")
    return folder


@pytest.fixture
def bench(source: Path, tmp_path: Path) -> Path:
    return upstream.laid_out(source, tmp_path / "bench", {"tests/conftest.py": ""})


def archive(path: Path, name: str) -> Path:
    with tarfile.open(path, "w:gz") as opened:
        member = tarfile.TarInfo(name)
        member.size = 2
        opened.addfile(member, BytesIO(b"hi"))
    return path


def test_a_run_says_what_became_of_each_test(bench: Path) -> None:
    report = upstream.run(bench, "tests")

    assert [name for name in report.passed if not name.startswith("tests.test_it.test_good")] == []
    assert len(report.passed) == 1
    assert "not today" in report.skipped["tests.test_it.test_skipped"]
    assert report.failed.keys() == {f"tests.test_it.test_{name}" for name in ("bad", "warned", "torn")}


def test_a_run_takes_only_the_tests_that_are_named(bench: Path) -> None:
    report = upstream.run(bench, "tests/test_it.py::test_bad")

    assert (report.passed, report.skipped, list(report.failed)) == (frozenset(), {}, ["tests.test_it.test_bad"])


def test_a_test_that_is_not_found_is_no_success(bench: Path) -> None:
    report = upstream.run(bench, "tests/test_it.py::test_none", "tests/test_it.py::test_good")

    assert report.passed == frozenset()


def test_a_file_that_cannot_be_imported_is_a_failure(bench: Path) -> None:
    (bench / "tests" / "test_it.py").write_text("import no_such_library")

    assert "no_such_library" in upstream.run(bench, "tests").failed["tests.test_it"]


def test_a_run_sees_the_variables_and_neither_this_runs_options_nor_its_modules(
    bench: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    body = "import os\nfrom tests import helper\ndef test_it(): assert os.environ['PLACE'] == helper.PLACE"
    (bench / "tests" / "test_it.py").write_text(body)
    (bench / "tests" / "helper.py").write_text("PLACE = 'here'")
    (bench / "tests" / "__init__.py").touch()

    assert upstream.run(bench, "tests", variables={"PLACE": "here"}).failed == {}


def test_our_files_and_settings_take_the_place_of_theirs(bench: Path) -> None:
    assert (bench / "tests" / "conftest.py").read_text() == ""
    assert (bench / "pytest.ini").read_text() == INI


def test_sources_that_are_there_are_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "theirs-1.0").mkdir()

    assert upstream.unpacked("theirs", "1.0", tmp_path, "--no-index") == tmp_path / "theirs-1.0"


def test_without_a_package_index_sources_are_missing_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with pytest.raises(UpstreamMissingError, match=r"pip finds no sources of aiogram==3\.31\.0: ERROR: No matching"):
        upstream.unpacked("aiogram", "3.31.0", tmp_path, "--no-index")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("value", "outcome"), [(None, pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_missing_sources_skip_their_tests_unless_services_are_required(
    value: str | None,
    outcome: type[BaseException],
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv(REQUIRED, raising=False)
    if value is not None:
        monkeypatch.setenv(REQUIRED, value)

    with pytest.raises(outcome, match="pip finds no sources of iniconfig"):
        upstream.source_of("iniconfig", pytestconfig)


def test_an_archive_is_unpacked_into_its_own_folder(tmp_path: Path) -> None:
    inner = upstream.unpack(archive(tmp_path / "good.tar.gz", "theirs-1.0/README"), tmp_path / "out")

    assert [path.relative_to(tmp_path).as_posix() for path in inner.rglob("*")] == ["out/theirs-1.0/README"]


def test_an_archive_that_writes_outside_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tarfile.OutsideDestinationError):
        upstream.unpack(archive(tmp_path / "bad.tar.gz", "../escaped"), tmp_path / "out")
    assert not (tmp_path / "escaped").exists()
