"""Several files as one: all or none."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from typed_sessions.editing.busy import busy
from typed_sessions.editing.files import Edit, diff_text, finish, read_text, write_all
from typed_sessions.editing.journal import FilesError

FORK_AND_DIE = """
import os, signal, sys
from pathlib import Path
from typed_sessions.editing.files import Edit, finish, write_all

CALLS = {"open", "write", "flush", "fsync", "chmod", "flock", "mkdir", "replace", "unlink", "rmdir", "close"}
countdown = 0

def die(frame, event, called):
    global countdown
    if event == "c_call" and called.__name__ in CALLS and not isinstance(called.__self__, str):
        countdown -= 1
        if countdown == 0:
            os.kill(os.getpid(), signal.SIGKILL)

def work(folder, task):
    if task == "finish":
        finish(folder / ".journal")
        return
    edits = [
        Edit(folder / "sessions.lock", "old lock", "new lock"),
        Edit(folder / "gone.py", "gone = 1\\n", None),
        Edit(folder / "shop" / "_frozen" / "cart.py", None, "new = 1\\n"),
    ]
    write_all(edits, journal=folder / ".journal")

for line in sys.stdin:
    folder, fatal, task = line.rstrip().split("|")
    child = os.fork()
    if child == 0:
        countdown = int(fatal)
        sys.setprofile(die)
        work(Path(folder), task)
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
"""

OLD = {"sessions.lock": "old lock", "gone.py": "gone = 1\n"}
NEW = {"sessions.lock": "new lock", "shop/_frozen/cart.py": "new = 1\n"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return fresh(tmp_path / "project")


def fresh(folder: Path) -> Path:
    folder.mkdir()
    for name, text in OLD.items():
        (folder / name).write_text(text)
    return folder


def content(folder: Path) -> dict[str, str]:
    """All that lies in a folder: texts by path, and folders that are empty."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {
        name: "a folder" if path.is_dir() else path.read_text()
        for name, path in found.items()
        if not path.is_dir() or not any(path.iterdir())
    }


class Mortal:
    """Runs our code in processes that are killed before their n-th call that changes the disk."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def dies(self, folder: Path, fatal: int, task: str = "write") -> bool:
        """False if it came to its end first."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{folder}|{fatal}|{task}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline() != "0\n"

    def dies_ready(self, folder: Path) -> int:
        """Killed with all texts ready and none in place. Gives the call before which that is."""
        journal = folder / ".journal"
        for fatal in range(1, 1000):
            self.dies(folder, fatal)
            if journal.exists() and '"is_ready": true' in journal.read_text():
                return fatal
            finish(journal)
        raise AssertionError("it is never ready")


