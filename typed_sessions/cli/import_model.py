"""Which session model entries go into: one of the project by its name, or any by its module and class."""

from collections.abc import Collection, Generator
from contextlib import contextmanager, suppress
from operator import attrgetter
from pathlib import Path

import typer

from typed_sessions.cli.output import complain
from typed_sessions.model import SessionModel
from typed_sessions.project.discovery import Discovery, discovering
from typed_sessions.project.frozen import FrozenModules
from typed_sessions.project.importing import importable, imported
from typed_sessions.project.names import UnknownNameError
from typed_sessions.project.project import Project, find_project
from typed_sessions.shapes.lock import Lock, LockError, read_lock

OPTION = "--into"
ELSEWHERE = "name it by its place, as shop.models:Cart, or list its module in [tool.typed-sessions] models"


class UnknownModelError(UnknownNameError):
    """There is no session of that name where the project has its session models."""

    def __init__(self, name: str, known: Collection[str]) -> None:
        super().__init__(name, known)
        self.args = (f"{self}; {ELSEWHERE}",)


@contextmanager
def session_model(given: str) -> Generator[type[SessionModel]]:
    """The session model, while the modules of the project can be imported, as its steps may do.

    Of `shop.cart:Cart` the module `shop.cart` alone is imported; for a name the project is searched.

    Raises:
        UnknownModelError: no session of the project has that name.
        ProjectError: a name was given, and here is no project.
        BadParameter: the module cannot be imported, or holds no such session model.
    """
    project = find_project(Path.cwd())
    if ":" in given:
        with importable(project, FrozenModules(project, _lock(project))):
            yield _placed(given, project)
    else:
        with discovering(project) as found:
            yield _named(given, found)


def _lock(project: Project) -> Lock:
    """The frozen shapes, or none if they cannot be read: an import needs them for the types of histories only."""
    with suppress(LockError):
        return read_lock(project.lock)
    return Lock()


def _named(given: str, found: Discovery) -> type[SessionModel]:
    if given in found.models:
        return found.models[given].model
    if found.problems:
        complain("\n".join(["not everything of the project could be looked at:", *found.problems]))
    raise UnknownModelError(given, found.models)


def _placed(given: str, project: Project) -> type[SessionModel]:
    place, _, name = given.partition(":")
    module, failures = imported(place, project)
    if failures:
        raise typer.BadParameter("\n".join(map(str, failures)), param_hint=OPTION)
    try:
        model: object = attrgetter(name)(module)
    except AttributeError as error:
        raise typer.BadParameter(f"{given} cannot be imported: {error}", param_hint=OPTION) from None
    if not isinstance(model, type) or not issubclass(model, SessionModel) or not hasattr(model, "session_config"):
        raise typer.BadParameter(f"{given} is no session model with a session_config", param_hint=OPTION)
    return model
