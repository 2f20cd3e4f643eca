"""How the live objects of an application become sessions, and sessions live objects. No I/O."""

from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast

from pydantic_core import to_json

from typed_sessions.errors import SessionDefinitionError, UnstorableValueError
from typed_sessions.integrations.telegram.persistence.models import CallbackQuery, Conversation, Keyboard
from typed_sessions.integrations.telegram.persistence.values import PlainValues, Values, read_name
from typed_sessions.key import SessionKey
from typed_sessions.model import SessionModel

L = TypeVar("L")
D = TypeVar("D", bound=SessionModel)

PlainDict: TypeAlias = dict[Any, Any]
Buttons: TypeAlias = tuple[float, dict[str, Any]]
"""When a keyboard was last used, in seconds since 1970, and the callback data of its buttons."""

END = -1
"""`ConversationHandler.END`, of whatever type the states are: python-telegram-bot stores it, and removes such a
conversation when it starts."""

OTHERWISE_IN_DICT = "use str, int, float, bool, None, list and dict, or declare a session model instead of the dict"
OTHERWISE_STATE = "declare the type of the states: SQLPersistence(states={name: YourEnum})"
OTHERWISE_BUTTON = "declare the type of the callback data: SQLPersistence(callback_data=YourType)"


class Form(Protocol[L]):
    """The form in which the live objects of one kind are stored."""

    @property
    def model(self) -> type[SessionModel]: ...

    @property
    def is_refreshed(self) -> bool:
        """Whether the application has its live objects brought up to date."""
        ...

    @property
    def is_cached(self) -> bool:
        """Whether the application has it for the time being, and any process may drop it: then the last one counts."""
        ...

    def stored(self, key: SessionKey, live: L, /) -> SessionModel:
        """The session of a live object.

        Raises:
            UnstorableValueError: it holds something that would not come back.
        """
        ...

    def made(self, key: SessionKey, stored: SessionModel, /) -> L:
        """The live object of a session.

        Raises:
            InvalidSessionError: the session holds something else.
        """
        ...


class RefreshedForm(Form[L], Protocol):
    """The same for live objects that are brought up to date before each update."""

    @property
    def live(self) -> type[L]: ...

    def check(self, live: L, /) -> None:
        """Raises `SessionDefinitionError` if the application was built with other types than this persistence."""
        ...

    def replace(self, live: L, stored: SessionModel, /) -> None:
        """Make the live object what the session says, in place."""
        ...


class ModelForm(Generic[D]):
    """Live objects that are session models themselves."""

    is_refreshed, is_cached = True, False

    def __init__(self, model: type[D]) -> None:
        if model.session_config.initial is not None or any(info.is_required() for info in model.model_fields.values()):
            raise SessionDefinitionError(
                f"python-telegram-bot makes new objects by {model.__qualname__}(); "
                f"give its fields defaults, and no SessionConfig(initial=…)"
            )
        self.model = self.live = model

    def check(self, live: D, /) -> None:
        if not isinstance(live, self.model):
            raise _other_types(live, self.model)

    def stored(self, key: SessionKey, live: D, /) -> SessionModel:  # noqa: ARG002 # the protocol's
        self.check(live)
        return live

    def made(self, key: SessionKey, stored: SessionModel, /) -> D:  # noqa: ARG002 # the protocol's
        return cast("D", stored)

    def replace(self, live: D, stored: SessionModel, /) -> None:
        # Past validation, which `stored` has behind it. Usually it is the live object, into which others' fields came.
        vars(live).update(vars(stored))
        if live.__pydantic_extra__ is not None and stored.__pydantic_extra__ is not live.__pydantic_extra__:
            live.__pydantic_extra__.clear()
            live.__pydantic_extra__.update(stored.__pydantic_extra__ or {})


class DictForm:
    """Live objects that are plain dicts. `model` allows all fields."""

    is_refreshed, is_cached = True, False
    live: type[PlainDict] = dict

    def __init__(self, model: type[SessionModel]) -> None:
        self.model = model
        self._values = PlainValues(OTHERWISE_IN_DICT)

    def check(self, live: PlainDict, /) -> None:
        if type(live) is not dict:
            raise _other_types(live, dict)

    def stored(self, key: SessionKey, live: PlainDict, /) -> SessionModel:
        self.check(live)
        return self.model.model_validate(self._values.dumped(key, live, ()))

    def made(self, key: SessionKey, stored: SessionModel, /) -> PlainDict:
        return {read_name(name): self._values.loaded(key, value) for name, value in (stored.model_extra or {}).items()}

    def replace(self, live: PlainDict, stored: SessionModel, /) -> None:
        made = self.made(SessionKey.of(stored.session_config.name, "live"), stored)
        for name in live.keys() - made.keys():
            del live[name]
        # What did not change stays the object that a handler holds.
        live.update({name: value for name, value in made.items() if name not in live or not _same(live[name], value)})


class ConversationForm:
    """The states of a `ConversationHandler`."""

    is_refreshed, is_cached = False, False
    model = Conversation

    def __init__(self, states: Values) -> None:
        self._states = states

    def stored(self, key: SessionKey, live: object, /) -> Conversation:
        # As `ConversationHandler` compares it: the member of an `IntEnum` ends a conversation too.
        if live == END:
            return Conversation(state=END)
        state = self._states.dumped(key, live, ("state",))
        if state == END:
            what = f"this {type(live).__name__} would come back as the end of the conversation"
            reason = f"{what}; give it a value other than {END}"
            raise UnstorableValueError(key, "state", reason)
        return Conversation(state=state)

    def made(self, key: SessionKey, stored: SessionModel, /) -> object:
        assert isinstance(stored, Conversation)
        return END if stored.state == END else self._states.loaded(key, stored.state)


class KeyboardForm:
    """The keyboards of the callback data cache."""

    is_refreshed, is_cached = False, True
    model = Keyboard

    def __init__(self, values: Values) -> None:
        self._values = values

    def stored(self, key: SessionKey, live: Buttons, /) -> Keyboard:
        accessed, buttons = live
        dumped = {name: self._values.dumped(key, value, ("buttons", name)) for name, value in buttons.items()}
        return Keyboard(accessed=accessed, buttons=dumped)

    def made(self, key: SessionKey, stored: SessionModel, /) -> Buttons:
        assert isinstance(stored, Keyboard)
        return stored.accessed, {name: self._values.loaded(key, value) for name, value in stored.buttons.items()}


class QueryForm:
    """The callback queries of the callback data cache, each the id of its keyboard."""

    is_refreshed, is_cached = False, True
    model = CallbackQuery

    def stored(self, key: SessionKey, live: str, /) -> CallbackQuery:  # noqa: ARG002 # the protocol's
        return CallbackQuery(keyboard=live)

    def made(self, key: SessionKey, stored: SessionModel, /) -> str:  # noqa: ARG002 # the protocol's
        assert isinstance(stored, CallbackQuery)
        return stored.keyboard


def _same(left: object, right: object) -> bool:
    # As JSON text, because Python holds 1, 1.0 and True for equal.
    try:
        return to_json(left) == to_json(right)
    except ValueError:
        return False


def _other_types(live: object, wanted: type) -> SessionDefinitionError:
    return SessionDefinitionError(
        f"the application has a {type(live).__name__} where its persistence keeps a {wanted.__qualname__}; "
        f"build it with .context_types(persistence.context_types)"
    )
