"""Environments with other releases of Pydantic, kept beside `.venv` from one run to the next."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.architecture import ROOT

SHAPES = Path(__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


class ReleaseMissingError(Exception):
    """A release of Pydantic that pip cannot get."""


def floor() -> str:
    """The oldest release that we support, as pyproject.toml says, with all its parts."""
    found = re.search(r"\bpydantic>=([\d.]+)", " ".join(PROJECT["dependencies"]))
    assert found
    return ".".join([*found[1].split("."), "0", "0"][:3])


def shapes(environment: str, requirement: str) -> str:
    """What `python -m tests.shape_releases` prints with a Pydantic that satisfies the requirement.

    Raises:
        ReleaseMissingError: it is not there, and pip cannot get it.
    """
    python = ROOT / f".venv-{environment}" / "bin" / "python"
    if not python.exists():
        run(sys.executable, "-m", "venv", str(python.parent.parent))
    pip = (str(python), "-m", "pip", "--quiet", "--disable-pip-version-check")
    installed = run(*pip, "install", "--upgrade", requirement, "pydantic-settings", "typing-extensions")
    printed = run(str(python), "-m", "tests.shape_releases")
    # Without an index, what a former run installed is good enough, if it is not another release.
    if installed.returncode and (printed.returncode or "==" in requirement):
        errors = [line for line in installed.stderr.splitlines() if line.startswith("ERROR")]
        raise ReleaseMissingError(f"no {requirement} in {python.parent.parent.name}: {' '.join(errors)}")
    assert printed.returncode == 0, printed.stderr
    return printed.stdout


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
