"""A Bot API server on loopback, with as much of Telegram as a conversation takes.

https://core.telegram.org/bots/api says what each method does.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self

from aiogram.types import CallbackQuery, Chat, InlineKeyboardMarkup, Message, ReplyParameters, Update
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, Json, JsonValue, ValidationError

from typed_sessions.clock import Clock, utc_now

TOKEN = "7009001:loopback"  # noqa: S105 # no secret: it opens this server only
BOT: dict[str, JsonValue] = {"id": 7009001, "is_bot": True, "first_name": "Pizza", "username": "typed_pizza_bot"}

Arguments = Mapping[str, str]
Method = Callable[[Arguments], Awaitable[JsonValue]]


class GetUpdates(BaseModel):
    """The arguments of getUpdates. `timeout` is in seconds."""

    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=100, ge=1, le=100)
    timeout: int = Field(default=0, ge=0)


class Sent(BaseModel):
    """A message as the bot sent it: the arguments of sendMessage."""

    model_config = ConfigDict(frozen=True)

    chat_id: int
    text: str = Field(min_length=1, max_length=4096)
    reply_parameters: Json[ReplyParameters] | None = None
    reply_markup: Json[InlineKeyboardMarkup] | None = None


class Tapped(BaseModel):
    """The bot's answer to a tapped button: the arguments of answerCallbackQuery."""

    model_config = ConfigDict(frozen=True)

    callback_query_id: str
    text: str = Field(default="", max_length=200)


class BadRequestError(Exception):
    """The server refuses the request; the bot gets the message."""


class BotApi:
    """Telegram for one bot: hands it the updates that were delivered, and keeps what it sends.

        async with BotApi() as api:
            await api.deliver(update_json)
            await api.until(lambda: len(api.answers) == 1)

    `answers` holds what the bot sent, in order; `confirmed` the ids of the updates that it will not ask for again.
    """

    def __init__(self, token: str = TOKEN, *, clock: Clock = utc_now) -> None:
        self.token = token
        self.answers: list[Sent | Tapped] = []
        self.confirmed: list[int] = []
        self.polls = 0
        self._clock = clock
        self._waiting: dict[int, JsonValue] = {}
        self._chats: dict[int, Chat] = {}
        self._last_message = 0
        self._queries: set[str] = set()
        self._changed = asyncio.Condition()
        self._methods: dict[str, Method] = {
            "getMe": self._get_me,
            "deleteWebhook": self._delete_webhook,
            "getUpdates": self._get_updates,
            "sendMessage": self._send_message,
            "answerCallbackQuery": self._answer_callback_query,
        }
        application = web.Application()
        application.router.add_route("*", "/bot{token}/{method}", self._serve)
        self._runner = web.AppRunner(application, handler_cancellation=True, access_log=None)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where the server listens, for `TelegramAPIServer.from_base`."""
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def deliver(self, *updates: str) -> None:
        """Give the bot these updates, each a JSON object, all with its next getUpdates."""
        for text in updates:
            self._accept(Update.model_validate_json(text), json.loads(text))
        await self._notify()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of what the bot did."""
        async with self._changed:
            await self._changed.wait_for(holds)

    def _accept(self, update: Update, content: JsonValue) -> None:
        self._waiting[update.update_id] = content
        if isinstance(update.event, CallbackQuery):
            self._queries.add(update.event.id)
        if isinstance(update.event, Message):
            self._chats[update.event.chat.id] = update.event.chat
            self._last_message = max(self._last_message, update.event.message_id)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _serve(self, request: web.Request) -> web.Response:
        response = await self._response(request)
        # Sent before anybody hears of it, so that nobody stops a bot that still waits for the response.
        await response.prepare(request)
        await response.write_eof()
        await self._notify()
        return response

    async def _response(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self.token:
            return refusal(401, "Unauthorized")
        name = request.match_info["method"]
        methods = {known.lower(): method for known, method in self._methods.items()}
        if name.lower() not in methods:
            return refusal(404, f"Not Found: no method {name} here, only {', '.join(self._methods)}")
        try:
            result = await methods[name.lower()](await arguments(request))
        except (BadRequestError, ValidationError) as error:
            return refusal(400, f"Bad Request: {reason(error)}")
        return web.json_response({"ok": True, "result": result})

    async def _get_me(self, _: Arguments) -> JsonValue:
        return {**BOT, "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    async def _delete_webhook(self, _: Arguments) -> JsonValue:
        return True

    async def _get_updates(self, arguments: Arguments) -> JsonValue:
        wanted = GetUpdates.model_validate(arguments)
        self.polls += 1
        self._confirm(wanted.offset)
        await self._notify()
        await self._wait_for_updates(wanted.timeout)
        return [self._waiting[number] for number in sorted(self._waiting)[: wanted.limit]]

    def _confirm(self, offset: int) -> None:
        done = sorted(number for number in self._waiting if number < offset)
        self.confirmed += done
        for number in done:
            del self._waiting[number]

    async def _wait_for_updates(self, timeout: float) -> None:  # noqa: ASYNC109 # Telegram's own word
        try:
            async with asyncio.timeout(timeout):
                await self.until(lambda: bool(self._waiting))
        except TimeoutError:
            return

    async def _send_message(self, arguments: Arguments) -> JsonValue:
        sent = Sent.model_validate(arguments)
        chat = self._chats.get(sent.chat_id)
        if chat is None:
            raise BadRequestError("chat not found")
        self.answers.append(sent)
        self._last_message += 1
        return {
            "message_id": self._last_message,
            "from": BOT,
            "chat": chat.model_dump(mode="json", exclude_none=True),
            "date": int(self._clock().timestamp()),
            "text": sent.text,
        }

    async def _answer_callback_query(self, arguments: Arguments) -> JsonValue:
        tapped = Tapped.model_validate(arguments)
        if tapped.callback_query_id not in self._queries:
            raise BadRequestError("query is too old and response timeout expired or query ID is invalid")
        self._queries.remove(tapped.callback_query_id)
        self.answers.append(tapped)
        return True


async def arguments(request: web.Request) -> Arguments:
    """The arguments of a method, from the query and the form."""
    form = await request.post()
    return {**request.query, **{name: value for name, value in form.items() if isinstance(value, str)}}


def reason(error: BadRequestError | ValidationError) -> str:
    if isinstance(error, BadRequestError):
        return str(error)
    return "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors())


def refusal(code: int, description: str) -> web.Response:
    return web.json_response({"ok": False, "error_code": code, "description": description}, status=code)
