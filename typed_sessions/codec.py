"""From a stored record to a session model and back."""

import logging
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import PydanticUserError, ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from typed_sessions.errors import (
    FieldProblem,
    InvalidSessionError,
    NewerVersionError,
    SessionDefinitionError,
    SessionTooLargeError,
    TooOldVersionError,
    UnstorableValueError,
    UpcastError,
    described,
)
from typed_sessions.history import JsonObject
from typed_sessions.key import SessionKey
from typed_sessions.limits import Limits
from typed_sessions.model import SessionModel
from typed_sessions.problems import declared_names, path_of, problems_of
from typed_sessions.record import Record
from typed_sessions.round_trip import difference
from typed_sessions.shapes.stored import stored_schema
from typed_sessions.storable import Problem, hides_nan, is_told_by_equality, problem_in, undumpable
from typed_sessions.unknown import with_unknown
from typed_sessions.upcast import upcast

M = TypeVar("M", bound=SessionModel)

logger = logging.getLogger("typed_sessions")


@dataclass(frozen=True, slots=True)
class Form:
    """How a session is written: under which version, for which readers.

    A record of newer code keeps its own version and its `unknown` top-level fields when this code saves it. The
    fields that newer code has dropped are `absent` in it; they have their defaults here, and are not written back.
    """

    version: int
    min_reader: int
    is_newer: bool = False
    unknown: JsonObject = field(default_factory=dict[str, Any], repr=False)
    absent: JsonObject = field(default_factory=dict[str, Any], repr=False)
    dropped: frozenset[str] = frozenset()
    """Fields to leave out whatever they hold."""


class Decoded(NamedTuple, Generic[M]):
    """A session model read from a record. `is_stale` if it was upcast on the way."""

    data: M
    form: Form
    is_stale: bool = False


