"""aiogram's FSM in a store of sessions: validated, versioned, and kept for each user in each chat as one record.

class CheckoutData(TypedDict, total=False):
    street: str
    floor: int

class Checkout(FsmSession):
    session_config = SessionConfig(name="checkout")

    data: CheckoutData = {}

dispatcher = Dispatcher(storage=TypedStorage(sessions, Checkout))
"""

from collections.abc import Callable, Mapping
from inspect import isclass
from typing import Any, Generic, TypeVar, cast, overload

from aiogram.exceptions import DataNotDictLikeError
from aiogram.fsm.state import State
from aiogram.fsm.storage.base import DEFAULT_DESTINY, BaseStorage, StateType, StorageKey

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.aiogram.fsm_scenes import scenes_of
from typed_sessions.integrations.aiogram.fsm_session import (
    Data,
    FsmSession,
    FsmState,
    data_of,
    is_as_new,
    new,
    set_data,
    set_state,
    update_data,
)
from typed_sessions.integrations.binding import refuse_other_sessions
from typed_sessions.integrations.groups import Moved, move_all
from typed_sessions.json_kinds import is_object
from typed_sessions.key import KeyPart, SessionKey
from typed_sessions.session import Session
from typed_sessions.sessions import Sessions
from typed_sessions.stores.protocol import Delete

F = TypeVar("F", bound=FsmSession)

SCENES_HISTORY = "scenes_history"
"""The destiny under which aiogram keeps the scenes that a user may go back to."""


def fsm_key(key: StorageKey, /) -> tuple[KeyPart, ...]:
    """The key under which `TypedStorage` keeps a record, for looking at it with `Sessions`."""
    connection = key.business_connection_id or ""
    return (key.bot_id, key.chat_id, key.user_id, key.thread_id or 0, connection, key.destiny)


