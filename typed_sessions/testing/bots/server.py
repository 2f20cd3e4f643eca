"""A Bot API server on loopback, with as much of Telegram as conversations take."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from pydantic import ValidationError

from typed_sessions.clock import Clock, utc_now
from typed_sessions.history import JsonObject
from typed_sessions.testing.bots.arguments import arguments_of
from typed_sessions.testing.bots.calls import Answer, Call, RefusedError, bad_request
from typed_sessions.testing.bots.changes import Changes
from typed_sessions.testing.bots.chats import Chats
from typed_sessions.testing.bots.intake import Intake
from typed_sessions.testing.bots.methods import Methods
from typed_sessions.testing.bots.people import Chat, Person
from typed_sessions.testing.bots.recording import Recorder, UpdateLike, update_of
from typed_sessions.testing.bots.updates import BOT, Updates
from typed_sessions.testing.bots.webhook import PAUSES, Hook

Settle = Callable[[int], Awaitable[None]]
"""Waits until the bot is done with the update that has this id."""


class BotApi:
    """Telegram for one bot: hands it the updates that are delivered, and keeps what it does.

        async with BotApi() as api, polled(dispatcher, api):
            await api.deliver(api.updates.message(ada, "/cart"))
            await api.until(lambda: len(api.answers) == 1)

    - `updates` makes updates, with numbers that fit; `Conversation` does so by itself.
    - `answers` is what people see of what the bot did, with texts as it sent them, whatever the `parse_mode`.
    - `calls` is every method that it called; getUpdates stands there only if it was refused.
    - `confirmed` holds the ids of the updates that the bot took; `polls` counts its calls of getUpdates.
    - `results` gives methods that this server does not know a result: `api.results["getFile"] = {…}`.

    Two bots take two servers. With `record_to`, each update that is delivered is appended to that file.
    An update that a webhook does not take is posted again after each of `pauses`, in seconds.
    """

    def __init__(
        self,
        bot: Person = BOT,
        *,
        clock: Clock = utc_now,
        record_to: Path | str | None = None,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self.bot = bot
        self.token = f"{bot.id}:loopback"
        self.updates = Updates(clock=clock, bot=bot)
        self.answers: list[Answer] = []
        self.calls: list[Call] = []
        self.results: dict[str, Any] = {}
        self.chats = Chats(bot)
        self._changes = Changes()
        self._intake = Intake(self._execute, self._changes, pauses=pauses)
        self._methods = Methods(self.chats, self.updates)
        self._refusals: defaultdict[str, list[RefusedError]] = defaultdict(list)
        self._settle: Settle | None = None
        self._recorder = Recorder(record_to) if record_to else None
        application = web.Application(client_max_size=64 * 1024**2)
        application.router.add_route("*", "/bot{token}/{method}", self._serve)
        self._runner = web.AppRunner(application, handler_cancellation=True, access_log=None)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._intake.webhook.close()
        finally:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where the server listens: `TelegramAPIServer.from_base(api.url)`, `.base_url(f"{api.url}/bot")`."""
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    @property
    def confirmed(self) -> Sequence[int]:
        return self._intake.pending.confirmed

    @property
    def polls(self) -> int:
        return self._intake.polls

    def open(self, chat: Chat, person: Person | None = None) -> None:
        """Let the bot write first in a chat that nobody has written in yet."""
        self.chats.open(chat, person)

    async def deliver(self, *updates: UpdateLike) -> None:
        """Give the bot these updates, as JSON text or objects, all at once.

        Raises:
            ValueError: one is no update.
        """
        for update in [update_of(update) for update in updates]:
            self._accept(update)
        await self._changes.notify()

    def _accept(self, update: JsonObject) -> None:
        if self._recorder:
            self._recorder.write(update)
        self.chats.learn(update)
        self.updates.seen(update_id=update["update_id"], message_id=self.chats.last_message_id)
        self._intake.add(update)

    @contextmanager
    def handled_by(self, settle: Settle) -> Generator[None]:
        """Whoever runs the bot says for the length of a block how to wait until it is done with an update."""
        self._settle = settle
        try:
            yield
        finally:
            self._settle = None

    async def until_handled(self, update_id: int) -> None:
        """Wait until the bot took an update and is done with it, as far as whoever runs the bot can tell."""
        await self.until(lambda: update_id in self.confirmed)
        if self._settle:
            await self._settle(update_id)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of what the bot did. It is looked at after each call of the bot."""
        await self._changes.until(holds)

    def post_to(self, *urls: str, secret_token: str | None = None, max_connections: int = 40) -> None:
        """Post updates to these URLs in turn, as if a bot of several processes had called setWebhook."""
        self._intake.webhook.set(Hook(urls, secret_token, max_connections))

    def refuse_next(self, method: str, description: str, *, code: int = 400, **parameters: object) -> None:
        """Refuse the next call of a method that is not refused already, with an error of the Bot API.

        api.refuse_next("sendMessage", "Too Many Requests: retry after 5", code=429, retry_after=5)
        """
        self._refusals[method].append(RefusedError(description, code=code, parameters=parameters))

    async def _serve(self, request: web.Request) -> web.Response:
        response = await self._response(request)
        # Sent before anybody hears of it, so that nobody stops a bot that still waits for the response.
        await response.prepare(request)
        await response.write_eof()
        await self._changes.notify()
        return response

    async def _response(self, request: web.Request) -> web.Response:
        try:
            method = self._known(request.match_info["method"], token=request.match_info["token"])
            result = await self._result(Call(method=method, arguments=await arguments_of(request)))
        except RefusedError as error:
            return web.json_response(error.json, status=error.code)
        return web.json_response({"ok": True, "result": result})

    def _known(self, name: str, *, token: str) -> str:
        """The name of a method as the Bot API spells it. Raises RefusedError if bot or method are not known here."""
        if token != self.token:
            raise RefusedError("Unauthorized", code=401)
        names = [*self.results, *self._intake.by_name, *self._methods.by_name]
        for known in names:
            if known.lower() == name.lower():
                return known
        known = ", ".join(sorted(names))
        raise RefusedError(f"Not Found: no method {name} here, only {known}; api.results can have more", code=404)

    async def _result(self, call: Call) -> Any:  # noqa: ANN401 # a result of the Bot API
        try:
            result, answer = await self._done(call)
        except (RefusedError, ValidationError) as error:
            refusal = refusal_of(error)
            self.calls.append(call.model_copy(update={"refusal": refusal.description}))
            raise refusal from error
        if call.method != "getUpdates":
            self.calls.append(call)
        if answer:
            self.answers.append(answer)
        return result

    async def _done(self, call: Call) -> tuple[Any, Answer | None]:
        if refusals := self._refusals[call.method]:
            raise refusals.pop(0)
        if call.method in self.results:
            return self.results[call.method], None
        if call.method in self._intake.by_name:
            return await self._intake.by_name[call.method](call.arguments), None
        return self._methods.by_name[call.method](call)

    async def _execute(self, call: Call) -> None:
        """Do what a bot asks for in the response to a webhook; it does not hear of the result."""
        with suppress(RefusedError):
            await self._result(call.model_copy(update={"method": self._known(call.method, token=self.token)}))


def refusal_of(error: RefusedError | ValidationError) -> RefusedError:
    if isinstance(error, RefusedError):
        return error
    return bad_request("; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()))
