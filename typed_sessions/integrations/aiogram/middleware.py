"""The middleware."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Self, TypeAlias, overload

from aiogram import BaseMiddleware, Bot, Dispatcher, Router
from aiogram.dispatcher.event.bases import MiddlewareType
from aiogram.dispatcher.event.handler import CallableObject, HandlerObject
from aiogram.dispatcher.event.telegram import TelegramEventObserver
from aiogram.dispatcher.middlewares.data import MiddlewareData
from aiogram.dispatcher.middlewares.manager import MiddlewareManager
from aiogram.fsm.scene import Scene, ScenesManager
from aiogram.types import ErrorEvent, TelegramObject, Update

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.aiogram.askers import Asker, handler_asker
from typed_sessions.integrations.aiogram.binding import SessionBinding
from typed_sessions.integrations.aiogram.fsm import TypedStorage
from typed_sessions.integrations.aiogram.groups import migrate
from typed_sessions.integrations.aiogram.lender import SLOT, Data, Lender, Slot, refuse
from typed_sessions.integrations.aiogram.places import KeyFunction, OwnerFunction
from typed_sessions.integrations.aiogram.prepared import prepare, prepare_scene, root_filters
from typed_sessions.integrations.aiogram.routes import askers_of, scene_of, scenes_in, scenes_of
from typed_sessions.integrations.binding import Bindings, refuse_other_sessions
from typed_sessions.integrations.groups import migration_in
from typed_sessions.integrations.in_flight import SHUTDOWN_TIMEOUT, InFlight
from typed_sessions.integrations.places import per_chat
from typed_sessions.model import SessionModel
from typed_sessions.sessions import Sessions

Handler: TypeAlias = Callable[[TelegramObject, Data], Awaitable[Any]]

BY_HAND = (
    "the SessionMiddleware was registered as a middleware, which alone does not do; "
    "call middleware.setup(dispatcher) instead, which registers all that it needs"
)


class SessionMiddleware(BaseMiddleware):
    """Gives handlers the sessions that their parameters are annotated with, whatever the parameters are called.

    - `Cart`: the data. It is saved when the handler returns, if it changed.
    - `Session[Cart]`: the opened session: its `data`, `delete`, `save`, …
    - `Cart | None`: the data, or None if there is no such session. None is made.
    - `Awaitable[Cart]`: the data, read when it is first awaited, and not at all if it is not.

    The sessions of one handler are opened together and saved in one transaction when it returns (a lazy one by itself,
    before); if it raises (`SkipHandler` and `CancelHandler` too), nothing is saved. Nothing is read for a handler that
    asks for none. The actions of scenes get the same, and share the turn of the handler that they are called from.
    Filters get `Cart` and `Cart | None`, for reading.

    `setup` registers it with a dispatcher; registered in another way it raises `SessionDefinitionError`.

    Args:
        sessions: where the sessions come from.
        shutdown_timeout: seconds that the bot waits at shutdown for handlers that still hold sessions.
        migrate_groups: move the sessions of a group along when it becomes a supergroup.

    Raises:
        SessionDefinitionError: `sessions` is something else.
    """

    def __init__(
        self, sessions: Sessions, *, shutdown_timeout: float = SHUTDOWN_TIMEOUT, migrate_groups: bool = True
    ) -> None:
        refuse_other_sessions(sessions, type(self).__name__)
        self._sessions = sessions
        self._is_set_up = False
        self._migrate_groups = migrate_groups
        self._bindings: Bindings[MiddlewareData] = Bindings()
        self._in_flight = InFlight(shutdown_timeout)
        self._lender = Lender(sessions, self._bindings, self._in_flight)
        # By the identity of the handler, which has no hash; kept with it, so that no other takes its identity.
        self._askers: dict[int, tuple[HandlerObject, Asker]] = {}
        self._prepared: dict[TelegramEventObserver, list[CallableObject]] = {}
        self._scenes: set[type[Scene]] = set()

    @overload
    def bind(self, binding: SessionBinding[Any], /) -> Self: ...
    @overload
    def bind(
        self, model: type[SessionModel], /, *, key: KeyFunction = per_chat, owner: OwnerFunction | None = None
    ) -> Self: ...
    def bind(
        self,
        bound: type[SessionModel] | SessionBinding[Any],
        /,
        *,
        key: KeyFunction = per_chat,
        owner: OwnerFunction | None = None,
    ) -> Self:
        """Let handlers ask for a session model, given as such or in a binding. Gives the middleware, for the next one.

        Args:
            bound: a `SessionBinding`, or a session model, to make one of with `key` and `owner`.
            key: as in `SessionBinding`.
            owner: as in `SessionBinding`.

        Raises:
            SessionDefinitionError: the model has no `session_config`, or it or its name is bound already.
        """
        binding = bound if isinstance(bound, SessionBinding) else SessionBinding(bound, key=key, owner=owner)
        self._bindings.add(binding)
        return self

    def setup(self, dispatcher: Dispatcher, /) -> None:
        """Serve all handlers of the dispatcher and of its routers, those too that are included later.

        The handlers are verified when the bot starts; when it stops, handlers that hold sessions are waited for.

        Raises:
            SessionDefinitionError: the dispatcher has a `SessionMiddleware` already, or it is no dispatcher.
        """
        if not isinstance(dispatcher, Dispatcher):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
            raise SessionDefinitionError(
                f"setup takes the dispatcher, not a {type(dispatcher).__name__}: call middleware.setup(dispatcher); "
                "it serves all of its routers"
            )
        if any(isinstance(each, SessionMiddleware) for each in dispatcher.message.middleware):
            raise SessionDefinitionError(
                "a SessionMiddleware is set up on this dispatcher already; bind all session models to that one"
            )
        self._is_set_up = True
        for kind, observer in dispatcher.observers.items():
            observer.middleware(self)
            if observer is not dispatcher.update:
                observer.outer_middleware(partial(self._prepare, dispatcher, kind))
        _put_first(dispatcher.update.outer_middleware, partial(self._begin, dispatcher))
        if self._migrate_groups:
            dispatcher.update.outer_middleware(partial(self._move_group, dispatcher))
        dispatcher.startup.register(partial(self._start, dispatcher))
        dispatcher.shutdown.register(self._finish)
        # First of all, because the others close what the handlers still need: the FSM's storage, the database.
        dispatcher.shutdown.handlers.insert(0, dispatcher.shutdown.handlers.pop())

    def verify(self, router: Router, /) -> None:
        """Check that every handler of the dispatcher or router, and of its routers, can get what it asks for.

        Filters, the actions of scenes, and callbacks of start and stop are checked too.

        Raises:
            SessionDefinitionError: some cannot; it names each handler, parameter, and what to do.
        """
        refuse(dict.fromkeys(line for asker in askers_of(router) for line in asker.problems(self._bindings)))

    async def __call__(self, handler: Handler, event: TelegramObject, data: Data) -> Any:  # noqa: ANN401 # aiogram's own signature
        """Run one handler with its sessions. For aiogram."""
        called: HandlerObject | None = data.get("handler")
        if called is None or not self._is_set_up:
            raise SessionDefinitionError(BY_HAND)
        asker, slot = self._asker(called), self._slot(event, data)
        scenes = data.get("scenes")
        if isinstance(scenes, ScenesManager):
            self._prepare_scenes(scenes_in(scenes.registry))
        if not self._lender.asked(asker):
            # The handler of an update is aiogram's own, which finds the user's. States in a TypedStorage are saved too.
            if event is not slot.update and not isinstance(data.get("fsm_storage"), TypedStorage):
                slot.need_not_be_waited_for()
            return await handler(event, data)
        async with self._lender.lending(asker, data, slot) as lent:
            # Not into `data` itself: a handler that is tried next must not find what this one had.
            return await handler(event, {**data, **lent})

    def _asker(self, handler: HandlerObject) -> Asker:
        """What the handler asks for. Its annotations are read once."""
        known = self._askers.get(id(handler))
        if known is None:
            known = self._askers[id(handler)] = handler, handler_asker(handler)
            self._prepare_scenes(filter(None, [scene_of(handler)]))
        return known[1]

    def _slot(self, event: TelegramObject, data: Data) -> Slot:
        slot: Slot | None = data.get(SLOT)
        if slot is None:  # the event was not fed to the dispatcher, but to a router
            update = event.update if isinstance(event, ErrorEvent) else data.get("event_update")
            slot = data[SLOT] = Slot(self._lender, update)
        return slot

    async def _begin(self, dispatcher: Dispatcher, handler: Handler, event: TelegramObject, data: Data) -> Any:  # noqa: ANN401 # aiogram's own signature
        """Give the update its slot, and count it as in flight until it turns out to need no session."""
        self._prepare_observer(dispatcher.update)
        slot = data[SLOT] = Slot(self._lender, event if isinstance(event, Update) else None)
        with slot.in_flight():
            return await handler(event, data)

    async def _prepare(
        self, dispatcher: Dispatcher, kind: str, handler: Handler, event: TelegramObject, data: Data
    ) -> Any:  # noqa: ANN401 # aiogram's own signature
        """Prepare the filters and handlers that were registered since the last update of the kind."""
        for router in dispatcher.chain_tail:
            observer = router.observers.get(kind)
            if observer is not None:
                self._prepare_observer(observer)
        return await handler(event, data)

    def _prepare_observer(self, observer: TelegramEventObserver) -> None:
        now: list[CallableObject] = [*root_filters(observer), *observer.handlers]
        if self._prepared.get(observer) != now:  # compares identities, so it is quick
            prepare(observer)
            self._prepared[observer] = now

    def _prepare_scenes(self, scenes: Iterable[type[Scene]]) -> None:
        for scene in scenes:
            if scene not in self._scenes:
                prepare_scene(scene)
                self._scenes.add(scene)

    async def _move_group(self, dispatcher: Dispatcher, handler: Handler, event: TelegramObject, data: Data) -> Any:  # noqa: ANN401 # aiogram's own signature
        """Move the sessions of a group that became a supergroup, before any handler sees the news."""
        message = event.message if isinstance(event, Update) else None
        migration = migration_in(message) if message is not None else None
        if migration is not None:
            bot: Bot = data["bot"]
            await migrate(migration, self._sessions, self._bindings, dispatcher.storage, bot.id)
        return await handler(event, data)

    async def _start(self, dispatcher: Dispatcher) -> None:
        self.verify(dispatcher)
        self._prepare_scenes(scenes_of(dispatcher))

    async def _finish(self) -> None:
        # An update that was taken just now begins first.
        await asyncio.sleep(0)
        await self._in_flight.wait()


def _put_first(manager: MiddlewareManager, middleware: MiddlewareType[TelegramObject]) -> None:
    """Register an outer middleware around all others, those of aiogram itself too."""
    others = list(manager)
    for each in others:
        manager.unregister(each)
    for each in (middleware, *others):
        manager.register(each)
