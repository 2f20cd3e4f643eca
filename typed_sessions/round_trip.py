"""Whether a session comes back from its JSON as what the handler meant."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError
from typing_extensions import TypeIs

from typed_sessions.json_kinds import is_object

Path = tuple[int | str, ...]

OTHERWISE = "it would come back as something else; declare a type that JSON keeps apart, or another serializer"
SUBCLASS = "it would come back without the fields that only its subclass has; declare the subclass, as in `Cat | Dog`"


def difference(meant: BaseModel, back: BaseModel) -> tuple[Path, str] | None:
    """The path and the reason of the first value of `meant` that is another one in `back`, its reading from JSON.

    What the declared type makes of a value counts as meant (3 for "3" in an int), and so does a list for a tuple
    where the type takes either. Fields that are not stored do not count.
    """
    if meant == back:
        return None
    dumped = meant.model_dump(round_trip=True, warnings=False, serialize_as_any=True)
    declared = type(meant).model_validate(dumped, by_alias=False, by_name=True, extra="ignore")
    other = next(_differences(_plain(declared), _plain(back), ()), None)
    if other is not None:
        return other, OTHERWISE
    return ((), SUBCLASS) if _is_widened(meant, back) else None


def _plain(model: BaseModel) -> object:
    return model.model_dump(round_trip=True, warnings=False)


def _differences(meant: object, back: object, path: Path) -> Iterator[Path]:
    if is_object(meant) and is_object(back):
        if meant.keys() != back.keys():
            yield path
        for name in meant.keys() & back.keys():
            yield from _differences(meant[name], back[name], (*path, name))
    elif _is_sequence(meant) and _is_sequence(back):
        if len(meant) != len(back):
            yield path
        for place, (item, other) in enumerate(zip(meant, back, strict=False)):
            yield from _differences(item, other, (*path, place))
    elif type(meant) is not type(back) or meant != back:
        yield path


def _is_sequence(value: object) -> TypeIs[Sequence[Any]]:
    return isinstance(value, list | tuple)


def _is_widened(meant: BaseModel, back: BaseModel) -> bool:
    """Whether values of `meant` dump more than their declared types do."""
    try:
        everything, declared = (
            model.model_dump_json(by_alias=False, round_trip=True, warnings=False, serialize_as_any=True)
            for model in (meant, back)
        )
    except (PydanticSerializationError, ValueError, RecursionError):
        return False
    return len(everything) != len(declared)
