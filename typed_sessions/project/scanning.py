"""Which files declare session models: found in their text, so that nothing needs to be imported to know."""

import ast
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typed_sessions.project.project import PYPROJECT, Project, ProjectError, is_there

SKIPPED: Final = frozenset({"tests", "test", "build", "dist", "node_modules", "site-packages", "__pycache__"})
"""Folders that are not looked through; tests declare models to throw away."""

_MARK: Final = b"session_config"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that declares session models: where it lies, its import name, and the line of each class by its name.

    `broken` says why the file cannot be parsed, at which line.
    """

    path: Path
    module: str
    lines: Mapping[str, int]
    broken: tuple[int, str] | None = None


def sources(project: Project) -> tuple[Source, ...]:
    """The files under the project's root that declare session models, in order of their paths.

    Hidden folders, virtual environments, other projects (with a pyproject.toml of their own), folders named as in
    `SKIPPED`, the files of tests and what may not be read are left out. Without a pyproject.toml, a lock and a git
    repository only the folder itself and its packages are looked through: below it may lie the whole disk.

    Raises:
        ProjectError: nothing says that here is a project, and no session model lies here.
    """
    files = _files(project.root, only_packages=not project.is_marked)
    found = tuple(each for each in (source(path, project.paths) for path in files) if each is not None)
    if not found and not project.is_marked:
        raise ProjectError(
            f"no project here: {project.root} has no {PYPROJECT}, no sessions.lock and no session model, and lies in "
            f"no git repository; run it in the folder of your {PYPROJECT}, or make one there, or run git init"
        )
    return found


def sources_in(folder: Path, package: str) -> tuple[Source, ...]:
    """The files of one package that declare session models, whatever the names of its folders."""
    start = folder.parents[package.count(".")]
    found = (source(path, [start]) for path in _all_files(folder))
    return tuple(each for each in found if each is not None)


def source(path: Path, starts: Iterable[Path]) -> Source | None:
    """What the file declares; None if that is no session model, or if it cannot be imported from `starts`."""
    module = module_name(path, starts)
    try:
        text = path.read_bytes()
    except OSError:
        return None
    if module is None or _MARK not in text:
        return None
    try:
        lines = dict(_declared(ast.parse(text).body, ()))
    except SyntaxError as error:
        return Source(path, module, {}, (error.lineno or 1, error.msg))
    except (ValueError, RecursionError) as error:
        return Source(path, module, {}, (1, str(error)))
    return Source(path, module, lines) if lines else None


def config_lines(path: Path) -> Mapping[str, int]:
    """The line of the `session_config` of each class of a file, by the class's qualified name."""
    with suppress(OSError, SyntaxError, ValueError, RecursionError):
        return dict(_declared(ast.parse(path.read_bytes()).body, ()))
    return {}


def module_name(path: Path, starts: Iterable[Path]) -> str | None:
    """How a file is imported: its path below the nearest folder in which imports start, with dots."""
    below = [path.relative_to(start) for start in starts if path.is_relative_to(start)]
    parts = min((each.with_suffix("").parts for each in below), key=len, default=())
    parts = parts[:-1] if parts[-1:] == ("__init__",) else parts
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None


def folders_of(root: Path, *, only_packages: bool = False) -> Iterator[tuple[Path, list[str]]]:
    """The folders of a project that are looked through, in order, each with the names of its files."""
    for folder, folders, names in os.walk(root):
        inner = sorted(name for name in folders if _is_looked_through(Path(folder) / name))
        folders[:] = [name for name in inner if not only_packages or is_there(Path(folder) / name / "__init__.py")]
        yield Path(folder), sorted(names)


def _files(root: Path, *, only_packages: bool) -> Iterator[Path]:
    for folder, names in folders_of(root, only_packages=only_packages):
        paths = (folder / name for name in names if name.endswith(".py") and not _is_test(name))
        # What a link leads to is found where it lies, and would count twice.
        yield from (path for path in paths if not _leads_into(root, path))


def _all_files(folder: Path) -> list[Path]:
    found = (Path(inner) / name for inner, _, names in os.walk(folder) for name in names)
    return sorted(path for path in found if path.suffix == ".py")


def _leads_into(root: Path, link: Path) -> bool:
    """Whether it is a link to something in the project; a link that leads in a circle leads nowhere else."""
    try:
        return link.is_symlink() and link.resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        return True


def _is_looked_through(folder: Path) -> bool:
    is_other = folder.name.startswith(".") or folder.name in SKIPPED
    return not is_other and not is_there(folder / "pyvenv.cfg") and not is_there(folder / PYPROJECT)


def _is_test(name: str) -> bool:
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"


def _declared(nodes: Sequence[ast.stmt], outer: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """The classes with a `session_config`, by qualified name, each with the line of that. Functions are not entered."""
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            inner = (*outer, node.name)
            yield from ((".".join(inner), line) for line in _config_lines(node.body))
            yield from _declared(node.body, inner)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _declared(_branches(node), outer)


def _config_lines(body: Sequence[ast.stmt]) -> Iterator[int]:
    for node in body:
        match node:
            case (
                ast.Assign(targets=[ast.Name("session_config")])
                | ast.AnnAssign(target=ast.Name("session_config"), value=ast.expr())
            ):
                yield node.lineno
            case _:
                pass


def _branches(node: ast.If | ast.Try | ast.With) -> list[ast.stmt]:
    match node:
        case ast.With():
            return node.body
        case ast.Try():
            handled = [each for handler in node.handlers for each in handler.body]
            return [*node.body, *handled, *node.orelse, *node.finalbody]
        case ast.If():
            return [*([] if _is_for_type_checkers(node.test) else node.body), *node.orelse]


def _is_for_type_checkers(test: ast.expr) -> bool:
    return ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"
