"""Import the user's modules although some of them may be broken, and leave no trace of it."""

import contextlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Generator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from typed_sessions.history import tolerated
from typed_sessions.project.frozen import FrozenModules
from typed_sessions.project.project import Project

_OURS = __name__.partition(".")[0]
_LONGEST = 300
_IMPORTED = "cannot be imported:"


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that kept a session model from being found: a sentence, and the place to look at.

    The path is relative to the project's root, if it lies there.
    """

    sentence: str
    path: str | None = None
    line: int | None = None

    @property
    def cause(self) -> tuple[str | None, int | None, str]:
        """The same for all modules that one broken line keeps from being imported."""
        reason = self.sentence.partition(f" {_IMPORTED} ")[2] if self.path else ""
        return self.path, self.line, reason or self.sentence

    def __str__(self) -> str:
        place = "" if self.path is None else f"{self.path}:{self.line or 1}: "
        return f"{place}{self.sentence}"


@contextlib.contextmanager
def importable(project: Project, frozen: FrozenModules) -> Generator[None]:
    """Let the project's modules be imported here, with generated modules from memory.

    Unfinished histories do not raise, and what modules print goes to stderr. Afterwards the import path is as before,
    and the project's modules that were imported meanwhile are forgotten, so that the next time sees changed files.
    """
    before, path, writes = set(sys.modules), list(sys.path), sys.dont_write_bytecode
    sys.path[:0] = map(str, project.paths)
    sys.dont_write_bytecode = True
    sys.meta_path.insert(0, frozen)
    importlib.invalidate_caches()
    try:
        with tolerated(), contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.meta_path.remove(frozen)
        sys.path[:], sys.dont_write_bytecode = path, writes
        # All are looked at before one is gone, because namespace packages ask for the packages around them.
        for name in [name for name in set(sys.modules) - before if is_of(project, sys.modules[name])]:
            del sys.modules[name]


def imported(name: str, project: Project) -> tuple[ModuleType | None, tuple[Failure, ...]]:
    """The module, or None; and what failed on the way, which may be a package around it.

    A package whose `__init__` fails is replaced by a bare one, so that the modules in it can be looked at.
    """
    failures: list[Failure] = []
    parts = name.split(".")
    module: ModuleType | None = None
    for each in (".".join(parts[:length]) for length in range(1, len(parts) + 1)):
        try:
            module = importlib.import_module(each)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # a module may call sys.exit, and worse
            failures.append(_failure(each, error, project))
            module = _stand_in(each)
        if module is None:
            break
    return module, tuple(failures)


def is_of(project: Project, module: ModuleType) -> bool:
    """Whether the module is the project's own, as opposed to an installed one and to ours."""
    if module.__name__.partition(".")[0] == _OURS:
        return False
    if isinstance(getattr(module.__spec__, "loader", None), FrozenModules):
        return True
    files = [module.__file__] if getattr(module, "__file__", None) else list(getattr(module, "__path__", []))
    return any(_lies_in(project, Path(file).resolve()) for file in files if file)


def _lies_in(project: Project, path: Path) -> bool:
    is_installed = "site-packages" in path.parts or path.is_relative_to(Path(sys.prefix).resolve())
    return not is_installed and any(path.is_relative_to(folder) for folder in (project.root, *project.paths))


def _stand_in(package: str) -> ModuleType | None:
    """An empty package in the place of one that cannot be imported; None if it is no package."""
    with contextlib.suppress(ImportError, ValueError, AttributeError):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.submodule_search_locations is not None:
            bare = ModuleSpec(package, None, is_package=True)
            bare.submodule_search_locations = list(spec.submodule_search_locations)
            sys.modules[package] = importlib.util.module_from_spec(bare)
            return sys.modules[package]
    return None


def _failure(name: str, error: BaseException, project: Project) -> Failure:
    path, line = _place(error, project)
    sentence = f"{name} {_IMPORTED} {_described(error)}{_advice(error)}"
    return Failure(sentence, project.shown(path) if path else None, line)


def _place(error: BaseException, project: Project) -> tuple[Path | None, int | None]:
    """The innermost line of the project's own that led to the error."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        return Path(error.filename).resolve(), error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    places = [(Path(frame.filename).resolve(), frame.lineno) for frame in frames if Path(frame.filename).is_file()]
    own = [place for place in places if _lies_in(project, place[0]) and not _is_ours(place[0])]
    return own[-1] if own else (None, None)


def _is_ours(path: Path) -> bool:
    return path.is_relative_to(Path(__file__).resolve().parent.parent)


def _described(error: BaseException) -> str:
    message = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    shortened = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
    return f"{type(error).__name__}: {shortened}" if shortened else type(error).__name__


def _advice(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return "; install it, or name the folder in which imports start: paths in [tool.typed-sessions]"
    return ""
