"""Whether a session comes back from its JSON as what the handler meant."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import TypeIs

from typed_sessions.json_kinds import is_mapping
from typed_sessions.storable import Path, Problem

OTHERWISE = "it would come back as something else; declare a type that JSON keeps apart, or another serializer"
SUBCLASS = "it would come back without the fields that only its subclass has; declare the subclass, as in `Cat | Dog`"


def difference(meant: BaseModel, back: BaseModel) -> Problem | None:
    """The path and the reason of the first value of `meant` that is another one in `back`, its reading from JSON.

    What the declared type makes of a value counts as meant (3 for "3" in an int), and so does a list for a tuple
    where the type takes either. Fields that are not stored do not count, and where a type has no equality, its
    serializer is trusted.
    """
    if type(meant) is type(back) and _is_equal(meant, back):
        return None
    return next(_Comparison().problems(back, [meant, *_as_declared(meant)], ()), None)


def _as_declared(meant: BaseModel) -> list[BaseModel]:
    try:
        # As any, because the serializers of fields have had their say in what came back.
        dumped = meant.model_dump(round_trip=True, warnings=False, serialize_as_any=True)
        return [type(meant).model_validate(dumped, by_alias=False, by_name=True)]
    except Exception:  # noqa: BLE001 # whatever a user's serializer or validator raises that only knows JSON
        return []


class _Comparison:
    """Walks through what came back, beside everything that may have been meant by it."""

    def __init__(self) -> None:
        # Objects may refer to each other in circles, where a serializer of their own leaves that out.
        self._seen: set[tuple[int, ...]] = set()

    def problems(self, back: object, meanings: Sequence[object], path: Path) -> Iterator[Problem]:
        place = (id(back), *map(id, meanings))
        if place in self._seen:
            return
        self._seen.add(place)
        yield from ((path, reason) for reason in (_loss(each, back) for each in meanings) if reason)
        fitting = [parts for parts in (_fitting(each, back) for each in meanings) if parts is not None]
        if not fitting:
            yield path, OTHERWISE
            return
        for name, child in _parts(back).items():
            # As text, because a number that is the key of a dict is data, not a place.
            step = name if _is_array(back) else str(name)
            yield from self.problems(child, [parts[name] for parts in fitting], (*path, step))


def _loss(meant: object, back: object) -> str | None:
    """Why a model is not what came back, even if the declared type takes it."""
    if not _has_fields(meant):
        return _loss_in_set(meant, back) if _is_set(meant) else None
    if not _has_fields(back):
        return OTHERWISE
    is_widened = isinstance(meant, type(back)) and bool(_parts(meant).keys() - _parts(back).keys())
    return SUBCLASS if is_widened else None


def _loss_in_set(meant: AbstractSet[Any], back: object) -> str | None:
    lost = set(map(type, filter(_has_fields, meant))) - set(map(type, back if _is_set(back) else ()))
    return SUBCLASS if lost else None


def _fitting(meant: object, back: object) -> Mapping[Any, object] | None:
    """The parts of `meant` if it has the same ones as `back`; None if it is something else."""
    is_whole = not (_has_parts(meant) and _has_parts(back))
    if is_whole:
        return {} if isinstance(meant, type(back)) and _is_equal(meant, back) else None
    parts = _parts(meant)
    is_alike = _is_array(meant) == _is_array(back) and _has_fields(meant) == _has_fields(back)
    return parts if is_alike and parts.keys() == _parts(back).keys() else None


def _is_equal(left: object, right: object) -> bool:
    try:
        return bool(left == right) or type(left).__eq__ is object.__eq__ or _is_nan(left)
    except Exception:  # noqa: BLE001 # an equality that fails, as that of numpy's arrays, tells nothing
        return not _has_parts(left)


def _is_nan(value: object) -> bool:
    return bool(value != value)  # noqa: PLR0124 # which is so of NaN alone


def _has_parts(value: object) -> bool:
    return _has_fields(value) or _is_array(value) or is_mapping(value)


def _has_fields(value: object) -> bool:
    return isinstance(value, BaseModel) or (is_dataclass(value) and not isinstance(value, type))


def _is_set(value: object) -> TypeIs[AbstractSet[Any]]:
    return isinstance(value, AbstractSet)


def _is_array(value: object) -> TypeIs[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)


def _parts(value: object) -> Mapping[Any, object]:
    """What is stored of a model by field, of a dict by key, of a list by place."""
    if isinstance(value, BaseModel):
        stored = _stored(value, type(value).model_fields)
        return {name: item for name, item in vars(value).items() if name in stored} | (value.model_extra or {})
    if is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in _stored(value, [each.name for each in fields(value)])}
    if is_mapping(value):
        return value
    return dict(enumerate(value)) if _is_array(value) else {}


def _stored(value: object, names: Iterable[str]) -> set[str]:
    # Dataclasses of Pydantic have it as models do, plain ones have not.
    declared: Mapping[str, FieldInfo] = getattr(value, "__pydantic_fields__", {})
    return {name for name in names if hasattr(value, name) and not (name in declared and declared[name].exclude)}
