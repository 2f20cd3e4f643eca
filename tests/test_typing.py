"""The type checkers accept the right uses of the library and refuse the wrong ones, without a plugin."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.architecture import ROOT

SAMPLES = Path("tests") / "typing"
FILES = sorted(path.relative_to(ROOT) for path in (ROOT / SAMPLES).rglob("*.py"))
MYPY = (
    *("-m", "mypy", "--strict", "--python-version=3.11", "--config-file=", "--output=json", "--no-error-summary"),
    f"--cache-dir={Path('.mypy_cache') / 'typing'}",
)
PYRIGHT = ("-m", "pyright", "--outputjson", f"--pythonpath={sys.executable}", f"--project={SAMPLES}")

MARK = re.compile(r"# error: (.+)$")
ONE = re.compile(r"(mypy|pyright)\[([\w-]+)\]")


class Found(NamedTuple):
    """One error of a type checker: where, and the name of its rule."""

    file: str
    line: int
    rule: str


def expected(checker: str, sources: Mapping[str, str]) -> Counter[Found]:
    """The errors that the samples announce, as in `# error: mypy[arg-type] pyright[reportArgumentType]`."""
    return Counter(
        Found(file, number, rule)
        for file, source in sources.items()
        for number, line in enumerate(source.splitlines(), start=1)
        if (mark := MARK.search(line))
        for name, rule in ONE.findall(mark[1])
        if name == checker
    )


def differences(found: Counter[Found], wanted: Counter[Found]) -> list[str]:
    """What the checker did not say, and what it said beyond that."""
    missing = [f"{file}:{line}: {rule} is missing" for file, line, rule in (wanted - found).elements()]
    unexpected = [f"{file}:{line}: {rule} is not expected" for file, line, rule in (found - wanted).elements()]
    return sorted(missing + unexpected)


def mypy() -> Counter[Found]:
    said = [json.loads(line) for line in run(*MYPY, *map(str, FILES)).splitlines()]
    return Counter(Found(each["file"], each["line"], each["code"]) for each in said if each["severity"] == "error")


def pyright() -> Counter[Found]:
    said = json.loads(run(*PYRIGHT))["generalDiagnostics"]
    return Counter(
        Found(os.path.relpath(each["file"], ROOT), each["range"]["start"]["line"] + 1, each["rule"])
        for each in said
        if each["severity"] == "error"
    )


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sources() -> Mapping[str, str]:
    return {str(file): (ROOT / file).read_text() for file in FILES}


def test_mypy_accepts_and_refuses_what_it_should(sources: Mapping[str, str]) -> None:
    assert differences(mypy(), expected("mypy", sources)) == []


def test_pyright_accepts_and_refuses_what_it_should(sources: Mapping[str, str]) -> None:
    assert differences(pyright(), expected("pyright", sources)) == []


def test_what_must_pass_announces_no_error(sources: Mapping[str, str]) -> None:
    announcing = {str(Path(file).parent) for file, source in sources.items() if MARK.search(source)}

    assert announcing <= {str(SAMPLES / "failing"), str(SAMPLES)}


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        ([], ["shop.py:1: assignment is missing"]),
        ([Found("shop.py", 1, "assignment"), Found("shop.py", 2, "misc")], ["shop.py:2: misc is not expected"]),
        ([Found("shop.py", 1, "assignment")] * 2, ["shop.py:1: assignment is not expected"]),
        ([Found("shop.py", 1, "assignment")], []),
    ],
)
def test_an_error_that_is_missing_or_not_expected_is_noticed(found: Sequence[Found], difference: list[str]) -> None:
    wanted = expected("mypy", {"shop.py": "cart.currency = 5  # error: mypy[assignment] pyright[reportX]"})

    assert differences(Counter(found), wanted) == difference
