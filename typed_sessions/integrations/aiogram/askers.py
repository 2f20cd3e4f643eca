"""What of aiogram's may ask for sessions: handlers, filters, the actions of scenes, callbacks of start and stop."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from inspect import isclass, unwrap
from typing import Any, TypeGuard

from aiogram.dispatcher.event.handler import CallableObject, FilterObject, HandlerObject
from aiogram.dispatcher.middlewares.data import MiddlewareData
from aiogram.fsm.scene import SceneHandlerWrapper
from aiogram.handlers import BaseHandler

from typed_sessions.integrations.aiogram.binding import FLAG, SessionBinding
from typed_sessions.integrations.binding import Bindings
from typed_sessions.integrations.parameters import (
    UNRESOLVED,
    Function,
    Manner,
    Wish,
    attribute_wishes,
    name_of,
    wishes,
)
from typed_sessions.model import SessionModel

ONLY_READS = "is in a filter, which only reads; ask for it as `Cart` or `Cart | None`"
NO_EVENT = "is no handler's, so there is no event to make a key of; open it with `sessions.open`"

IN_HANDLE = (
    "is a parameter of `handle`, which aiogram calls without any; "
    "make it an attribute in the body of the class, or a parameter of `__init__`"
)

ALL: Mapping[Manner, str] = {}
IN_FILTERS: Mapping[Manner, str] = dict.fromkeys((Manner.HANDLE, Manner.LAZY), ONLY_READS)
WITHOUT_EVENT: Mapping[Manner, str] = dict.fromkeys(Manner, NO_EVENT)


@dataclass(frozen=True, slots=True, eq=False)
class Asker:
    """A function of the user's, and what it asks for.

    `refused` says why it cannot have a session in some manners; `registrar` is the binding that registered it, if any.
    """

    function: Function
    wishes: tuple[Wish, ...]
    refused: Mapping[Manner, str] = field(default_factory=dict[Manner, str])
    registrar: SessionBinding[SessionModel] | None = None

    @property
    def name(self) -> str:
        """Its dotted name."""
        return name_of(self.function)

    @property
    def asks(self) -> bool:
        """Whether it asks for sessions, as far as its annotations can be resolved."""
        return any(wish.model or wish.refusal for wish in self.wishes)

    def problems(self, bindings: Bindings[MiddlewareData]) -> Iterator[str]:
        """Why it cannot get what it asks for, a line for each parameter."""
        for wish in self.wishes:
            problem = self._problem(wish, bindings)
            if problem:
                yield f"{self.name}: {wish} {problem}"

    def _problem(self, wish: Wish, bindings: Bindings[MiddlewareData]) -> str | None:
        """Why it cannot get this one; None if it can, or asks for nothing of ours."""
        if wish.model is None:
            is_ours = any(wish.names(binding.model) for binding in bindings)
            return wish.refusal or (UNRESOLVED if is_ours else None)
        bound = bindings.of(wish.model)
        if wish.manner in self.refused:
            return self.refused[wish.manner]
        if self.registrar is not None and self.registrar.model is wish.model and bound is not self.registrar:
            return "was registered with a SessionBinding that is not bound; bind that one: middleware.bind(binding)"
        if bound is None:
            return f"has no binding; add middleware.bind({wish.model.__qualname__})"
        return None


def handler_asker(handler: HandlerObject, /) -> Asker:
    """What a handler asks for, also if it is of a scene or a class."""
    callback, registrar = unwrap(handler.callback), handler.flags.get(FLAG)
    if isinstance(callback, SceneHandlerWrapper):
        return _asker(callback.handler.callback, positional=2, registrar=registrar)
    if is_class_based(callback):
        asked = {wish.parameter: wish for wish in (*attribute_wishes(callback), *wishes(callback, positional=1))}
        in_vain = (replace(wish, model=None, refusal=IN_HANDLE) for wish in _wishes_of_handle(callback))
        return Asker(callback, (*asked.values(), *in_vain), registrar=registrar)
    return _asker(callback, positional=1, registrar=registrar)


def _wishes_of_handle(callback: type[BaseHandler[Any]]) -> list[Wish]:
    return [wish for wish in wishes(callback.handle, positional=1) if wish.model or wish.refusal]


def is_class_based(callback: Function, /) -> TypeGuard[type[BaseHandler[Any]]]:
    """Whether it is the class of a class-based handler."""
    return isclass(callback) and issubclass(callback, BaseHandler)


def filter_asker(each: FilterObject, /) -> Asker:
    """What a filter asks for."""
    return _asker(each.callback, positional=1, refused=IN_FILTERS)


def action_asker(action: CallableObject, /) -> Asker:
    """What the action of a scene asks for. It is given the scene, then the event."""
    return _asker(action.callback, positional=2)


def callback_asker(callback: CallableObject, /) -> Asker:
    """What a callback of start or stop asks for, in vain."""
    return _asker(callback.callback, positional=0, refused=WITHOUT_EVENT)


def _asker(
    function: Function,
    *,
    positional: int,
    refused: Mapping[Manner, str] = ALL,
    registrar: SessionBinding[SessionModel] | None = None,
) -> Asker:
    function = unwrap(function)
    return Asker(function, tuple(wishes(function, positional=positional)), refused, registrar)
