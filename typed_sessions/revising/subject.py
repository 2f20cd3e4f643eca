"""One session model as a command changes it: its class, its history class, and what is frozen of it."""

import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

from typed_sessions.history import History, JsonObject
from typed_sessions.project.discovery import Declared
from typed_sessions.project.generated import beside, frozen_module, package_of
from typed_sessions.project.project import Project
from typed_sessions.revising.refusal import RevisionError
from typed_sessions.shapes.lock import FrozenHistory
from typed_sessions.shapes.source import module_name
from typed_sessions.shapes.stored import stored_schema


@dataclass(frozen=True, slots=True)
class Subject:
    """What a command must know of one session.

    `frozen` is None as long as no version of it is. The modules of the project must still be imported.
    """

    project: Project
    declared: Declared
    frozen: FrozenHistory | None

    @property
    def name(self) -> str:
        return self.declared.name

    @property
    def version(self) -> int:
        """Of the class."""
        return self.declared.model.session_config.version

    @property
    def shape(self) -> JsonObject:
        """Of the class.

        Raises:
            RevisionError: a field has a type that JSON has not, or that is not known.
        """
        try:
            return stored_schema(self.declared.model)
        except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
            reason = str(error).partition("\n")[0].rstrip(".")
            raise RevisionError(
                f"{self.place}: {self.name}: its shape cannot be told: {reason}; give the field a type that JSON has"
            ) from None

    @property
    def place(self) -> str:
        """The file and line of the `session_config`."""
        return f"{self.project.shown(self.declared.path)}:{self.declared.line}"

    @property
    def has_history(self) -> bool:
        return self.history_type is not History

    @property
    def history_type(self) -> type[History]:
        """`History` itself, if the class has no history."""
        return type(self.declared.model.session_config.history)

    @property
    def frozen_module(self) -> str:
        return frozen_module(self.declared.model.__module__, self.declared.path, self.name)

    @property
    def history_class(self) -> str:
        """Its qualified name; the one that it shall have, if there is none."""
        cls = self.declared.class_name.rpartition(".")[2]
        return self.history_type.__qualname__ if self.has_history else f"{cls}History"

    @property
    def history_module(self) -> str:
        if self.has_history:
            return self.history_type.__module__
        package = package_of(self.declared.model.__module__, self.declared.path)
        return beside(package, self._history_stem)

    @property
    def history_path(self) -> Path:
        if self.has_history:
            return Path(sys.modules[self.history_module].__file__ or "").resolve()
        return self.declared.path.with_name(f"{self._history_stem}.py")

    @property
    def _history_stem(self) -> str:
        return f"{module_name(self.name)}_history"
