"""Which session of a model an event of a bot gets."""

from collections.abc import Awaitable, Callable, Iterator
from inspect import isawaitable, signature
from typing import Any, Generic, TypeAlias, TypeVar

from typed_sessions.codec import M
from typed_sessions.errors import MissingKeyError, SessionDefinitionError
from typed_sessions.integrations.places import Place, PlaceKey, per_chat
from typed_sessions.key import KeyLike, TextLike
from typed_sessions.model import SessionModel
from typed_sessions.session import Session
from typed_sessions.sessions import Sessions

S = TypeVar("S")
T = TypeVar("T")

KeyFunction: TypeAlias = Callable[[Place[S]], KeyLike | Awaitable[KeyLike | None] | None]
"""Makes the key of a session from the place of an event; None if it has no session there."""

OwnerFunction: TypeAlias = Callable[[Place[S]], TextLike | Awaitable[TextLike | None] | None]
"""Makes the owner of a session in the same way; None leaves it as it is."""


def nobody(_place: Place, /) -> None:
    """Leaves sessions without an owner."""


class Binding(Generic[M, S]):
    """Says which session of a model an event gets, and to whom it belongs.

    Args:
        model: the session model.
        key: `per_chat`, `per_user`, `per_user_in_chat`, `per_thread`, each also as `per_bot(…)` or `per_connection(…)`,
            or a function of your own, sync or async, that makes a key of a `Place`.
        owner: makes the owner, for `Sessions.delete_owner`, in the same way. None: the user, where the key holds the
            user or the chat is private, and nobody elsewhere or with a key function of your own. `nobody`: never.
        exclusive: let its turns run one after another in all processes, or not. None: as `Sessions` was told.
        sessions: where its sessions are, if they are in another store than those of the other models. They are saved
            in a transaction of their own.

    Raises:
        SessionDefinitionError: the model is no session model with a `session_config`, `key` or `owner` is no function
            of one argument, or `sessions` is something else.
    """

    def __init__(
        self,
        model: type[M],
        /,
        *,
        key: KeyFunction[S] = per_chat,
        owner: OwnerFunction[S] | None = None,
        exclusive: bool | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        refuse_other_models(model)
        _refuse_other_function("key", key)
        if owner is not None:
            _refuse_other_function("owner", owner)
        if sessions is not None:
            refuse_other_sessions(sessions, f"{type(self).__name__}({model.__qualname__}, sessions=…)")
        self.model = model
        self.key = key
        self._exclusive = exclusive
        self._sessions = sessions
        self._owner: OwnerFunction[S] = owner or (key.owner if isinstance(key, PlaceKey) else nobody)

    async def session(self, sessions: Sessions, place: Place[S], /) -> Session[M]:
        """The session of the event, to be entered.

        Raises:
            MissingKeyError: it has none.
            InvalidKeyError: the key cannot be stored.
        """
        key: KeyLike | None = await _result(self.key(place))
        if key is None:
            raise MissingKeyError(f"the key function gives None for the event `{place.kind}`")
        owner = await self._owner_at(place)
        return self.home(sessions).open(self.model, key, owner=owner, exclusive=self._exclusive)

    def home(self, sessions: Sessions, /) -> Sessions:
        """Where its sessions are: `sessions`, unless it has its own."""
        return self._sessions or sessions

    async def _owner_at(self, place: Place[S]) -> TextLike | None:
        try:
            owner: TextLike | None = await _result(self._owner(place))
        except MissingKeyError:  # a session of nobody's is better than none
            return None
        return owner

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.model.__qualname__}>"


class Bindings(Generic[S]):
    """The bindings of one bot, one for each model."""

    def __init__(self) -> None:
        self._by_model: dict[type[SessionModel], Binding[Any, S]] = {}

    def add(self, binding: Binding[Any, S], /) -> None:
        """Let handlers ask for the model of the binding.

        Raises:
            SessionDefinitionError: the model, or another one of its name, is bound already.
        """
        model = binding.model
        if model in self._by_model:
            raise SessionDefinitionError(f"{model.__qualname__} is bound already; bind each session model once")
        if any(model.session_config.name == bound.session_config.name for bound in self._by_model):
            raise SessionDefinitionError(
                f"another bound model has the name {model.session_config.name!r} too; rename one"
            )
        self._by_model[model] = binding

    def of(self, model: type[SessionModel], /) -> "Binding[Any, S] | None":
        """The binding of the model, if it has one."""
        return self._by_model.get(model)

    def __iter__(self) -> "Iterator[Binding[Any, S]]":
        return iter(self._by_model.values())


def refuse_other_models(model: object, /) -> None:
    """Raise `SessionDefinitionError` unless it is a session model with a `session_config`."""
    if not isinstance(model, type):
        raise SessionDefinitionError(
            f"a session model is a class, not an object of {type(model).__qualname__}; write the class itself"
        )
    if not issubclass(model, SessionModel) or not hasattr(model, "session_config"):
        raise SessionDefinitionError(
            f"{model.__qualname__} has no session_config; derive it from SessionModel, "
            f'and give it one: session_config = SessionConfig(name="…")'
        )


def refuse_other_sessions(sessions: object, asked_by: str, /) -> None:
    """Raise `SessionDefinitionError` unless they are `Sessions`."""
    if not isinstance(sessions, Sessions):
        raise SessionDefinitionError(
            f"{asked_by} takes Sessions, not a {type(sessions).__name__}; make them of a store: Sessions(store)"
        )


def _refuse_other_function(name: str, function: object) -> None:
    """Raise `SessionDefinitionError` unless it can be called with a place."""
    try:
        if callable(function):
            signature(function).bind(object())
            return
    except TypeError:  # it takes less or more
        pass
    except ValueError:  # builtin functions may not tell what they take
        return
    raise SessionDefinitionError(
        f"{name}={function!r} is no function of one argument, the Place; "
        f"write {name}=per_user, or a function `def {name}(place: Place) -> int`"
    )


async def _result(made: T | Awaitable[T]) -> T:
    return await made if isawaitable(made) else made  # pyright: ignore[reportReturnType]  # thinks of a T to await
