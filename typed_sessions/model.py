"""What a session is: a versioned Pydantic class."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict

from typed_sessions.errors import SessionClosedError, SessionDefinitionError
from typed_sessions.history import History, Step, complain
from typed_sessions.key import MAX_NAME_CHARACTERS, is_model_name

ConflictPolicy: TypeAlias = Literal["merge", "raise"]
InvalidPolicy: TypeAlias = Literal["raise", "quarantine", "reset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """What typed-sessions must know of a session model.

    It stands in the class body, like `model_config`:

        class Cart(SessionModel):
            session_config = SessionConfig(name="cart", version=2, history=CartHistory())

    Raises:
        SessionDefinitionError: a value is impossible, or the history does not reach from its `oldest` to `version`.
    """

    name: str
    """Names the kind of session in the store; never change it. A letter, then letters, digits, `_ . -`."""
    version: int = 1
    """The schema version of this class."""
    history: History = field(default_factory=History)
    """The steps from older versions."""
    readable_from: int | None = None
    """The lowest version of code that may read what this version writes (an additive change keeps it).
    None: what the frozen history says, or, without one, this version only, so that older code refuses instead of
    damaging."""
    ttl: timedelta | None = None
    """How long a session lives after its last change. None: until it is deleted."""
    max_bytes: int | None = None
    """Bytes of JSON that a session may take. None: the limit of `Sessions`."""
    conflicts: ConflictPolicy = "merge"
    """When somebody else saved meanwhile: merge by top-level field, or always raise `SessionConflictError`."""
    on_invalid: InvalidPolicy = "raise"
    """When stored data is invalid or too old: raise, or start from the initial state. What was stored is set aside in
    the save that first stores the new state: into the quarantine, with the reason, to be tried again
    (`Sessions.quarantine`), or, with `reset`, merely as the model `<name>!reset`."""
    initial: "Callable[[], SessionModel] | None" = None
    """Makes a new session. None: the defaults of the model."""
    steps: tuple[Step, ...] = field(init=False, repr=False)
    """The checked chain of the history."""

    def __post_init__(self) -> None:
        if not is_model_name(self.name):
            raise SessionDefinitionError(
                f"name={self.name!r} cannot name a session model; use a letter, then letters, digits, "
                f"'_', '.' or '-', at most {MAX_NAME_CHARACTERS} characters"
            )
        if not isinstance(self.history, History):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
            raise SessionDefinitionError(
                f"{self.name}: history must be an instance; write history={_called(self.history)}"
            )
        if not isinstance(self.ttl, timedelta | None):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
            raise SessionDefinitionError(f"{self.name}: ttl must be a timedelta, as in timedelta(days=30)")
        if type(self.version) is not int or self.version < 1:
            raise SessionDefinitionError(f"{self.name}: version={self.version!r} is no version; count from 1")
        if not 1 <= self.min_reader <= self.version:
            raise SessionDefinitionError(f"{self.name}: readable_from must lie between 1 and version")
        if self.ttl is not None and self.ttl <= timedelta(0):
            raise SessionDefinitionError(f"{self.name}: ttl must be longer than nothing; leave it out to keep sessions")
        if self.conflicts not in get_args(ConflictPolicy) or self.on_invalid not in get_args(InvalidPolicy):
            raise SessionDefinitionError(
                f"{self.name}: conflicts is 'merge' or 'raise' and on_invalid is 'raise', 'quarantine' or "
                f"'reset', not {self.conflicts!r} and {self.on_invalid!r}"
            )
        if self.max_bytes is not None and self.max_bytes < len("{}"):
            raise SessionDefinitionError(f"{self.name}: max_bytes={self.max_bytes} leaves no room for any session")
        object.__setattr__(self, "steps", self._steps())

    def _steps(self) -> tuple[Step, ...]:
        if self.history.name not in (None, self.name):
            raise SessionDefinitionError(
                f"{self.name}: its history is that of {self.history.name!r}; the name is the key of its stored "
                f"sessions, so keep it, or subclass the Upcasts of {self.name!r}"
            )
        try:
            return self.history.chain(self.version)
        except SessionDefinitionError as error:
            complain(error)
            return ()

    @property
    def min_reader(self) -> int:
        """The lowest version of code that may read what this version writes."""
        if self.readable_from is not None:
            return self.readable_from
        return self.history.min_reader.get(self.version, self.version)


class SessionModel(BaseModel):
    """Base of all session models. Declare fields as in any Pydantic model, and `session_config`.

    Assignments are validated at once and nested changes when the session is saved. Unknown fields are refused.

    Raises:
        SessionDefinitionError: (at class creation) a field has no default and there is no `initial`, or a
            subclass would share the name of its parent.
        SessionClosedError: a field is assigned after the turn is over.
    """

    # A slot, not a private attribute: it must count neither as data nor in comparisons.
    __slots__ = ("_typed_sessions_is_closed",)

    model_config = ConfigDict(
        extra="forbid",
        validate_assignment=True,
        ser_json_inf_nan="constants",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        ser_json_timedelta="iso8601",
        # Validation errors are logged and shown: they must not quote stored data.
        hide_input_in_errors=True,
    )

    session_config: ClassVar[SessionConfig]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 # Pydantic's own signature
        super().__pydantic_init_subclass__(**kwargs)
        is_parametrized = cls.__pydantic_generic_metadata__["origin"] is not None
        if "session_config" in cls.__dict__:
            _check_fields(cls)
        elif hasattr(cls, "session_config") and not is_parametrized:
            raise SessionDefinitionError(
                f"{cls.__qualname__} would share the name {cls.session_config.name!r} with its parent; "
                f"give it a session_config of its own"
            )

    # Hidden from type checkers, which would otherwise accept the assignment of unknown attributes.
    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            if getattr(self, "_typed_sessions_is_closed", False):
                raise SessionClosedError(None, f"is over or replaced: assigning {name} would be lost; open it again")
            super().__setattr__(name, value)


def _called(history: object) -> str:
    return f"{getattr(history, '__name__', 'YourHistory')}()"


def _check_fields(cls: type[SessionModel]) -> None:
    hidden = [name for name, info in cls.model_fields.items() if info.exclude and info.is_required()]
    required = [name for name, info in cls.model_fields.items() if info.is_required()]
    if hidden:
        raise SessionDefinitionError(f"{cls.__qualname__}: {', '.join(hidden)} is excluded and needs a default")
    if required and cls.session_config.initial is None:
        raise SessionDefinitionError(
            f"{cls.__qualname__}: {', '.join(required)} has no default; give it one, or SessionConfig(initial=…)"
        )


def close(model: SessionModel, /) -> None:
    """Refuse assignments from now on."""
    object.__setattr__(model, "_typed_sessions_is_closed", True)


def reopen(model: SessionModel, /) -> None:
    """Allow assignments again."""
    object.__setattr__(model, "_typed_sessions_is_closed", False)
