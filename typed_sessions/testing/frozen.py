"""The frozen shapes of a session model, from its project's `sessions.lock`."""

import inspect
from pathlib import Path

from typed_sessions.model import SessionModel
from typed_sessions.project.project import Project, find_project
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.lock import FrozenHistory, read_lock
from typed_sessions.shapes.stored import stored_schema
from typed_sessions.testing.validation import ShapeValidator


def project_of(model: type[SessionModel]) -> Project:
    """The project that the file of a model belongs to; for a class that was typed in, that of the current folder."""
    try:
        folder = Path(inspect.getfile(model)).parent
    except (OSError, TypeError):
        folder = Path.cwd()
    return find_project(folder)


def found_history(model: type[SessionModel], lock: Path | None) -> FrozenHistory | None:
    """What is frozen of a model; None if nothing is.

    Raises:
        LockError: the lock cannot be read.
    """
    return read_lock(lock or project_of(model).lock).histories.get(model.session_config.name)


def frozen_history(model: type[SessionModel], lock: Path | None) -> FrozenHistory:
    """What is frozen of a model, up to the model of today.

    Raises:
        AssertionError: nothing is, or the model has changed since.
        LockError: the lock cannot be read.
    """
    name, version = model.session_config.name, model.session_config.version
    frozen = found_history(model, lock)
    if frozen is None:
        path = lock or project_of(model).lock
        raise AssertionError(f"{path} has no frozen shapes of {name!r}; run `typed-sessions revision {name}`")
    if frozen.head != version or not is_same(frozen.of(version).schema, stored_schema(model)):
        raise AssertionError(
            f"{model.__qualname__} (version {version}) is not as version {frozen.head} is frozen; "
            f"run `typed-sessions check`, then `typed-sessions revision {name}`"
        )
    return frozen


def validators(frozen: FrozenHistory | None) -> dict[int, ShapeValidator]:
    """For each frozen version, what compares data with it."""
    return {each.version: ShapeValidator(each.schema) for each in frozen.versions} if frozen else {}
