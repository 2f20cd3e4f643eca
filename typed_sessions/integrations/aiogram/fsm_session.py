"""What an FSM keeps of a user, as a session model: a state and data. No aiogram and no I/O."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pydantic import BaseModel, JsonValue, ValidationError

from typed_sessions.errors import SessionDefinitionError, UnstorableValueError
from typed_sessions.json_kinds import is_array, is_mapping, is_object
from typed_sessions.key import SessionKey
from typed_sessions.model import SessionConfig, SessionModel
from typed_sessions.problems import declared_names, path_of, problems_of

Data: TypeAlias = dict[str, Any]
"""What aiogram calls the data of a state. The model that it is checked against knows what its values are."""

_FIELDS = frozenset({"state", "data"})


def _check_fields(cls: "type[FsmSession]") -> None:
    strangers = sorted(cls.model_fields.keys() - _FIELDS)
    if "data" not in cls.model_fields:
        raise SessionDefinitionError(f"{cls.__qualname__} has no data; declare it, as in `data: CheckoutData = {{}}`")
    if strangers:
        raise SessionDefinitionError(
            f"{cls.__qualname__} has {', '.join(strangers)}, and an FSM keeps state and data only; move it into data"
        )


class FsmSession(SessionModel):
    """Base of the session models of an FSM. Declare `data`, with a default, and `session_config`.

    `data` may be a TypedDict (best with `total=False`, since a conversation begins with no data), a Pydantic model
    whose fields have defaults, or a dict.

    Raises:
        SessionDefinitionError: (at class creation) `data` is not declared, or more than `state` and `data` is.
    """

    state: str | None = None
    """The full name of the state, such as `Checkout:street`; None for none."""

    # Not at run time: a model that forgets to declare it must not keep whatever comes.
    if TYPE_CHECKING:
        data: Any = None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 # Pydantic's own signature
        super().__pydantic_init_subclass__(**kwargs)
        if "session_config" in cls.__dict__:
            _check_fields(cls)


class FsmState(FsmSession):
    """An FSM with whatever data is JSON: what `TypedStorage` keeps if it is given no model."""

    session_config = SessionConfig(name="fsm")

    data: dict[str, JsonValue] = {}


def new(model: type[FsmSession], /) -> FsmSession:
    """A record as it begins."""
    initial = model.session_config.initial
    return model() if initial is None else cast("FsmSession", initial())


def is_as_new(record: FsmSession, /) -> bool:
    """Whether a record holds nothing but what it began with."""
    fresh = new(type(record))
    return record.state == fresh.state and data_of(record) == data_of(fresh)


def data_of(record: FsmSession, /) -> Data:
    """The data as a dict of its own; models in it are dicts too."""
    data: Data = record.model_dump(round_trip=True, by_alias=False, warnings=False)["data"]
    return data


def set_state(record: FsmSession, state: str | None, place: SessionKey, /) -> None:
    """Set the state. Raises `UnstorableValueError`, as all below, if the model does not accept it."""
    vars(record)["state"] = _validated(type(record), state, data_of(record), place).state


def set_data(record: FsmSession, data: Data, place: SessionKey, /) -> None:
    """Replace the data; empty data makes it as it began."""
    given = data or data_of(new(type(record)))
    vars(record)["data"] = _validated(type(record), record.state, given, place).data


def update_data(record: FsmSession, data: Data, place: SessionKey, /) -> None:
    """Set some keys of the data. What newer code has put in besides, and this code does not know, stays."""
    if not data:
        return
    old: object = record.data
    valid = _validated(type(record), record.state, {**data_of(record), **data}, place)
    if is_object(old):
        old.update({name: valid.data[name] for name in data})
    elif isinstance(old, BaseModel):
        vars(old).update({name: getattr(valid.data, name) for name in data})
    else:
        vars(record)["data"] = valid.data


def _validated(model: type[FsmSession], state: str | None, data: Data, place: SessionKey) -> FsmSession:
    """A record of the model.

    Raises:
        UnstorableValueError: it does not satisfy the model, or a key of the data would be lost.
    """
    try:
        made = model.model_validate({"state": state, "data": data}, by_alias=False, by_name=True)
    except ValidationError as error:
        problem = problems_of(error, model)[0]
        message = f"{problem['message']}; set a value that the model accepts"
        # `from None`: a validator's message may quote the data.
        raise UnstorableValueError(place, problem["path"], message) from None
    lost = next(_lost(data, data_of(made), ("data",)), None)
    if lost is not None:
        path = f"{path_of(lost[:-1], declared_names(model))}.{lost[-1]}"
        raise UnstorableValueError(place, path, "the model does not keep it; declare it, or leave it out")
    return made


def _lost(given: object, kept: object, path: tuple[int | str, ...]) -> Iterator[tuple[int | str, ...]]:
    """The paths of keys that were given and are not kept: a model within ignores what it does not declare."""
    if is_mapping(given) and is_mapping(kept):
        by_name = {str(name): value for name, value in kept.items()}
        for name, value in given.items():
            inside = (*path, str(name))
            if str(name) not in by_name:
                yield inside
            yield from _lost(value, by_name.get(str(name)), inside)
    elif is_array(given) and is_array(kept):
        for number, (value, own) in enumerate(zip(given, kept, strict=False)):
            yield from _lost(value, own, (*path, number))
