"""Golden samples: sessions as each version stored them, in files, and what they become."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typed_sessions.model import SessionModel
from typed_sessions.shapes.golden import Golden, GoldenError, golden_file, golden_text, parse_golden, version_of_file
from typed_sessions.shapes.lock import FrozenHistory
from typed_sessions.shapes.sample import sample
from typed_sessions.testing.comparing import differences
from typed_sessions.testing.frozen import found_history, project_of, validators
from typed_sessions.testing.journey import Journey, JourneyError


def check_golden(model: type[SessionModel], folder: Path | None = None, *, lock: Path | None = None) -> None:
    """Upcast every golden sample of a model.

    Each version that can still be read, but the newest, must have one: `v1.json`, and as many `v1-anything.json` as
    you like; best are real sessions. A sample's `becomes` is compared with what the steps make of it.

    Args:
        model: the session model.
        folder: where the samples lie. None: `tests/sessions/<name>` of the model's project.
        lock: the lock with the frozen shapes. None: that of the project. What is not frozen is not compared with.

    Raises:
        AssertionError: a sample is missing, invalid, of an unknown version, or does not arrive; all of them are named.
        LockError, ProjectError: the lock or the settings of the project cannot be read.
    """
    __tracebackhide__ = True
    folder = folder or project_of(model).samples / model.session_config.name
    frozen = found_history(model, lock)
    journey = Journey(model, validators(frozen))
    faults = [*_missing(model, folder, frozen), *_faults(journey, folder)]
    if faults:
        raise AssertionError("\n\n".join([f"golden samples of {model.session_config.name!r}:", *faults]))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def _missing(model: type[SessionModel], folder: Path, frozen: FrozenHistory | None) -> Iterator[str]:
    config = model.session_config
    there = {version_of_file(path.name) for path in _files(folder)}
    for version in range(config.history.oldest, config.version):
        if version not in there:
            path = folder / golden_file(version)
            yield f"{path} is missing; write into it a session of version {version}{_for_example(frozen, version)}"


def _for_example(frozen: FrozenHistory | None, version: int) -> str:
    schemas = {each.version: each.schema for each in frozen.versions} if frozen else {}
    if frozen is None or version not in schemas:
        return ' as {"session": …, "version": …, "data": {…}}'
    return f", for example:\n{golden_text(frozen.name, version, sample(schemas[version]))}"


def _faults(journey: Journey[Any], folder: Path) -> Iterator[str]:
    for path in _files(folder):
        try:
            _check(journey, path)
        except (GoldenError, JourneyError) as fault:
            yield f"{path}: {fault}"


def _check(journey: Journey[Any], path: Path) -> None:
    golden = _read(path)
    config = journey.model.session_config
    if version_of_file(path.name) != golden.version:
        raise GoldenError(f"its data is of version {golden.version}; call it {golden_file(golden.version)}")
    if golden.name != config.name:
        raise GoldenError(f"it is a session {golden.name!r}; put it into the folder of that model")
    if not config.history.oldest <= golden.version <= config.version:
        raise GoldenError(
            f"{journey.model.__qualname__} reads versions {config.history.oldest} to {config.version}; delete the file"
        )
    _compare(journey, golden)


def _read(path: Path) -> Golden:
    try:
        return parse_golden(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise GoldenError(f"it cannot be read: {error}") from None


def _compare(journey: Journey[Any], golden: Golden) -> None:
    by_version = journey.carry(golden.version, golden.data).by_version
    for version, expected in golden.becomes.items():
        if version not in by_version:
            raise GoldenError(f"becomes.{version}: there is no such version; remove it")
        if found := list(differences(expected, by_version[version])):
            raise JourneyError(f"it becomes something else in version {version}", found, made=by_version[version])
