"""An old session becomes one of today: step by step, on plain JSON."""

from collections.abc import Sequence
from typing import Final

from pydantic_core import from_json, to_json

from typed_sessions.errors import FieldProblem, InvalidSessionError, UpcastError
from typed_sessions.history import JsonObject, Step
from typed_sessions.json_kinds import is_array, is_object
from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.storable import MAX_DEPTH

_NO_JSON: Final = "the result is not made of JSON values"


def upcast(key: SessionKey, record: Record, steps: Sequence[Step]) -> bytes:
    """The data of an old record, carried through the steps. Back in JSON, because strict models read no other.

    Raises:
        InvalidSessionError: the stored data is no JSON object.
        UpcastError: a step raised, or made something else than a JSON object.
    """
    data = _json_object(key, record)
    for step in steps:
        data = _upcast_once(key, step, data)
    try:
        return to_json(data)
    except (ValueError, RecursionError) as error:
        step, problem = _culprit(_json_object(key, record), steps)
        raise UpcastError(key, step.name, problem, error) from None


def _culprit(data: JsonObject, steps: Sequence[Step]) -> tuple[Step, str]:
    """The first step whose result is not JSON, and why. Steps give the same result each time."""
    for step in steps:
        data = step.upcast(data)  # type: ignore[assignment]  # it was an object the first time
        try:
            to_json(data)
        except (ValueError, RecursionError):
            return step, "its result holds a `...`; finish it" if _has_ellipsis(data, MAX_DEPTH) else _NO_JSON
    return steps[-1], _NO_JSON


def _has_ellipsis(value: object, depth: int) -> bool:
    if depth == 0:
        return False
    inner = value.values() if is_object(value) else value if is_array(value) else ()
    return value is ... or any(_has_ellipsis(each, depth - 1) for each in inner)


def _json_object(key: SessionKey, record: Record) -> JsonObject:
    try:
        data: object = from_json(record.data)
    except ValueError as error:
        problem = FieldProblem(path="", type="json_invalid", message=f"it is no JSON: {error}")
        raise InvalidSessionError(key, record.version, [problem]) from None
    if not is_object(data):
        problem = FieldProblem(path="", type="dict_type", message="it is no JSON object")
        raise InvalidSessionError(key, record.version, [problem])
    return data


def _upcast_once(key: SessionKey, step: Step, data: JsonObject) -> JsonObject:
    try:
        upcast = step.upcast(data)
    except Exception as reason:  # noqa: BLE001 # whatever a user's step raises
        # `from None`, because a KeyError or ValueError quotes the stored data; the reason is an attribute.
        raise UpcastError(key, step.name, f"it raised {type(reason).__name__}{raised_at(reason)}", reason) from None
    if not is_object(upcast):
        raise UpcastError(key, step.name, f"it returned {type(upcast).__name__}, not a JSON object")
    return upcast


def raised_at(reason: Exception) -> str:
    """Where an exception was raised, to follow the name of its class; its own words may quote data."""
    traceback = reason.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return ""
    return f" at line {traceback.tb_lineno} of {traceback.tb_frame.f_code.co_filename}"
