"""The files that are generated for a session, against what the lock says."""

from collections.abc import Iterator
from pathlib import Path

from typed_sessions.checking.findings import Finding
from typed_sessions.project.discovery import Declared
from typed_sessions.project.generated import FOLDER, generated_files
from typed_sessions.project.project import TABLE, Project
from typed_sessions.project.scanning import folders_of
from typed_sessions.shapes.lock import FrozenHistory
from typed_sessions.shapes.source import STUBS, module_name


def generated_findings(declared: Declared, frozen: FrozenHistory, project: Project) -> Iterator[Finding]:
    """Generated files that are missing, or differ from what the lock says: all of one session together."""
    files = generated_files(project, declared.path, frozen)
    wrong = [path for path, text in files.items() if _text(path) != text]
    if not wrong:
        return
    if project.stubs is None and _is_of_stubs_mode(declared):
        yield _unnamed_stubs(declared, project)
        return
    names = ", ".join(map(project.shown, wrong))
    yield Finding(
        kind="generated",
        session=declared.name,
        sentence=_sentence(wrong) if len(wrong) == 1 else f"{_sentence(wrong)}: {names}",
        next_step=f"typed-sessions revision {declared.name}",
        path=project.shown(wrong[0]) if len(wrong) == 1 else None,
    )


def _sentence(wrong: list[Path]) -> str:
    missing = [path for path in wrong if not path.is_file()]
    if len(wrong) == 1:
        return f"the generated file {'is missing' if missing else 'differs from what sessions.lock says'}"
    if len(missing) == len(wrong):
        return "generated files are missing"
    return f"generated files {'are missing or ' if missing else ''}differ from what sessions.lock says"


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _module(declared: Declared) -> Path:
    return declared.path.parent / FOLDER / f"{module_name(declared.name)}.py"


def _is_of_stubs_mode(declared: Declared) -> bool:
    return "thaw(" in (_text(_module(declared)) or "")


def _unnamed_stubs(declared: Declared, project: Project) -> Finding:
    found = next((folder.parent for folder, _ in folders_of(project.root) if folder.name == STUBS), None)
    folder = project.shown(found) if found else "stubs"
    return Finding(
        kind="generated",
        session=declared.name,
        sentence="the generated file is that of stubs mode, and pyproject.toml does not say where the stubs are",
        next_step=f'put stubs = "{folder}" under {TABLE} in pyproject.toml',
        path=project.shown(_module(declared)),
    )
