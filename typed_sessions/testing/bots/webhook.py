"""Updates posted to a bot, as Telegram does for webhooks."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from itertools import cycle

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from typed_sessions.history import JsonObject
from typed_sessions.testing.bots.arguments import call_in
from typed_sessions.testing.bots.calls import Call
from typed_sessions.testing.bots.changes import Changes
from typed_sessions.testing.bots.pending import Pending

SECRET = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 # the name of the header
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
TIMEOUT = 60.0

Execute = Callable[[Call], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Hook:
    """Where updates are posted to: to each URL in turn, and to so many at once."""

    urls: Sequence[str]
    secret_token: str | None = None
    max_connections: int = 40

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.secret_token is None else {SECRET: self.secret_token}


@dataclass(slots=True)
class Posting:
    """A hook in use: whose turn it is, and which updates are on their way or were given up."""

    hook: Hook
    turns: "cycle[str]" = field(init=False)
    slots: asyncio.Semaphore = field(init=False)
    begun: set[int] = field(default_factory=set[int])

    def __post_init__(self) -> None:
        self.turns = cycle(self.hook.urls)
        self.slots = asyncio.Semaphore(self.hook.max_connections)


class Webhook:
    """Posts what is pending for as long as a hook is set.

    An update that is not taken, by a status of 2xx, is posted again after each of `pauses`, in seconds, and then
    given up: it stays pending until a hook is set anew.
    """

    def __init__(
        self, pending: Pending, execute: Execute, changes: Changes, *, pauses: Sequence[float] = PAUSES
    ) -> None:
        self.last_error: str | None = None
        self._pending = pending
        self._execute = execute
        self._changes = changes
        self._pauses = pauses
        self._posting: Posting | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: ClientSession | None = None

    @property
    def hook(self) -> Hook | None:
        return self._posting.hook if self._posting else None

    def set(self, hook: Hook | None) -> None:
        """Post there from now on; to None, nowhere. What is on its way arrives."""
        self.last_error = None
        self._posting = Posting(hook) if hook else None
        self.wake()

    def wake(self) -> None:
        """Begin with the updates that are new."""
        if self._posting is None:
            return
        for update in self._pending.updates():
            if update["update_id"] not in self._posting.begun:
                self._posting.begun.add(update["update_id"])
                self._start(self._post_until_taken(update, self._posting))

    def _start(self, work: Coroutine[object, object, None]) -> None:
        # Those that ended well are let go of; a failure is kept, for close to raise.
        self._tasks = {task for task in self._tasks if not task.done() or task.exception()}
        self._tasks.add(asyncio.create_task(work))

    async def _post_until_taken(self, update: JsonObject, posting: Posting) -> None:
        for pause in [*self._pauses, None]:
            async with posting.slots:
                if self._posting is not posting:
                    return
                if await self._post(update, posting):
                    return
            await self._changes.notify()
            if pause is not None:
                await asyncio.sleep(pause)

    async def _post(self, update: JsonObject, posting: Posting) -> bool:
        """Whether the bot took it."""
        try:
            call = await self._taken(update, posting)
        except (ClientError, TimeoutError) as error:
            self.last_error = str(error) or type(error).__name__
            return False
        self._pending.confirm([update["update_id"]])
        if call:
            await self._execute(call)
        await self._changes.notify()
        return True

    async def _taken(self, update: JsonObject, posting: Posting) -> Call | None:
        """The call that the bot answers with. Raises ClientError and TimeoutError if it did not take the update."""
        url, headers = next(posting.turns), posting.hook.headers
        async with self._session().post(url, json=update, headers=headers, raise_for_status=True) as response:
            return await call_in(response)

    def _session(self) -> ClientSession:
        if self._client is None:
            self._client = ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(total=TIMEOUT))
        return self._client

    async def close(self) -> None:
        """Stop posting, and break off what is on its way."""
        self._posting = None
        for task in self._tasks:
            task.cancel()
        try:
            ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            if self._client:
                await self._client.close()
        for error in ended:
            if isinstance(error, Exception):
                raise error
