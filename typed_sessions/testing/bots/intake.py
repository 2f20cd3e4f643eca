"""How a bot gets its updates: it asks for them, or they are posted to its webhook."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from typed_sessions.history import JsonObject
from typed_sessions.testing.bots.calls import RefusedError
from typed_sessions.testing.bots.changes import Changes
from typed_sessions.testing.bots.pending import Pending
from typed_sessions.testing.bots.people import given
from typed_sessions.testing.bots.webhook import Execute, Hook, Webhook

POSTING = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
SECOND = "terminated by other getUpdates request; make sure that only one bot instance is running"

Method = Callable[[JsonObject], Awaitable[Any]]


class GetUpdates(BaseModel, frozen=True):
    """The arguments of getUpdates. `timeout` is in seconds; `allowed_updates` are ignored."""

    offset: int = 0
    limit: int = Field(default=100, ge=1, le=100)
    timeout: int = Field(default=0, ge=0)


class SetWebhook(BaseModel, frozen=True):
    """The arguments of setWebhook and deleteWebhook; unlike Telegram's, the URL may be one of `http`."""

    url: str = ""
    secret_token: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,256}$")
    max_connections: int = Field(default=40, ge=1, le=100)
    drop_pending_updates: bool = False

    @property
    def hook(self) -> Hook | None:
        return Hook([self.url], self.secret_token, self.max_connections) if self.url else None


class Intake:
    """Updates on their way to the bot, and the methods of the Bot API that concern them."""

    def __init__(self, execute: Execute, changes: Changes, *, pauses: Sequence[float]) -> None:
        self.pending = Pending()
        self.polls = 0
        self.webhook = Webhook(self.pending, execute, changes, pauses=pauses)
        self._changes = changes
        self.by_name: Mapping[str, Method] = {
            "getUpdates": self._get_updates,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._set_webhook,
            "getWebhookInfo": self._get_webhook_info,
        }

    def add(self, update: JsonObject) -> None:
        self.pending.add(update)
        self.webhook.wake()

    async def _get_updates(self, arguments: JsonObject) -> Any:  # noqa: ANN401 # a result of the Bot API
        wanted = GetUpdates.model_validate(arguments)
        if self.webhook.hook:
            raise RefusedError(f"Conflict: {POSTING}", code=409)
        self.polls += 1
        self.pending.confirm_before(wanted.offset)
        await self._changes.notify()
        await self._wait(wanted.timeout, self.polls)
        return self.pending.updates(wanted.limit)

    async def _wait(self, timeout: float, poll: int) -> None:  # noqa: ASYNC109 # Telegram's own word
        try:
            async with asyncio.timeout(timeout):
                await self._changes.until(lambda: len(self.pending) > 0 or self.polls > poll)
        except TimeoutError:
            return
        if self.polls > poll:
            raise RefusedError(f"Conflict: {SECOND}", code=409)

    async def _set_webhook(self, arguments: JsonObject) -> Any:  # noqa: ANN401 # a result of the Bot API
        asked = SetWebhook.model_validate(arguments)
        if asked.drop_pending_updates:
            self.pending.drop()
        self.webhook.set(asked.hook)
        return True

    async def _get_webhook_info(self, _: JsonObject) -> Any:  # noqa: ANN401 # a result of the Bot API
        hook = self.webhook.hook
        info = {"url": hook.urls[0] if hook else "", "has_custom_certificate": False}
        connections = {"max_connections": hook.max_connections if hook else None}
        return {
            **info,
            "pending_update_count": len(self.pending),
            **given({**connections, "last_error_message": self.webhook.last_error}),
        }
