"""The way of old data through the steps into the model, watched more closely than in production."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from typed_sessions.codec import Codec, M
from typed_sessions.errors import InvalidSessionError, SessionTooLargeError, UnstorableValueError
from typed_sessions.history import JsonObject, Step
from typed_sessions.json_kinds import is_object
from typed_sessions.key import SessionKey
from typed_sessions.limits import Limits
from typed_sessions.record import Record
from typed_sessions.testing.clock import NOON
from typed_sessions.testing.comparing import differences, impurities, shown, unordered
from typed_sessions.testing.validation import ShapeValidator

_MAX_PROBLEMS = 5
_MAX_DATA = 4000


class JourneyError(AssertionError):
    """Data did not arrive. The text says where and why; it quotes the data, because it is that of a test."""

    began: JsonObject | None = None
    """The data before its first step."""

    def __init__(self, where: str, problems: Iterable[str], *, given: object = None, made: object = None) -> None:
        lines = [f"{where}:", *(f"  {problem}" for problem in islice(problems, _MAX_PROBLEMS))]
        lines += [f"given: {shown(given, _MAX_DATA)}"] if given is not None else []
        lines += [f"made:  {shown(made, _MAX_DATA)}"] if made is not None else []
        super().__init__("\n".join(lines))


class RefusedError(JourneyError):
    """The model refuses data that passed no step and fits its shape, so no code of today has stored it."""


class TooLargeError(JourneyError):
    """The model limits its bytes, and these are more."""


@dataclass(frozen=True, slots=True)
class Arrival(Generic[M]):
    """The data in each version on its way, and the model at its end, also as it is stored again."""

    by_version: Mapping[int, JsonObject]
    model: M
    stored: JsonObject


@dataclass(frozen=True, slots=True)
class Journey(Generic[M]):
    """Carries data through the steps of a model.

    `shapes` are the frozen ones, as far as they are known: what is of their version must satisfy them.
    """

    model: type[M]
    shapes: Mapping[int, ShapeValidator] = field(default_factory=dict[int, ShapeValidator])

    def carry(self, version: int, data: JsonObject) -> Arrival[M]:
        """The data of a version, carried to the model of today and stored again.

        Raises:
            JourneyError: it does not satisfy its shape; a step raises, changes its argument, does not do the same
                twice, or makes something else than JSON of the next frozen shape; the model refuses the result; or
                the model cannot be stored again.
        """
        config = self.model.session_config
        self._check(version, data, f"this is no data of version {version}")
        by_version = {version: data}
        for step in config.steps[version - config.history.oldest :]:
            given = by_version[step.source]
            made = _once(step, given)
            self._check(step.source + 1, made, f"{step.name} makes no data of version {step.source + 1}", given=given)
            by_version[step.source + 1] = made
        model, stored = self._stored(version, by_version[config.version])
        return Arrival(by_version, model, stored)

    def _check(self, version: int, data: JsonObject, complaint: str, given: object = None) -> None:
        shape = self.shapes.get(version)
        problems = shape.problems(data) if shape is not None else []
        if problems:
            raise JourneyError(complaint, problems, given=given, made=data)

    def _stored(self, version: int, data: JsonObject) -> tuple[M, JsonObject]:
        codec, key = Codec(self.model, Limits()), SessionKey.of(self.model.session_config.name, "journey")
        model = self._decoded(codec, key, version, data)
        try:
            stored = codec.sealed(key, model, codec.dump(key, model, codec.form), codec.form)
            twice = codec.dump(key, codec.parse(stored, codec.form), codec.form)
        except UnstorableValueError as error:
            problem = f"{error.path or 'the whole'}: {error.problem}"
            raise JourneyError(f"{self._name} cannot be stored again", [problem], given=data) from None
        except SessionTooLargeError as error:
            raise TooLargeError(f"{self._name} is too large", [str(error)]) from None
        again: JsonObject = from_json(stored)
        self._check(codec.config.version, again, f"{self._name} is stored otherwise than its frozen shape says", data)
        # Without their order, because a set may have another one each time.
        if changed := list(differences(unordered(again), unordered(from_json(twice)))):
            raise JourneyError(f"{self._name} changes whenever it is read and stored", changed, given=data)
        return model, again

    def _decoded(self, codec: Codec[M], key: SessionKey, version: int, data: JsonObject) -> M:
        head = codec.config.version
        try:
            return codec.decode(key, Record(head, head, 1, to_json(data), NOON, NOON)).data
        except InvalidSessionError as error:
            kind = RefusedError if version == head else JourneyError
            last = "" if version == head else f", though {codec.config.steps[-1].name} made it"
            raise kind(f"{self._name} refuses data of version {head}{last}", _refusals(error), given=data) from None

    @property
    def _name(self) -> str:
        return self.model.__qualname__


def _refusals(error: InvalidSessionError) -> Iterator[str]:
    # Pydantic's own sentences, which may quote the data: those of the error must not.
    if isinstance(error.reason, ValidationError):
        for each in error.reason.errors():
            yield f"{'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}"
    else:
        yield repr(error.reason)


def _once(step: Step, data: JsonObject) -> JsonObject:
    """What a step makes of data, after a second call has made the same."""
    before = deepcopy(data)
    made = _called(step, data)
    if changed := list(differences(before, data)):
        raise JourneyError(f"{step.name} changes its argument; let it make a new object", changed, given=before)
    if not is_object(made):
        raise JourneyError(f"{step.name} makes no JSON object", [f"it is {shown(made)}"], given=before)
    if found := list(impurities(made)):
        raise JourneyError(f"{step.name} makes what is no JSON", found, given=before, made=made)
    kept = deepcopy(made)
    # Called with the first result alive, lest both share what the step keeps.
    if changed := list(differences(kept, _called(step, deepcopy(before)))):
        raise JourneyError(f"{step.name} does not make the same of the same data twice", changed, given=before)
    return kept


def _called(step: Step, data: JsonObject) -> Any:  # noqa: ANN401 # whatever a step gives
    try:
        return step.upcast(data)
    except Exception as error:
        raise JourneyError(f"{step.name} raised", [f"{type(error).__name__}: {error}"], given=data) from error
