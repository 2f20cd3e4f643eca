"""The sessions of `context.session`: lent for the time of one update, job, or error callback."""

import asyncio
from collections.abc import Awaitable, Generator
from contextlib import AsyncExitStack, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self

from telegram.ext import ApplicationHandlerStop

from typed_sessions.errors import MissingKeyError, SessionClosedError, SessionDefinitionError
from typed_sessions.integrations.lending import turns
from typed_sessions.integrations.parameters import Function
from typed_sessions.integrations.telegram.injection import finished
from typed_sessions.integrations.telegram.installation import AnyBinding, Installation, installation_of
from typed_sessions.integrations.telegram.occasions import AnyContext, Occasion, place_of
from typed_sessions.session import AnySession

OVER = (
    "is used where no update or job of this context is handled: it is over, or no SessionApplication had it; "
    "open the session with `sessions.open`"
)


class Scope:
    """The sessions that the context class names, read when the context is ready and saved together at the end.

    What keeps a session from being opened is kept for those who ask for it, so that all others go on without.
    """

    context: AnyContext | None = None
    is_over = False
    _turn: AsyncExitStack | None = None
    _failure: Exception | None = None

    def __init__(self, installation: Installation, update: object) -> None:
        self.update = update
        self._installation = installation
        self._task = asyncio.current_task()
        self._sessions: dict[AnyBinding, AnySession] = {}
        self._missing: dict[AnyBinding, MissingKeyError] = {}
        self._deleted: set[AnyBinding] = set()

    @property
    def is_running_here(self) -> bool:
        """Whether the running task is the one whose end is the end of the scope."""
        return self._task is asyncio.current_task()

    def serves(self, context: AnyContext) -> bool:
        """Whether the sessions are those of this context. A conversation that timed out has that of its last update."""
        last = getattr(self.context.job.data, "callback_context", None) if self.context and self.context.job else None
        return context is self.context or context is last

    async def begin(self, context: AnyContext) -> None:
        """Read what the context class names."""
        self.context = context
        bindings: tuple[AnyBinding, ...] = getattr(type(context), "session_bindings", ())
        try:
            await self._find(bindings, Occasion(self.update, context))
            if self._sessions:
                async with AsyncExitStack() as stack:
                    for turn in turns(self._sessions.values()):
                        await stack.enter_async_context(turn)
                    self._turn = stack.pop_all()
        except Exception as failure:  # noqa: BLE001 # whatever a store or a key function raises
            self._failure = failure

    async def _find(self, bindings: tuple[AnyBinding, ...], occasion: Occasion) -> None:
        place = place_of(occasion)
        for binding in bindings:
            problem = self._installation.problem(binding)
            if problem:
                raise SessionDefinitionError(f"{type(occasion.context).__qualname__}: {problem}")
            try:
                self._sessions[binding] = await binding.session(self._installation.sessions, place)
            except MissingKeyError as missing:
                optional = "or use inject with `Cart | None`"
                self._missing[binding] = MissingKeyError(missing.reason, first=missing.first, optional=optional)

    def session(self, binding: AnyBinding) -> AnySession:
        """The session of a binding.

        Raises:
            MissingKeyError: the event has none.
            SessionClosedError: it was deleted, or is not open.
            Exception: what kept it from being opened.
        """
        if self.is_over:
            raise SessionClosedError(None, OVER)
        failure = self._missing.get(binding, self._failure)
        if failure is not None:
            raise failure
        if binding not in self._sessions:
            raise SessionClosedError(None, "is not open here; name it in the class of this context")
        session = self._sessions[binding]
        if binding in self._deleted:
            raise SessionClosedError(session.key, "was deleted by `del`; assign a new one to go on")
        return session

    def replace(self, binding: AnyBinding, data: Any) -> None:  # noqa: ANN401 # of the binding's model
        """Save other data instead."""
        self._deleted.discard(binding)
        self.session(binding).data = data

    def delete(self, binding: AnyBinding) -> None:
        """Delete the session at the end."""
        self.session(binding).lease.readable()
        self._deleted.add(binding)

    async def abandon(self) -> None:
        """Save nothing of what was changed so far. It may begin again."""
        await self._leave(RuntimeError("not to be saved"))
        self.context = self._failure = None
        self._missing.clear()
        self._deleted.clear()

    async def end(self) -> None:
        """Save what was changed, and delete what was deleted, in the same transaction.

        Raises:
            as `Session`, when it is left.
        """
        if self.is_over:
            return
        self.is_over = True
        for binding in self._deleted:
            self._sessions[binding].lease.opened.must_be_deleted = True
        await self._leave(None)

    async def _leave(self, error: BaseException | None) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            await turn.__aexit__(type(error) if error else None, error, None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await (self.end() if error is None else self._leave(error))


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current_scope() -> Scope | None:
    """That of the running task, or of the one that made it; then it may be over."""
    return _current.get()


@contextmanager
def entered(scope: Scope) -> Generator[None]:
    """Let it be the current scope."""
    token = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)


class Scoped:
    """A callback that has a scope of its own. It equals the callback, and so can be removed by it."""

    def __init__(self, callback: Function) -> None:
        self.__wrapped__ = callback

    async def __call__(self, *arguments: Any) -> object:  # noqa: ANN401 # (update, context), or (context) for a job
        context: AnyContext = arguments[-1]
        occasion = Occasion(arguments[0] if len(arguments) > 1 else None, context)
        installation = installation_of(occasion.application, asked_by=type(context).__qualname__)
        return await in_scope(installation, occasion, self.__wrapped__(*arguments))

    def __eq__(self, other: object) -> bool:
        return self.__wrapped__ == (other.__wrapped__ if isinstance(other, Scoped) else other)

    def __hash__(self) -> int:
        return hash(self.__wrapped__)


async def in_scope(installation: Installation, occasion: Occasion, running: Awaitable[object]) -> object:
    """Await a callback that has a scope of its own."""
    scope = Scope(installation, occasion.update)
    with installation.in_flight.running(), entered(scope):
        async with scope:
            await scope.begin(occasion.context)
            outcome = await finished(running)
    if isinstance(outcome, ApplicationHandlerStop):
        raise outcome
    return outcome
