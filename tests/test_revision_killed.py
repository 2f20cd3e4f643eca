"""`typed-sessions revision` is killed: the next command finds the old or the new state, never one between."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.history_project import COMMAND, HistoryProject
from tests.shop_project import add, files, ran, run, three_versions

ARGUMENTS = ["revision", "cart", "-m", "tips"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryProject:
    """A cart that got a field after version 3."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    shop = three_versions(tmp_path)
    add(shop, "tip: int = 0")
    return shop


@pytest.fixture
def new(
    shop: HistoryProject, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> dict[str, bytes]:
    """The files as a run that nobody kills leaves them."""
    folder = tmp_path_factory.mktemp("whole") / "shop"
    shutil.copytree(shop.folder, folder)
    with monkeypatch.context() as there:
        there.chdir(folder)
        ran(*ARGUMENTS)
    return files(HistoryProject(folder))


@pytest.mark.parametrize("moment", range(8))
def test_a_run_that_is_killed_while_it_writes_leaves_one_state(
    shop: HistoryProject, new: dict[str, bytes], moment: int
) -> None:
    old = files(shop)
    kill(shop, after_writing=moment * 0.001)

    run("check")
    code, said = run(*ARGUMENTS)

    assert code == 0, said
    assert files(shop) == new
    assert old != new
    assert run("check")[0] == 0


def test_what_a_killed_run_left_is_ended_even_by_a_command_that_does_nothing(
    shop: HistoryProject, new: dict[str, bytes]
) -> None:
    old = files(shop)
    kill(shop, after_writing=0.004)

    run("revision", "nobody")

    assert files(shop) in (old, new)


@pytest.mark.parametrize("moment", [0.2, 0.5, 0.8, 1.1])
def test_a_run_that_is_killed_at_any_moment_leaves_one_state(
    shop: HistoryProject, new: dict[str, bytes], moment: float
) -> None:
    with subprocess.Popen([*COMMAND, *ARGUMENTS], cwd=shop.folder, stdout=subprocess.DEVNULL) as process:
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)

    ran(*ARGUMENTS)

    assert files(shop) == new


def kill(shop: HistoryProject, *, after_writing: float) -> None:
    """Run the command, and kill it so many seconds after the first file that it writes was seen."""
    before = set(shop.folder.iterdir())
    with subprocess.Popen([*COMMAND, *ARGUMENTS], cwd=shop.folder, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and set(shop.folder.iterdir()) == before:
            time.sleep(0.0002)
        time.sleep(after_writing)
        process.send_signal(signal.SIGKILL)