class TypedStorage(BaseStorage, Generic[F]):
    """Keeps the states and the data of aiogram's FSM as sessions.

    State and data are one record, which belongs to its user (for `Sessions.delete_owner`) and is deleted when it is as
    a new one begins. What `set_data` and `update_data` are given is validated by the model and comes back from
    `get_data` as a plain dict of its own. The `Sessions` stay yours: `close` closes nothing.

    Args:
        sessions: where the records are kept.
        model: what the data must look like. Without it, any JSON.
        destinies: other models for other destinies of aiogram's. Without them, the history of scenes follows `model`,
            its versions too, and any other destiny may hold any JSON.

    Raises:
        SessionDefinitionError: a model is no `FsmSession` or has no `session_config`, two of them have the same name,
            or `sessions` is something else.

    Every method raises what `Sessions` raises, and those that write also:
        UnstorableValueError: the data does not satisfy the model, or would not come back as it is. Nothing is written.
        aiogram.exceptions.DataNotDictLikeError: the data is no mapping.
    """

    @overload
    def __init__(
        self: "TypedStorage[FsmState]", sessions: Sessions, *, destinies: Mapping[str, type[FsmSession]] = {}
    ) -> None: ...

    @overload
    def __init__(
        self, sessions: Sessions, model: type[F], *, destinies: Mapping[str, type[FsmSession]] = {}
    ) -> None: ...

    def __init__(
        self,
        sessions: Sessions,
        model: type[FsmSession] = FsmState,
        *,
        destinies: Mapping[str, type[FsmSession]] = {},
    ) -> None:
        refuse_other_sessions(sessions, type(self).__name__)
        self._sessions = sessions
        self._models = _models(model, destinies)

    def open(self, key: StorageKey, /) -> Session[F]:
        """The record behind an `FSMContext` (`state.key`), typed, to be entered with `async with`.

        Raises:
            SessionDefinitionError: the key is of another destiny than the default one.
        """
        if key.destiny != DEFAULT_DESTINY:
            raise SessionDefinitionError(f"open takes keys of aiogram's default destiny, not of {key.destiny!r}")
        return cast("Session[F]", self._session(key))

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        """Set the state; None for none."""
        name = state.state if isinstance(state, State) else state
        await self._change(key, lambda record, place: set_state(record, name, place))

    async def get_state(self, key: StorageKey) -> str | None:
        """The state; None for none."""
        return (await self._load(key)).state

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        """Replace the data. Empty data makes it as a new record begins."""
        given = _dict(data)
        await self._change(key, lambda record, place: set_data(record, given, place))

    async def get_data(self, key: StorageKey) -> Data:
        """The data, as a new dict; models in it are dicts too."""
        return data_of(await self._load(key))

    async def update_data(self, key: StorageKey, data: Mapping[str, Any]) -> Data:
        """Set some keys of the data, whatever happens to the others in the same moment, and give all of it."""
        given = _dict(data)
        return data_of(await self._change(key, lambda record, place: update_data(record, given, place)))

    async def close(self) -> None:
        """Close nothing: whoever made the `Sessions` closes them."""

    async def migrate_chat(self, bot_id: int, old: int, new: int, /) -> Moved:
        """Move the records of all users of a group to the id that it has as a supergroup.

        Telegram says it twice, so call it twice. A record that is in the way stays, unless it is as a new one begins.
        """
        models: list[type[FsmSession]] = [*self._models.values(), FsmState]
        found: list[Moved] = []
        for model in dict.fromkeys(models):
            users = {key.parts[2] async for key in self._sessions.keys(model, prefix=(bot_id, old))}
            for user in sorted(users):
                # With the strategies CHAT and CHAT_TOPIC, aiogram puts the chat in the place of the user too.
                to = new if user == str(old) else user
                found.append(await move_all(self._sessions, model, (bot_id, old, user), (bot_id, new, to)))
        return Moved(sum(each.moved for each in found), sum(each.kept for each in found))

    def _model(self, key: StorageKey) -> type[FsmSession]:
        return self._models.get(key.destiny, FsmState)

    def _session(self, key: StorageKey) -> Session[FsmSession]:
        return self._sessions.open(self._model(key), fsm_key(key), owner=_owner(key))

    async def _load(self, key: StorageKey) -> FsmSession:
        return await self._sessions.load(self._model(key), fsm_key(key))

    async def _change(self, key: StorageKey, change: Callable[[FsmSession, SessionKey], None]) -> FsmSession:
        place = self._session(key).key
        record = await self._sessions.update(
            self._model(key), place, lambda record: change(record, place), owner=_owner(key)
        )
        if is_as_new(record):
            await self._forget(key)
        return record

    async def _forget(self, key: StorageKey) -> None:
        """Delete a record that holds nothing."""
        session = await self._session(key)
        # What newer code has put in besides cannot be seen from here.
        is_ours = session.stored_version == self._model(key).session_config.version
        if session.revision is not None and is_ours and is_as_new(session.data):
            # By its revision, because it may have been given something since.
            await self._sessions.store.save([Delete(session.key, session.revision)])


def _models(model: type[FsmSession], destinies: Mapping[str, type[FsmSession]]) -> dict[str, type[FsmSession]]:
    """The models by destiny.

    Raises:
        SessionDefinitionError: one cannot be kept, or not together with another.
    """
    given = {**destinies, DEFAULT_DESTINY: model}
    names: dict[str, type[FsmSession]] = {FsmState.session_config.name: FsmState}
    for each in given.values():
        problem = _problem(each, names)
        if problem:
            raise SessionDefinitionError(f"{getattr(each, '__qualname__', each)} {problem}")
    if model is FsmState or SCENES_HISTORY in given:
        return given
    return {SCENES_HISTORY: scenes_of(model), **given}


def _problem(model: type[FsmSession], names: dict[str, type[FsmSession]]) -> str | None:
    if not _is_fsm_session(model):
        return "is no FsmSession; declare one whose `data` has its fields, and give its class"
    if not hasattr(model, "session_config"):
        return "has no session_config; add one to its body"
    name = model.session_config.name
    if names.setdefault(name, model) is not model:
        return f"has the name {name!r} of another model; give it another"
    if not is_object(data_of(new(model))):
        return "has data that is no TypedDict, model or dict; make it one of them"
    return None


def _is_fsm_session(given: object) -> bool:
    return isclass(given) and issubclass(given, FsmSession)


def _owner(key: StorageKey) -> int | None:
    """The user; nobody where a strategy of aiogram's puts a group in the user's place."""
    return key.user_id if key.user_id > 0 else None


def _dict(data: Mapping[str, Any]) -> Data:
    if not isinstance(data, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
        raise DataNotDictLikeError(f"the data of a state is a dict or another mapping, not {type(data).__name__}")
    return dict(data)
