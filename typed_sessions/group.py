"""Several session models that belong together: one read, one transaction."""

from collections.abc import Mapping
from types import TracebackType
from typing import Generic, TypeVar, get_type_hints

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.key import KeyLike, SessionKey
from typed_sessions.model import SessionModel
from typed_sessions.session import AnySession
from typed_sessions.turn import Turn


class SessionGroup:
    """Names session models that are opened and saved together.

    Annotate one attribute for each:

        class Shop(SessionGroup):
            cart: Cart
            prefs: Prefs

        async with sessions.open_group(Shop, "42") as shop:
            shop.cart.currency = shop.prefs.currency

    An attribute may be assigned, to replace that session as a whole.

    Raises:
        SessionDefinitionError: (when opened) an annotation is no session model, or there is none.
    """


G = TypeVar("G", bound=SessionGroup)


def members(group: type[SessionGroup]) -> dict[str, type[SessionModel]]:
    """The session models of a group, by attribute."""
    found = get_type_hints(group)
    strangers = [name for name, model in found.items() if not _is_session_model(model)]
    if strangers or not found:
        what = f"{', '.join(strangers)} is no session model" if strangers else "it names no session model"
        raise SessionDefinitionError(f"{group.__qualname__}: {what}; annotate attributes like `cart: Cart`")
    return found


def _is_session_model(model: object) -> bool:
    return isinstance(model, type) and issubclass(model, SessionModel)


class OpenGroup(Generic[G]):
    """One opened group. `async with` lends it; all its sessions are saved on a clean exit, or none.

    `sessions` holds the `Session` of each attribute. Raises what `Session` raises.
    """

    def __init__(self, group: type[G], sessions: Mapping[str, AnySession], turn: Turn) -> None:
        self._group = group
        self._turn = turn
        self._lent: G | None = None
        self.sessions = sessions

    async def __aenter__(self) -> G:
        await self._turn.__aenter__()
        try:
            self._lent = self._group()
            for name, session in self.sessions.items():
                setattr(self._lent, name, session.data)
        except BaseException as error:
            await self._turn.__aexit__(type(error), error, error.__traceback__)
            raise
        return self._lent

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._take_replaced()
        except BaseException as refusal:
            await self._turn.__aexit__(type(refusal), refusal, refusal.__traceback__)
            raise
        await self._turn.__aexit__(kind, error, trace)

    def _take_replaced(self) -> None:
        for name, session in self.sessions.items():
            if not session.is_over and getattr(self._lent, name) is not session.data:
                session.data = getattr(self._lent, name)


def keys_of_members(
    group: type[SessionGroup], key: KeyLike, keys: Mapping[str, KeyLike]
) -> dict[str, tuple[type[SessionModel], KeyLike]]:
    """The model and the key of each attribute: its own in `keys`, or the common one.

    Raises:
        SessionDefinitionError: `keys` names an attribute that the group has not.
    """
    models = members(group)
    unknown = keys.keys() - models.keys()
    if unknown:
        what = f"{group.__qualname__} has no {', '.join(sorted(unknown))}"
        raise SessionDefinitionError(f"{what}; it has {', '.join(models)}")
    return {name: (model, keys.get(name, key)) for name, model in models.items()}


def refuse_doubles(group: type[SessionGroup], sessions: Mapping[str, AnySession]) -> None:
    """Refuse two attributes for one session: replacing it under one name would be undone by the other.

    Raises:
        SessionDefinitionError: there are two.
    """
    names: dict[SessionKey, str] = {}
    for name, session in sessions.items():
        other = names.setdefault(session.key, name)
        if other != name:
            what = f"{other} and {name} are the same session"
            raise SessionDefinitionError(f"{group.__qualname__}: {what}; give one of them another key in `keys`")
