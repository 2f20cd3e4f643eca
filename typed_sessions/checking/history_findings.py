"""The history of one session against what is frozen: its steps and its base."""

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from typed_sessions.checking.findings import Finding, FindingKind
from typed_sessions.editing.edit import EditError, class_named, parsed
from typed_sessions.editing.history_file import frozen_alias, steps, unfinished
from typed_sessions.errors import SessionDefinitionError
from typed_sessions.history import History
from typed_sessions.project.discovery import Declared
from typed_sessions.project.generated import frozen_module
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
        yield about.finding("missing-step", sentence, about.revision)
    elif missing:
        yield about.finding("missing-step", f"{about.label} lacks {missing}", about.revision)
    elif lost := about.lost_shape(frozen.versions[0].version):
        sentence = f"{about.label} has steps from {lost}, and the lock begins at version {frozen.versions[0].version}"
        advice = f"take the older versions back: git checkout HEAD -- {project.shown(project.lock)}; or drop the steps"
        yield about.finding("history", sentence, advice)
    elif type(history) is not History and history.name is None:
        sentence = f"{about.label} is not derived from the generated Upcasts, so that its steps are not type-checked"
        yield about.finding("history", sentence, f"make it class {about.label}(frozen.Upcasts)")
    elif about.version == frozen.head and (reason := _broken(history, frozen.head)):
        yield about.finding("history", reason, f"mend {about.label}")
    yield from about.unfinished()


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

    @property
    def revision(self) -> str:
        return f"typed-sessions revision {self._declared.name}"

    def lost_shape(self, first: int) -> str:
        """The oldest frozen shape that a step names although it is older than the first in the lock; "" if none is.

        Steps that were written by hand before there was a lock name none.
        """
        with suppress(EditError):
            shape = re.compile(rf"\b{self._alias()}\.V([1-9]\d*)")
            named = {int(each) for step in steps(self._text, self.label) for each in shape.findall(step.text)}
            return next((f"V{version}" for version in sorted(named) if version < first), "")
        return ""

    def unfinished(self) -> Iterator[Finding]:
        """Every `...` that a drafted step left to a person."""
        with suppress(EditError):
            for each in unfinished(self._text, self.label):
                sentence = f"{self.label}.{each.method} still has a `...`"
                yield self.finding("unfinished-step", sentence, "write the value in its place", each.line)

    def _alias(self) -> str:
        """The name that the history's file has for its generated module."""
        declared = self._declared
        return frozen_alias(self._text, frozen_module(declared.model.__module__, declared.path, declared.name))

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
