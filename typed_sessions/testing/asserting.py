"""One old session and what it must become."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from typed_sessions.codec import Codec, M
from typed_sessions.history import JsonObject
from typed_sessions.key import SessionKey
from typed_sessions.limits import Limits
from typed_sessions.model import SessionModel
from typed_sessions.testing.comparing import differences, shown, unordered
from typed_sessions.testing.frozen import found_history, validators
from typed_sessions.testing.journey import Journey


def assert_upcasts(
    model: type[M], old: JsonObject, /, *, version: int, to: M | JsonObject, lock: Path | None = None
) -> None:
    """Upcast one session through all steps from a version on, and compare what it becomes.

    Args:
        model: the session model.
        old: the data as `version` stored it. It must satisfy the frozen shape, if that version is frozen.
        version: of the old data.
        to: the model that it must become, or all that is then stored of it.
        lock: the lock with the frozen shapes. None: that of the model's project.

    Raises:
        AssertionError: it becomes something else, or does not arrive.
        LockError, ProjectError: the lock or the settings of the project cannot be read.
    """
    __tracebackhide__ = True
    config = model.session_config
    if not config.history.oldest <= version <= config.version:
        raise AssertionError(f"{model.__qualname__} reads versions {config.history.oldest} to {config.version} only")
    arrival = Journey(model, validators(found_history(model, lock))).carry(version, old)
    expected, wanted = (to, _dumped(model, to)) if isinstance(to, SessionModel) else (_read(model, to), to)
    # Models tell whether sets are equal; what is stored tells whether a field was left out.
    is_same = expected == arrival.model and unordered(wanted) == unordered(arrival.stored)
    found = list(differences(wanted, arrival.stored))
    if found and not is_same:
        lines = "\n".join(f"  {line}" for line in found)
        raise AssertionError(f"{shown(old)} of version {version} becomes another {model.__qualname__}:\n{lines}")


def _read(model: type[M], data: JsonObject) -> M | None:
    try:
        return model.model_validate_json(to_json(data), by_alias=False, by_name=True)
    except (ValidationError, ValueError):
        # The differences say more of it than the model.
        return None


def _dumped(model: type[Any], data: SessionModel) -> JsonObject:
    key = SessionKey.of(model.session_config.name, "expected")
    codec = Codec[Any](model, Limits())
    dumped: JsonObject = from_json(codec.dump(key, data, codec.form))
    return dumped
