"""Callbacks of aiogram's that are given sessions where no middleware sees the call.

aiogram calls filters before the middlewares of handlers, and the actions of scenes from within handlers; and it makes
the instances of class-based handlers itself. A prepared callback takes the place of the user's own, finds the slot of
the update among its arguments, and calls the user's. Where there is no slot, because there is no `SessionMiddleware`,
it does no more than that.
"""

from collections.abc import Iterator
from copy import copy
from inspect import unwrap
from typing import Any

from aiogram.dispatcher.event.handler import CallableObject, FilterObject
from aiogram.dispatcher.event.telegram import TelegramEventObserver
from aiogram.fsm.scene import Scene
from aiogram.types import TelegramObject

from typed_sessions.integrations.aiogram.askers import Asker, action_asker, filter_asker, is_class_based
from typed_sessions.integrations.aiogram.lender import SLOT, Slot
from typed_sessions.integrations.parameters import Function, attribute_wishes


class Prepared:
    """Stands for a callback."""

    def __init__(self, called: CallableObject) -> None:
        self.called = copy(called)
        self.__wrapped__: Function = called.callback

    def take_its_place(self, called: CallableObject) -> None:
        """Have aiogram call this instead, with all that it knows."""
        called.callback, called.awaitable, called.varkw = self, True, True  # type: ignore[assignment]  # has a `__call__` below


class PreparedFilter(Prepared):
    """Stands for a filter that asks for sessions."""

    def __init__(self, called: CallableObject, asker: Asker) -> None:
        super().__init__(called)
        self._asker = asker

    async def __call__(self, *args: Any, **data: Any) -> Any:  # noqa: ANN401 # as aiogram calls it
        slot: Slot | None = data.get(SLOT)
        read = await slot.lender.read(self._asker, data, slot) if slot is not None else {}
        return await self.called.call(*args, **{**data, **read})


class PreparedAction(Prepared):
    """Stands for an action of a scene that asks for sessions."""

    def __init__(self, called: CallableObject, asker: Asker) -> None:
        super().__init__(called)
        self._asker = asker

    async def __call__(self, scene: Scene, event: TelegramObject, /, **data: Any) -> Any:  # noqa: ANN401 # as aiogram calls it
        slot: Slot | None = data.get(SLOT)
        if slot is None:
            return await self.called.call(scene, event, **data)
        async with slot.lender.lending(self._asker, data, slot) as lent:
            return await self.called.call(scene, event, **{**data, **lent})


class PreparedClass(Prepared):
    """Stands for a class-based handler that asks by the attributes of its class. Its middleware lends what it gets."""

    def __init__(self, called: CallableObject, attributes: frozenset[str]) -> None:
        super().__init__(called)
        self._attributes = attributes

    async def __call__(self, event: TelegramObject, /, **data: Any) -> Any:  # noqa: ANN401 # as aiogram calls it
        known = data if self.called.varkw else {name: data[name] for name in self.called.params & data.keys()}
        handler = self.called.callback(event, **known)
        if SLOT in data:
            for name in self._attributes & data.keys():
                setattr(handler, name, data[name])
        return await handler


def prepare(observer: TelegramEventObserver, /) -> None:
    """Prepare the filters and class-based handlers of an observer that ask for sessions and are not prepared yet."""
    for each in filters_of(observer):
        asker = filter_asker(each)
        if asker.asks and not isinstance(each.callback, Prepared):
            PreparedFilter(each, asker).take_its_place(each)
    for handler in observer.handlers:
        if is_class_based(handler.callback):
            attributes = frozenset(wish.parameter for wish in attribute_wishes(handler.callback) if wish.model)
            if attributes:
                PreparedClass(handler, attributes).take_its_place(handler)


def prepare_scene(scene: type[Scene], /) -> None:
    """Prepare the actions of a scene that ask for sessions and are not prepared yet."""
    for action in actions_of(scene):
        asker = action_asker(action)
        if asker.asks and not isinstance(action.callback, Prepared):
            PreparedAction(action, asker).take_its_place(action)


def filters_of(observer: TelegramEventObserver, /) -> Iterator[FilterObject]:
    """The filters of an observer and of its handlers, those too that others are made of."""
    for each in root_filters(observer):
        yield from _with_nested(each)
    for handler in observer.handlers:
        for each in handler.filters or ():
            yield from _with_nested(each)


def root_filters(observer: TelegramEventObserver, /) -> list[FilterObject]:
    """The filters for all handlers of an observer."""
    return observer._handler.filters or []  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # it has no public name


def actions_of(scene: type[Scene], /) -> Iterator[CallableObject]:
    """The actions of a scene, for every event."""
    for actions in scene.__scene_config__.actions.values():
        yield from actions.values()


def _with_nested(each: FilterObject) -> Iterator[FilterObject]:
    yield each
    made = unwrap(each.callback)
    parts = (*getattr(made, "targets", ()), getattr(made, "target", None))  # of `and_f` and `or_f`, and of `~`
    for part in parts:
        if isinstance(part, FilterObject):
            yield from _with_nested(part)
