"""Which history belongs to a name, for an Alembic revision that knows nothing else."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from typed_sessions.eager.tally import EagerUpcastError
from typed_sessions.history import History
from typed_sessions.model import SessionModel
from typed_sessions.project.discovery import discover
from typed_sessions.project.project import ProjectError, find_project

T = TypeVar("T")


def history_of(name: str) -> History:
    """The history of the session model named `name`: imported already, else found in the project.

    Raises:
        EagerUpcastError: there is none, or more than one.
    """
    found = dict.fromkeys(_imported(name)) or dict.fromkeys(_declared(name))
    if len(found) == 1:
        return next(iter(found))()
    if found:
        names = ", ".join(sorted(f"{each.__module__}.{each.__qualname__}" for each in found))
        raise EagerUpcastError(f"several histories are named {name!r}: {names}; hand one in with history=")
    raise EagerUpcastError(
        f"no history of {name!r} is imported, and none is found from {Path.cwd()}; import it in the revision and hand "
        f"it in: upcast_sessions(op, {name!r}, to=…, history=CartHistory())"
    )


def _imported(name: str) -> Iterator[type[History]]:
    for kind in _subclasses(History):
        if kind.name == name and not getattr(kind, "__abstractmethods__", None):
            yield kind
    for model in _subclasses(SessionModel):
        config = model.__dict__.get("session_config")
        if config is not None and config.name == name:
            yield type(config.history)


def _declared(name: str) -> Iterator[type[History]]:
    project, declared = find_project(Path.cwd()), None
    # A folder of no project has no histories.
    with suppress(ProjectError):
        declared = discover(project).models.get(name)
    if declared is not None:
        yield type(declared.model.session_config.history)


def _subclasses(kind: type[T]) -> Iterator[type[T]]:
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)
