"""Locks and models to try the testing kit with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from typed_sessions import History, JsonObject, SessionModel
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion, Lock, lock_text
from typed_sessions.shapes.stored import stored_schema


def frozen(path: Path, model: type[SessionModel], *older: type[BaseModel]) -> Path:
    """A lock with the shape of a session model as the newest, and those of older models before it."""
    name, newest = model.session_config.name, model.session_config.version
    versions = tuple(
        FrozenVersion.of(number, stored_schema(each), min_reader=number, message="")
        for number, each in enumerate([*older, model], newest - len(older))
    )
    path.write_text(lock_text(Lock({name: FrozenHistory(name, f"shop:{model.__name__}", 1, versions)})))
    return path


def history_of(*steps: Callable[[Any], Any]) -> History:
    """The history that consists of these steps."""
    named = {f"v{number}_to_v{number + 1}": staticmethod(step) for number, step in enumerate(steps, 1)}
    made: History = type("CartHistory", (History,), named)()
    return made


def unchanged(old: JsonObject) -> JsonObject:
    return old