@pytest.fixture(scope="module")
def mortal() -> Iterator[Mortal]:
    command = [sys.executable, "-c", FORK_AND_DIE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Mortal(process)
        process.kill()


def test_a_run_that_is_killed_anywhere_leaves_old_or_new(tmp_path: Path, mortal: Mortal) -> None:
    outcomes: list[dict[str, str]] = []
    for fatal in range(1, 1000):
        folder = fresh(tmp_path / str(fatal))
        is_dead = mortal.dies(folder, fatal)
        finish(folder / ".journal")
        outcomes.append(content(folder))
        if not is_dead:
            break

    first_new = outcomes.index(NEW)
    assert first_new > 5
    assert outcomes[:first_new] == [OLD] * first_new
    assert outcomes[first_new:] == [NEW] * (len(outcomes) - first_new)


@pytest.mark.parametrize("expected", [OLD, NEW])
def test_a_repair_that_is_killed_anywhere_is_repaired_by_the_next(
    tmp_path: Path, mortal: Mortal, expected: dict[str, str]
) -> None:
    killed = 8 if expected is OLD else mortal.dies_ready(fresh(tmp_path / "first"))
    for fatal in range(1, 1000):
        folder = fresh(tmp_path / str(fatal))
        mortal.dies(folder, killed)
        is_dead = mortal.dies(folder, fatal, "finish")
        finish(folder / ".journal")

        assert content(folder) == expected
        if not is_dead:
            break


def test_a_file_that_somebody_changed_meanwhile_is_not_overwritten(project: Path) -> None:
    edits = [Edit(project / "new.py", None, "new"), Edit(project / "sessions.lock", "what was read", "new lock")]

    with pytest.raises(FilesError, match=r"sessions\.lock was changed while the command ran; run it again"):
        write_all(edits, journal=project / ".journal")
    assert content(project) == OLD


def test_a_file_that_somebody_made_meanwhile_is_not_overwritten(project: Path) -> None:
    with pytest.raises(FilesError, match="was changed while the command ran"):
        write_all([Edit(project / "gone.py", None, "new")], journal=project / ".journal")
    assert content(project) == OLD


def test_a_file_that_was_edited_after_a_killed_run_is_left_to_its_writer(project: Path, mortal: Mortal) -> None:
    mortal.dies_ready(project)
    (project / "sessions.lock").write_text("edited by hand")

    with pytest.raises(FilesError, match=r"edited after a run that was killed.*delete .*journal"):
        finish(project / ".journal")
    assert (project / "sessions.lock").read_text() == "edited by hand"
    assert (project / "shop" / "_frozen" / "cart.py").read_text() == "new = 1\n"


def test_a_failure_while_writing_leaves_nothing_behind(project: Path) -> None:
    (project / "file").write_text("a file, where a folder is needed")
    edits = [Edit(project / "a" / "b.py", None, "b"), Edit(project / ("x" * 250) / "c.py", None, "c")]
    edits.append(Edit(project / ("y" * 250), None, "too long with the suffix"))

    with pytest.raises(FilesError, match="nothing changed"):
        write_all(edits, journal=project / ".journal")
    assert content(project) == OLD | {"file": "a file, where a folder is needed"}


def test_two_runs_at_once_are_told_apart(project: Path) -> None:
    with busy(project / ".journal"), pytest.raises(FilesError, match="another typed-sessions command is writing here"):
        write_all([Edit(project / "new.py", None, "new")], journal=project / ".journal")
    assert content(project) == OLD


def test_a_killed_process_frees_the_place(project: Path, mortal: Mortal) -> None:
    mortal.dies(project, 3)

    assert write_all([Edit(project / "gone.py", "gone = 1\n", None)], journal=project / ".journal")
    assert content(project) == {"sessions.lock": "old lock"}


def test_what_does_not_change_is_not_touched(project: Path) -> None:
    before = (project / "sessions.lock").stat()

    assert write_all([Edit(project / "sessions.lock", "old lock", "old lock")], journal=project / ".journal") == ()
    assert (project / "sessions.lock").stat() == before


def test_the_mode_of_a_file_stays(project: Path) -> None:
    (project / "gone.py").chmod(0o750)

    write_all([Edit(project / "gone.py", "gone = 1\n", "kept = 1\n")], journal=project / ".journal")

    assert stat.S_IMODE((project / "gone.py").stat().st_mode) == 0o750


def test_a_link_stays_a_link(project: Path) -> None:
    (project / "link.py").symlink_to("gone.py")

    write_all([Edit(project / "link.py", "gone = 1\n", "kept = 1\n")], journal=project / ".journal")

    assert (project / "link.py").readlink() == Path("gone.py")
    assert (project / "gone.py").read_text() == "kept = 1\n"


def test_two_names_of_one_file_are_refused(project: Path) -> None:
    (project / "link.py").symlink_to("gone.py")
    edits = [Edit(project / name, "gone = 1\n", name) for name in ("link.py", "gone.py")]

    with pytest.raises(FilesError, match="one and the same"):
        write_all(edits, journal=project / ".journal")


@pytest.mark.parametrize(
    "data",
    [
        b"a = 1\r\nb = 2\r\n",
        b"\xef\xbb\xbfa = 1\n",
        b"# coding: latin-1\nname = '\xe9'\n",
        b"a = 1",
        "name = 'é'\n".encode(),
    ],
)
def test_bytes_that_are_read_and_written_are_the_same(project: Path, data: bytes) -> None:
    path = project / "odd.py"
    path.write_bytes(data)
    text = read_text(path)

    write_all([Edit(path, text, f"{text}c = 3")], journal=project / ".journal")

    assert path.read_bytes() == data + b"c = 3"


def test_a_text_that_the_declared_encoding_cannot_hold_is_refused(project: Path) -> None:
    path = project / "odd.py"
    path.write_bytes(b"# coding: latin-1\n")

    with pytest.raises(FilesError, match="save it as UTF-8"):
        write_all([Edit(path, "# coding: latin-1\n", "# coding: latin-1\n# →\n")], journal=project / ".journal")


def test_a_file_that_is_no_text_is_named(project: Path) -> None:
    (project / "odd.py").write_bytes(b"name = '\xe9'\n")

    with pytest.raises(FilesError, match=r"odd\.py is not text in the encoding that it declares"):
        read_text(project / "odd.py")


def test_a_journal_of_somebody_else_is_not_trusted(project: Path) -> None:
    (project / ".journal").write_text("[]")

    with pytest.raises(FilesError, match="delete it"):
        finish(project / ".journal")


def test_the_diff_shows_each_file_as_git_would(project: Path) -> None:
    edits = [
        Edit(project / "sessions.lock", "old lock", "new lock"),
        Edit(project / "shop" / "cart.py", None, "new = 1\n"),
        Edit(project / "same.py", "same", "same"),
    ]

    assert diff_text(edits, root=project) == (
        "--- a/sessions.lock\n+++ b/sessions.lock\n@@ -1 +1 @@\n"
        "-old lock\n\\ No newline at end of file\n+new lock\n\\ No newline at end of file\n"
        "--- /dev/null\n+++ b/shop/cart.py\n@@ -0,0 +1 @@\n+new = 1\n"
    )
