"""Generated modules, made in memory from `sessions.lock`: a missing, stale or half-merged file never matters."""

import re
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Final

from typed_sessions.project.generated import FOLDER
from typed_sessions.project.project import Project
from typed_sessions.shapes.lock import Lock
from typed_sessions.shapes.source import module_name, module_source

MARK: Final = "Written by `typed-sessions"
"""Stands in every generated module."""

_SHAPE: Final = re.compile(r"V[1-9]\d*\w*\Z")
# For a session that was never frozen, or whose lock is lost: enough to import the classes that refer to it.
_UNKNOWN: Final = "from typed_sessions.history import History\n\nclass Upcasts(History): ...\n"


class FrozenModules(MetaPathFinder, Loader):
    """Finds and loads every `_frozen` package of a project, and in it the modules of the sessions in the lock.

    A shape that a module lacks, because a history is ahead of it, is a plain `dict`.
    """

    def __init__(self, project: Project, lock: Lock) -> None:
        self._folders = (project.root, *project.paths)
        self._histories = {module_name(name): history for name, history in lock.histories.items()}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002  # the protocol of finders
    ) -> ModuleSpec | None:
        parent, _, name = fullname.rpartition(".")
        if name == FOLDER and self._is_own(path):
            spec = ModuleSpec(fullname, self, is_package=True)
            spec.submodule_search_locations = [str(Path(folder) / FOLDER) for folder in path or map(str, self._folders)]
            return spec
        package = sys.modules.get(parent)
        if package is None or getattr(package.__spec__, "loader", None) is not self:
            return None
        if name not in self._histories and _is_by_hand(name, path or ()):
            return None
        return ModuleSpec(fullname, self, origin=f"<{fullname} from sessions.lock>")

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__.rpartition(".")[2]
        if name == FOLDER:
            return
        history = self._histories.get(name)
        source = _UNKNOWN if history is None else module_source(history)
        exec(compile(source, f"<{module.__name__} from sessions.lock>", "exec"), module.__dict__)  # noqa: S102  # our own text
        module.__dict__["__getattr__"] = _missing

    def _is_own(self, path: Sequence[str] | None) -> bool:
        return path is None or any(Path(entry).is_relative_to(folder) for entry in path for folder in self._folders)


def _is_by_hand(name: str, folders: Sequence[str]) -> bool:
    """Whether there is a module of that name which no tool of ours wrote."""
    files = [path for path in (Path(folder) / f"{name}.py" for folder in folders) if path.is_file()]
    return bool(files) and not any(MARK in file.read_text(errors="replace") for file in files)


def _missing(name: str) -> object:
    if _SHAPE.match(name):
        return dict
    raise AttributeError(name)
