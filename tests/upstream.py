"""The own tests of the libraries that we plug into: fetched from the package index, and run in a process of their own.

They are never copied into this project. What is fetched is the source distribution of the installed release; it is
kept in pytest's cache.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import do_without

INI = """
[pytest]
addopts = --strict-config --import-mode=prepend -p no:cacheprovider
anyio_mode = auto
filterwarnings = error
"""
"""Asynchronous tests run by anyio's plugin; `pytest-asyncio` is not needed."""

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--retries=1")
FETCH_TIMEOUT, RUN_TIMEOUT = 120.0, 300.0


class UpstreamMissingError(Exception):
    """A source distribution that pip cannot get."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of each test, by dotted name: `tests.test_fsm.test_scene.TestScene.test_name[parameter]`."""

    passed: frozenset[str]
    skipped: Mapping[str, str]
    """With the reason."""
    failed: Mapping[str, str]
    """Failures and errors, with what pytest says of them."""
    output: str
    """What the run printed."""


def source_of(distribution: str, config: pytest.Config, *, release: str | None = None) -> Path:
    """The folder of the unpacked source distribution of a release; of the installed one, if none is named.

    Where it cannot be had the test is skipped, or fails if services are required.
    """
    cache = getattr(config, "cache", None)  # `-p no:cacheprovider` takes it away
    folder = cache.mkdir("upstream") if cache is not None else Path(tempfile.gettempdir()) / "typed-sessions-upstream"
    try:
        return unpacked(distribution, release or version(distribution), folder)
    except UpstreamMissingError as error:
        do_without(str(error))


def unpacked(distribution: str, release: str, folder: Path, *options: str) -> Path:
    """A source distribution, fetched with pip and unpacked into `folder`, unless it is there already.

    Args:
        distribution: its name in the package index.
        release: its version.
        folder: where to keep it.
        options: more of pip's.

    Raises:
        UpstreamMissingError: pip cannot get it.
    """
    kept = folder / f"{distribution}-{release}"
    if kept.is_dir():
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as made:
        fetched = _fetched(f"{distribution}=={release}", distribution, Path(made), *options)
        inner = unpack(fetched, Path(made) / "unpacked")
        try:
            inner.rename(kept)
        except OSError:
            # Another worker of this run was first.
            if not kept.is_dir():
                raise
    return kept


def _fetched(requirement: str, distribution: str, folder: Path, *options: str) -> Path:
    done = _finished([*PIP, f"--no-binary={distribution}", f"--dest={folder}", *options, requirement], folder)
    archives = sorted(folder.glob("*.tar.gz"))
    if done.returncode or not archives:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise UpstreamMissingError(f"pip finds no sources of {requirement}: {said[-1] if said else 'it says nothing'}")
    return archives[0]


def _finished(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=FETCH_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"ERROR: no answer within {FETCH_TIMEOUT:g} s")


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack an archive, and give the one folder in it.

    Raises:
        tarfile.FilterError: it would write outside, set what it must not, or make a device.
    """
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    [inner] = folder.iterdir()
    return inner


def laid_out(source: Path, folder: Path, files: Mapping[str, str], *, ini: str = INI) -> Path:
    """Copy the folder `tests` of a source distribution, write `files` of ours over it, and give `folder`.

    Args:
        source: as `source_of` gives it.
        folder: an empty or new one.
        files: texts by path, such as `tests/conftest.py`.
        ini: what takes the place of their settings of pytest.
    """
    shutil.copytree(source / "tests", folder / "tests")
    for name, text in {**files, "pytest.ini": ini}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def run(folder: Path, /, *arguments: str, variables: Mapping[str, str] | None = None) -> Report:
    """Run pytest in what was laid out.

    Args:
        folder: as `laid_out` gives it.
        arguments: which files and tests, and options of pytest.
        variables: environment variables for the run, beside those that there are.
    """
    written = folder / "report.xml"
    # As their own tests they must neither inherit the settings of this run nor find modules of its folder.
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONPATH"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"--config-file={folder / 'pytest.ini'}", f"--junitxml={written}", *arguments],
        cwd=folder, env={**ours, **(variables or {})}, capture_output=True, text=True, timeout=RUN_TIMEOUT, check=False,
    )  # fmt: skip
    assert written.exists(), done.stdout + done.stderr
    return report(written.read_text(), done.stdout + done.stderr)


def report(xml: str, output: str = "") -> Report:
    """What a file in JUnit's form says. A test that passed and could not be torn down has failed."""
    # What pytest wrote just now may be parsed without fear of entities.
    cases = list(ET.fromstring(xml).iter("testcase"))  # noqa: S314 # see above
    skipped = {_name(case): _said(found) for case in cases if (found := case.find("skipped")) is not None}
    failed = {
        _name(case): _said(found) for case in cases for kind in ("error", "failure") for found in case.findall(kind)
    }
    return Report(frozenset(map(_name, cases)) - skipped.keys() - failed.keys(), skipped, failed, output)


def _name(case: "ET.Element[Any]") -> str:
    return ".".join(filter(None, (case.get("classname"), case.get("name"))))


def _said(found: "ET.Element[Any]") -> str:
    return f"{found.get('message') or ''}\n{found.text or ''}".strip()
