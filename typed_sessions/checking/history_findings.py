"""The history of one session against what is frozen: its steps, its base, and the files that are generated for it."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from typed_sessions.checking.findings import Finding, FindingKind
from typed_sessions.editing.edit import EditError, class_named, parsed
from typed_sessions.editing.history_file import unfinished
from typed_sessions.errors import SessionDefinitionError
from typed_sessions.history import History
from typed_sessions.project.discovery import Declared
from typed_sessions.project.generated import generated_files
from typed_sessions.project.project import Project
from typed_sessions.shapes.lock import FrozenHistory


def history_findings(declared: Declared, frozen: FrozenHistory, project: Project) -> Iterator[Finding]:
    """Missing and unfinished steps, a history that is not the generated one's, a chain that cannot work.

    The modules of the project must still be imported.
    """
    about = _About(declared, project)
    history = about.history
    missing = ", ".join(name for name in _needed(frozen) if _is_missing(history, name))
    if missing and type(history) is History:
        sentence = f"the class has no history, and sessions of older versions need {missing}"
        advice = "pass history= in session_config, a subclass of the generated Upcasts with these steps"
        yield about.finding("missing-step", sentence, advice)
    elif missing:
        yield about.finding("missing-step", f"{about.label} lacks {missing}", "write it there")
    elif type(history) is not History and history.name is None:
        sentence = f"{about.label} is not derived from the generated Upcasts, so that its steps are not type-checked"
        yield about.finding("history", sentence, f"make it class {about.label}(frozen.Upcasts)")
    elif about.version == frozen.head and (reason := _broken(history, frozen.head)):
        yield about.finding("history", reason, f"mend {about.label}")
    yield from about.unfinished()


def generated_findings(declared: Declared, frozen: FrozenHistory, project: Project) -> Iterator[Finding]:
    """Generated files that are missing, or differ from what the lock says."""
    for path, text in generated_files(project, declared.path, frozen).items():
        is_there = path.is_file()
        if is_there and path.read_text(encoding="utf-8", errors="replace") == text:
            continue
        name = project.shown(path)
        yield Finding(
            kind="generated",
            session=declared.name,
            sentence=f"the generated file {'differs from what sessions.lock says' if is_there else 'is missing'}",
            next_step=f"typed-sessions revision {declared.name}",
            path=name,
        )


class _About:
    """Makes the findings about one history."""

    def __init__(self, declared: Declared, project: Project) -> None:
        self.version = declared.model.session_config.version
        self.history = declared.model.session_config.history
        self.label = type(self.history).__qualname__
        self._declared, self._project = declared, project
        self._path, self._text = _file(self.history)

    def finding(self, kind: FindingKind, sentence: str, next_step: str, line: int | None = None) -> Finding:
        path = self._path or self._declared.path
        default = self._class_line() if self._path else self._declared.line
        return Finding(
            kind=kind,
            session=self._declared.name,
            sentence=sentence,
            next_step=next_step,
            path=self._project.shown(path),
            line=line or default,
        )

    def unfinished(self) -> Iterator[Finding]:
        """Every `...` that a drafted step left to a person."""
        with suppress(EditError):
            for each in unfinished(self._text, self.label):
                sentence = f"{self.label}.{each.method} still has a `...`"
                yield self.finding("unfinished-step", sentence, "write the value in its place", each.line)

    def _class_line(self) -> int | None:
        with suppress(EditError):
            return class_named(parsed(self._text), self.label).lineno
        return None


def _file(history: History) -> tuple[Path | None, str]:
    """The file of a history class of the user's own, and its text."""
    file: str | None = getattr(sys.modules.get(type(history).__module__), "__file__", None)
    if type(history) is History or file is None or not Path(file).is_file():
        return None, ""
    return Path(file).resolve(), Path(file).read_text(encoding="utf-8", errors="replace")


def _needed(frozen: FrozenHistory) -> list[str]:
    return [f"v{source}_to_v{source + 1}" for source in range(frozen.oldest, frozen.head)]


def _is_missing(history: History, name: str) -> bool:
    step: object = getattr(history, name, None)
    return step is None or getattr(step, "__isabstractmethod__", False) is True


def _broken(history: History, version: int) -> str:
    """Why the chain cannot work, or ""."""
    try:
        history.chain(version)
    except SessionDefinitionError as error:
        return str(error)
    return ""