class Codec(Generic[M]):
    """Reads and writes the sessions of one model.

    A record of the current version takes one pass from bytes to model; an older one goes through the steps of
    the history and back through JSON; a newer one is read if it allows, with its unknown fields kept.
    """

    def __init__(self, model: type[M], limits: Limits) -> None:
        if not hasattr(model, "session_config"):
            raise SessionDefinitionError(f"{model.__qualname__} has no session_config; add one to its body")
        self.model = model
        self.config = model.session_config
        self._max_bytes = self.config.max_bytes or limits.max_bytes
        self._warn_bytes = limits.warn_bytes
        self.form = Form(self.config.version, self.config.min_reader)

    def initial(self) -> M:
        """A new session.

        Raises:
            SessionDefinitionError: `initial` made something else than this model.
        """
        if self.config.initial is None:
            return self.model()
        made = self.config.initial()
        if not isinstance(made, self.model):
            raise SessionDefinitionError(f"initial of {self.config.name!r} must make a {self.model.__qualname__}")
        # It may give the same object every time, and sessions must not share one.
        return made.model_copy(deep=True)

    def decode(self, key: SessionKey, record: Record) -> Decoded[M]:
        """The model of a record.

        Raises:
            InvalidSessionError: the data does not satisfy the model.
            UpcastError: a step failed.
            NewerVersionError: newer code wrote it and does not let this version read it.
            TooOldVersionError: the history does not reach back to its version.
        """
        ours = self.config.version
        if record.version == ours:
            return Decoded(self._valid(key, record, self.form), self.form)
        if record.version < ours:
            return Decoded(self._upcast(key, record)[1], self.form, is_stale=True)
        if record.min_reader > ours:
            raise NewerVersionError(key, stored=record.version, min_reader=record.min_reader, ours=ours)
        return self._newer(key, record)

    def is_initial(self, key: SessionKey, record: Record) -> bool:
        """Whether a record holds just what a new session begins with. One that cannot be read does not."""
        try:
            decoded = self.decode(key, record)
        except (InvalidSessionError, UpcastError, NewerVersionError, TooOldVersionError):
            return False
        return decoded.data == self.initial()

    def dump(self, key: SessionKey, data: M, form: Form) -> bytes:
        """The model as JSON bytes, unchecked: what it is compared by.

        Raises:
            UnstorableValueError: it cannot be written as JSON.
        """
        try:
            if form.is_newer:
                return to_json({**form.unknown, **self._known(data, form)})
            return data.__pydantic_serializer__.to_json(data, by_alias=False, round_trip=True, warnings=False)
        except (PydanticSerializationError, ValueError, RecursionError):
            # `from None`: the cause would quote the value.
            path, reason = undumpable(data)
            raise UnstorableValueError(key, path_of(path, declared_names(self.model)), reason) from None

    def sealed(self, key: SessionKey, data: M, dumped: bytes, form: Form) -> bytes:
        """What is stored for a model whose dump is `dumped`: validated, normalised, and sure to come back.

        Raises:
            SessionTooLargeError: it has more bytes than allowed.
            UnstorableValueError: a nested change broke the declared shape, or a value cannot make the round trip.
        """
        if len(dumped) > self._max_bytes:
            raise SessionTooLargeError(key, size=len(dumped), limit=self._max_bytes)
        if len(dumped) >= self._warn_bytes:
            logger.warning("the session %s takes %d bytes; keep large data in a table of its own", key, len(dumped))
        try:
            back = self.parse(dumped, form)
        except ValidationError as error:
            problem = self._problems(error)[0]
            message = f"{problem['message']}; set a value that the model accepts"
            raise UnstorableValueError(key, problem["path"], message) from None
        # What newer code has dropped is not in it, whatever a factory or a validator made of it on the way back.
        settled = replace(form, dropped=frozenset(form.absent)) if form.absent else form
        stored = self.dump(key, back, settled)
        found = self._revived(data, form) or self._loss(data, back, stored, form)
        if found is not None:
            path, reason = found
            raise UnstorableValueError(key, path_of(path, declared_names(self.model)), reason)
        return stored

    def _known(self, data: M, form: Form) -> JsonObject:
        """The JSON of a newer session without what it does not have any more."""
        # On the class, because an unknown field may bear the name of a method.
        known = self.model.model_dump(data, mode="json", by_alias=False, round_trip=True, warnings=False)
        kept = {name: value for name, value in known.items() if not _is_left(name, value, form)}
        return with_unknown(data, kept)

    def _revived(self, data: M, form: Form) -> Problem | None:
        """A field that newer code has dropped and this code has set: newer code could not read the session again."""
        if not form.absent:
            return None
        revived = sorted(form.absent.keys() & self._known(data, form).keys())
        reason = f"version {form.version} of this session has no such field any more; leave it alone, or deploy that"
        return ((revived[0],), reason) if revived else None

    def _loss(self, data: M, back: M, stored: bytes, form: Form) -> Problem | None:
        if self._is_told_by_equality and data == back:
            return problem_in(stored, data, may_hide_nan=False)
        found = problem_in(stored, data, may_hide_nan=self._may_hide_nan)
        # Newer code knows more of its own fields than this code can compare.
        return found if found is not None or form.is_newer else difference(data, back)

    @cached_property
    def _fields(self) -> frozenset[str]:
        """Those that are always stored; none, if that cannot be told."""
        try:
            return frozenset(stored_schema(self.model).get("required", ()))
        except PydanticUserError:
            return frozenset()

    @cached_property
    def _is_told_by_equality(self) -> bool:
        return is_told_by_equality(self.model)

    @cached_property
    def _may_hide_nan(self) -> bool:
        return hides_nan(self.model)

    def parse(self, data: bytes, form: Form) -> M:
        """The model of JSON bytes that were written in this form."""
        if form.is_newer:
            return self.model.model_validate_json(data, by_alias=False, by_name=True, extra="allow")
        # Without the detour by `model_validate_json`: this is most of what a turn costs.
        model: M = self.model.__pydantic_validator__.validate_json(data, by_alias=False, by_name=True)
        return model

    def _valid(self, key: SessionKey, record: Record, form: Form) -> M:
        try:
            return self.parse(record.data, form)
        except ValidationError as error:
            raise InvalidSessionError(key, record.version, self._problems(error), error) from None
        except Exception as error:  # noqa: BLE001 # whatever a user's validator raises
            problem = FieldProblem(path="", type=type(error).__name__, message=_raised(error, form))
            raise InvalidSessionError(key, record.version, [problem], error) from None

    def _newer(self, key: SessionKey, record: Record) -> Decoded[M]:
        form = Form(record.version, record.min_reader, is_newer=True)
        data = self._valid(key, record, form)
        dumped = self.model.model_dump(data, mode="json", by_alias=False, round_trip=True, warnings=False)
        # Not by `model_fields_set`: a validator may have set what the record does not hold.
        missing = self._fields - from_json(record.data).keys()
        absent = {name: value for name, value in dumped.items() if name in missing}
        return Decoded(data, replace(form, unknown=data.model_extra or {}, absent=absent))

    def carried(self, key: SessionKey, record: Record) -> bytes:
        """What an older record is stored as, when all are carried along.

        Raises:
            As `decode` and `sealed`.
        """
        data, model = self._upcast(key, record)
        dumped = self.dump(key, model, self.form)
        is_small = len(dumped) < min(self._warn_bytes, self._max_bytes)
        # What the steps made has just come in; if it goes out the same, it comes in again.
        if is_small and (dumped == data or from_json(dumped) == from_json(data)):
            return dumped
        return self.sealed(key, model, dumped, self.form)

    def _upcast(self, key: SessionKey, record: Record) -> tuple[bytes, M]:
        """The data of an older record after all steps, and the model of it."""
        oldest = self.config.history.oldest
        if record.version < oldest:
            raise TooOldVersionError(key, stored=record.version, oldest=oldest)
        steps = self.config.steps[record.version - oldest :]
        upcast_data = upcast(key, record, steps)
        try:
            model = self.parse(upcast_data, self.form)
        except ValidationError as error:
            problem = f"the result is no valid {self.model.__qualname__}: {described(self._problems(error))}"
            raise UpcastError(key, steps[-1].name, problem, error) from None
        except Exception as error:  # noqa: BLE001 # whatever a user's validator raises
            raise UpcastError(key, steps[-1].name, _raised(error, self.form), error) from None
        found = problem_in(upcast_data, model, may_hide_nan=self._may_hide_nan)
        if found is not None:
            path = path_of(found[0], declared_names(self.model))
            raise UpcastError(key, steps[-1].name, f"the result cannot be stored: {path}: {found[1]}")
        return upcast_data, model

    def _problems(self, error: ValidationError) -> list[FieldProblem]:
        return problems_of(error, self.model)


def _is_left(name: str, value: object, form: Form) -> bool:
    """Whether a field that newer code has dropped is as it was read, with its default."""
    return name in form.dropped or (name in form.absent and to_json(value) == to_json(form.absent[name]))


def _raised(error: Exception, form: Form) -> str:
    if form.is_newer and isinstance(error, AttributeError):
        # From Pydantic, which has no other way to say it.
        return "a dataclass with slots cannot keep unknown fields"
    return f"a validator raised {type(error).__name__}; let it raise ValueError for data that it refuses"
