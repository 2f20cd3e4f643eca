"""Which files are generated for a frozen history, and how they are imported."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from typed_sessions.project.project import Project
from typed_sessions.shapes.lock import FrozenHistory
from typed_sessions.shapes.source import STUBS, module_name, module_source, runtime_source

FOLDER: Final = "_frozen"
_STUBS: Final = "# Frozen shapes of sessions. Written by `typed-sessions revision`; do not edit.\n"
_PACKAGE: Final = '"""Frozen shapes of sessions. Written by `typed-sessions revision`; do not edit."""\n'


def generated_files(project: Project, declared: Path, history: FrozenHistory) -> Mapping[Path, str]:
    """The generated files of a history with their texts.

    Args:
        project: says where the lock lies, and the stubs if there are any.
        declared: the file of the session model.
        history: what is frozen of it.
    """
    folder = declared.parent / FOLDER
    module = folder / f"{module_name(history.name)}.py"
    if project.stubs is None:
        return {folder / "__init__.py": _PACKAGE, module: module_source(history)}
    lock = Path(os.path.relpath(project.lock, folder)).as_posix()
    stubs = project.stubs / STUBS
    return {
        folder / "__init__.py": _PACKAGE,
        module: runtime_source(history, lock=lock),
        stubs / "__init__.pyi": _STUBS,
        stubs / f"{module_name(history.name)}.pyi": module_source(history),
    }


def package_of(module: str, path: Path) -> str:
    """The package in which a module of this name and file lies; "" at the top."""
    return module if path.name == "__init__.py" else module.rpartition(".")[0]


def beside(package: str, name: str) -> str:
    """The dotted name of a module in a package."""
    return f"{package}.{name}" if package else name


def frozen_module(module: str, path: Path, session: str) -> str:
    """The dotted name of the generated module of a session whose model is in this module."""
    return beside(beside(package_of(module, path), FOLDER), module_name(session))
