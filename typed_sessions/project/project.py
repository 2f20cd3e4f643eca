"""The user's project: where it lies, and what its pyproject.toml says about typed-sessions."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeGuard

from typed_sessions.errors import TypedSessionsError

PYPROJECT: Final = "pyproject.toml"
LOCK: Final = "sessions.lock"
SAMPLES: Final = "tests/sessions"
TABLE: Final = "[tool.typed-sessions]"
KEYS: Final[Mapping[str, str]] = {
    "models": 'a list of modules or packages, as in ["shop.cart"]',
    "lock": f'the path of the lock, as in "{LOCK}"',
    "stubs": 'a folder, as in "stubs"',
    "paths": 'a list of folders in which imports start, as in [".", "src"]',
    "samples": f'a folder, as in "{SAMPLES}"',
    "against": 'a git ref, as in "origin/main"',
}
LISTS: Final = frozenset({"models", "paths"})

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*\Z")


class ProjectError(TypedSessionsError):
    """What the project says of itself cannot be used: its pyproject.toml, or a git ref that was asked for."""


@dataclass(frozen=True, slots=True)
class Project:
    """A user's project. All paths are absolute."""

    root: Path
    """The folder of pyproject.toml; without one that of the lock, or the one that was asked about."""
    models: tuple[str, ...]
    """The modules or packages that declare session models. None named: they are looked for."""
    lock: Path
    stubs: Path | None
    """The folder of generated `.pyi` files. None: generated modules hold the types themselves."""
    paths: tuple[Path, ...]
    """The folders in which imports start."""
    samples: Path
    """Golden samples lie here, as `<name>/v1.json`."""
    against: str | None
    """The git ref whose lock is released, for `check`."""
    is_marked: bool = True
    """Whether a pyproject.toml, a lock or a git repository says that here is a project."""

    def shown(self, path: Path) -> str:
        """The path as messages name it: relative to the root, if it lies there."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def find_project(start: Path, /) -> Project:
    """The project that a folder belongs to: the nearest pyproject.toml upward, within its git repository.

    Without one, the folder of the nearest `sessions.lock` counts, and without that `start` itself.

    Raises:
        ProjectError: pyproject.toml cannot be read, or its table `[tool.typed-sessions]` has an unknown key, a value
            of the wrong type or a path that is not there.
    """
    start = start.resolve()
    pyproject = _nearest(PYPROJECT, start)
    if pyproject is not None:
        return _project(pyproject.parent, _table(pyproject))
    lock = _nearest(LOCK, start)
    found = _project(lock.parent if lock else start, {})
    is_repository = any(is_there(folder / ".git") for folder in _upward(start))
    return found if lock or is_repository else replace(found, is_marked=False)


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder. What may not be looked at is not there."""
    try:
        return path.exists()
    except OSError:
        return False


def _nearest(name: str, start: Path) -> Path | None:
    return next((folder / name for folder in _upward(start) if _is_file(folder / name)), None)


def _is_file(path: Path) -> bool:
    return is_there(path) and path.is_file()


def _upward(start: Path) -> Iterator[Path]:
    """The folder and its parents, up to the top of the repository."""
    for folder in (start, *start.parents):
        yield folder
        if is_there(folder / ".git"):
            return


def _table(pyproject: Path) -> Mapping[str, object]:
    try:
        tool: object = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError) as error:
        raise ProjectError(f"{pyproject} cannot be read: {error}; mend it") from None
    table: object = tool.get("typed-sessions", {}) if _is_table(tool) else {}
    if not _is_table(table):
        raise ProjectError(f"{pyproject}: typed-sessions must be a table; write {TABLE} above its keys")
    for key, value in table.items():
        _check(pyproject, key, value)
    return table


def _check(pyproject: Path, key: str, value: object) -> None:
    if key not in KEYS:
        raise ProjectError(f"{pyproject}: {TABLE} knows no {key!r}; its keys are {', '.join(KEYS)}")
    if not (_is_list_of_texts(value) if key in LISTS else isinstance(value, str) and value):
        raise ProjectError(f"{pyproject}: {key} in {TABLE} must be {KEYS[key]}, not {value!r}")
    wrong = [name for name in value if not _MODULE.match(name)] if key == "models" and _is_list_of_texts(value) else []
    if wrong:
        raise ProjectError(f"{pyproject}: models in {TABLE} names modules by their import names, not {wrong[0]!r}")


def _project(root: Path, table: Mapping[str, object]) -> Project:
    def path(key: str, default: str) -> Path:
        return (root / str(table.get(key, default))).resolve()

    return Project(
        root=root,
        models=_texts(table.get("models")),
        lock=path("lock", LOCK),
        stubs=path("stubs", "") if "stubs" in table else None,
        paths=_paths(root, _texts(table.get("paths"))),
        samples=path("samples", SAMPLES),
        against=str(table["against"]) if "against" in table else None,
    )


def _paths(root: Path, named: tuple[str, ...]) -> tuple[Path, ...]:
    missing = [name for name in named if not (root / name).is_dir()]
    if missing:
        raise ProjectError(f"{root / PYPROJECT}: paths in {TABLE} names {missing[0]!r}, which is no folder there")
    if named:
        return tuple((root / name).resolve() for name in named)
    # A src that is itself a package is imported as such, from the root.
    has_src = (root / "src").is_dir() and not (root / "src" / "__init__.py").exists()
    return (root, (root / "src").resolve()) if has_src else (root,)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(value) if _is_list_of_texts(value) else ()


def _is_list_of_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)  # pyright: ignore[reportUnknownVariableType]  # whatever TOML holds


def _is_table(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)
