"""An application whose contexts have sessions."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeAlias, TypeVar

from telegram import Bot
from telegram.ext import Application, CallbackContext, Job, JobQueue

from typed_sessions.integrations.telegram.installation import Installation, finish, installation_of
from typed_sessions.integrations.telegram.occasions import Occasion
from typed_sessions.integrations.telegram.scopes import Scope, Scoped, current_scope, entered, in_scope
from typed_sessions.integrations.telegram.verifying import verify

BT = TypeVar("BT", bound=Bot)
CCT = TypeVar("CCT", bound="CallbackContext[Any, Any, Any, Any]")
UD = TypeVar("UD")
CD = TypeVar("CD")
BD = TypeVar("BD")
JQ = TypeVar("JQ", bound="JobQueue[Any] | None")
T = TypeVar("T")

Running: TypeAlias = "Generator[asyncio.Future[object], None, T] | Awaitable[T]"

NON_BLOCKING = ("process_update_non_blocking", "non_blocking_cb")
"""In the names that python-telegram-bot gives to the tasks of handlers with `block=False`."""


class SessionApplication(Application[BT, CCT, UD, CD, BD, JQ]):
    """An application for a `SessionContext`, which must be given its sessions by `install`.

    It verifies the callbacks when it is initialised, and waits for those that hold sessions when it is stopped or shut
    down, however that is done.
    """

    __slots__ = ()

    @property
    def _installation(self) -> Installation:
        return installation_of(self)

    async def initialize(self) -> None:
        """As `Application`. Raises `SessionDefinitionError` as `verify`."""
        verify(self)
        await super().initialize()

    async def stop(self) -> None:
        """As `Application`, and wait for callbacks that hold sessions."""
        await super().stop()
        await finish(self)

    async def shutdown(self) -> None:
        """As `Application`, after those that hold sessions: they may still need the bot."""
        await finish(self)
        await super().shutdown()

    async def process_update(self, update: object) -> None:
        """As `Application`, with the sessions of the update. If they cannot be saved, error callbacks are told."""
        scope = Scope(self._installation, update)
        with self._installation.in_flight.running(), entered(scope):
            if not await self._follow_group(update):
                return
            async with scope:
                await super().process_update(update)
                try:
                    await scope.end()
                except Exception as error:  # noqa: BLE001 # whatever a store raises
                    await self.process_error(update, error)

    async def _follow_group(self, update: object) -> bool:
        """Whether to go on with the update."""
        try:
            await self._installation.follow_group(update, self.bot.id)
        except Exception as error:  # noqa: BLE001 # whatever a store raises
            return not await self.process_error(update, error)
        return True

    async def process_error(
        self,
        update: object | None,
        error: Exception,
        job: "Job[CCT] | None" = None,
        coroutine: "Running[Any] | None" = None,
    ) -> bool:
        """As `Application`. While an update is handled, it saves nothing of what was changed up to then."""
        scope = self._scope_of(update)
        context = scope.context if scope else None
        if scope is None or context is None:
            return await super().process_error(update, error, job, coroutine)
        await scope.abandon()
        is_enough = await super().process_error(update, error, job, coroutine)
        if not is_enough:
            await scope.begin(context)
        return is_enough

    def create_task(
        self, coroutine: "Running[T]", update: object | None = None, *, name: str | None = None
    ) -> "asyncio.Task[T]":
        """As `Application`, with sessions of its own for a handler with `block=False`."""
        scope = self._scope_of(update)
        context = scope.context if scope else None
        if context is None or not any(mark in (name or "") for mark in NON_BLOCKING):
            return super().create_task(coroutine, update, name=name)
        handler: Any = coroutine
        apart: Any = in_scope(self._installation, Occasion(update, context), handler)
        return super().create_task(apart, update, name=name)

    def add_error_handler(
        self,
        callback: "Callable[[object, CCT], Coroutine[Any, Any, None]]",
        *args: Any,  # noqa: ANN401 # as Application has them
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """As `Application`, with sessions of its own."""
        scoped: Any = Scoped(callback)
        super().add_error_handler(scoped, *args, **kwargs)

    def _scope_of(self, update: object) -> Scope | None:
        """The scope of the update, if this task is the one that handles it."""
        scope = current_scope()
        is_meant = scope is not None and scope.is_running_here and scope.update is update and not scope.is_over
        return scope if is_meant else None
