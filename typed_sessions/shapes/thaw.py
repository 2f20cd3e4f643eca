"""A frozen history out of `sessions.lock` at run time, where its types lie in a stub."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from typed_sessions.shapes.lock import Lock, LockError, read_lock
from typed_sessions.shapes.source import module_source


@lru_cache(maxsize=4)
def _lock(path: Path, _changed: int) -> Lock:
    # Once for all the sessions in it.
    return read_lock(path)


def thaw(module: str, name: str, lock: Path) -> dict[str, Any]:
    """What the generated module of the session `name` would hold: `Upcasts`, `V1`, `V2` and so on.

    Args:
        module: the name of the module that takes it.
        name: the session.
        lock: `sessions.lock`, which must be deployed with the code.

    Raises:
        LockError: the lock is not there or does not hold the session.
    """
    history = _lock(lock, lock.stat().st_mtime_ns if lock.exists() else 0).histories.get(name)
    if history is None:
        raise LockError(f"{lock} does not hold the session {name!r}; deploy the lock with your code")
    # As dataclasses and named tuples are made: from source that we write ourselves, here of a file of the project.
    made: dict[str, Any] = {"__name__": module}
    exec(compile(module_source(history), f"<{name} of {lock.name}>", "exec"), made)  # noqa: S102 # as above
    return {key: value for key, value in made.items() if not key.startswith("__")}
