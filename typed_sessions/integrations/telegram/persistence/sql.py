"""The persistence class of python-telegram-bot on our store."""

import asyncio
import logging
import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Generic, TypeAlias, cast

from telegram import Update
from telegram.ext import (
    Application,
    BasePersistence,
    CallbackContext,
    ContextTypes,
    ExtBot,
    MessageHandler,
    PersistenceInput,
    filters,
)
from typing_extensions import TypeVar

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.binding import refuse_other_models, refuse_other_sessions
from typed_sessions.integrations.groups import migration_in
from typed_sessions.integrations.telegram.persistence.callbacks import CallbackData, CallbackRows
from typed_sessions.integrations.telegram.persistence.conversations import ConversationKey, ConversationRows, States
from typed_sessions.integrations.telegram.persistence.forms import (
    OTHERWISE_BUTTON,
    DictForm,
    ModelForm,
    PlainDict,
    RefreshedForm,
)
from typed_sessions.integrations.telegram.persistence.models import BotDict, ChatDict, UserDict
from typed_sessions.integrations.telegram.persistence.rows import Rows, Writing
from typed_sessions.integrations.telegram.persistence.spots import Spot, Wanted
from typed_sessions.integrations.telegram.persistence.values import DeclaredValues, PlainValues, Values
from typed_sessions.key import SessionKey
from typed_sessions.model import SessionModel
from typed_sessions.sessions import Sessions

UD = TypeVar("UD", bound=SessionModel | PlainDict, default=PlainDict)
CD = TypeVar("CD", bound=SessionModel | PlainDict, default=PlainDict)
BD = TypeVar("BD", bound=SessionModel | PlainDict, default=PlainDict)

L = TypeVar("L")

AnyApplication: TypeAlias = Application[Any, Any, Any, Any, Any, Any]

logger = logging.getLogger("typed_sessions")

UPDATE_INTERVAL = 60.0

_NUMBER = re.compile(r"-?[1-9][0-9]*\Z")


class SQLPersistence(BasePersistence[UD, CD, BD], Generic[UD, CD, BD]):
    """Keeps the data and conversations of a python-telegram-bot application in the store of `sessions`.

    The types of the data are session models, whose fields have defaults; a type that is left out is a plain dict of
    what JSON can keep. Build the application with `.context_types(persistence.context_types)`.

    A write names what this process read last. What others saved meanwhile is merged by top-level field, and is
    brought into the live objects before each update. What cannot be written stays pending: the error goes to the
    error handlers, and the next write tries again. A change that conflicts with another process's is given up when
    it has been reported.

    Args:
        sessions: where to keep it.
        user_data: the model of `context.user_data`; its sessions belong to the user.
        chat_data: the model of `context.chat_data`; those of private chats belong to the user.
        bot_data: the model of `context.bot_data`.
        states: the types of the states of conversations, such as enums, by the names of their handlers. States
            without a type are what JSON has itself.
        callback_data: the type of arbitrary callback data; without it, what JSON has itself.
        store_data: as in every persistence of python-telegram-bot.
        update_interval: seconds between two writes; as in every persistence of python-telegram-bot.

    Raises:
        SessionDefinitionError: a model needs arguments, two have the same name, or an argument is something else.
    """

    __slots__ = ("_bots", "_callbacks", "_chats", "_conversations", "_migrating", "_rows", "_users")

    def __init__(
        self,
        sessions: Sessions,
        *,
        user_data: type[UD] | None = None,
        chat_data: type[CD] | None = None,
        bot_data: type[BD] | None = None,
        states: Mapping[str, object] = {},
        callback_data: object = None,
        store_data: PersistenceInput | None = None,
        update_interval: float = UPDATE_INTERVAL,
    ) -> None:
        refuse_other_sessions(sessions, "SQLPersistence(sessions, …)")
        super().__init__(store_data=store_data, update_interval=update_interval)
        self._users: RefreshedForm[UD] = form_of(user_data, UserDict)
        self._chats: RefreshedForm[CD] = form_of(chat_data, ChatDict)
        self._bots: RefreshedForm[BD] = form_of(bot_data, BotDict)
        names = [form.model.session_config.name for form in (self._users, self._chats, self._bots)]
        if len(set(names)) < len(names):
            raise SessionDefinitionError(
                f"user_data, chat_data and bot_data are stored as {', '.join(names)}; give each a name of its own"
            )
        self._rows = Rows(sessions)
        self._conversations = ConversationRows(self._rows, states)
        self._migrating = asyncio.Lock()
        buttons: Values = PlainValues(OTHERWISE_BUTTON) if callback_data is None else DeclaredValues(callback_data)
        self._callbacks = CallbackRows(self._rows, buttons)

    @property
    def context_types(self) -> ContextTypes[CallbackContext[ExtBot[Any], UD, CD, BD], UD, CD, BD]:
        """The types to build the application with: `.context_types(persistence.context_types)`."""
        return ContextTypes(user_data=self._users.live, chat_data=self._chats.live, bot_data=self._bots.live)

    async def get_user_data(self) -> dict[int, UD]:
        return await self._by_number(self._users)

    async def get_chat_data(self) -> dict[int, CD]:
        return await self._by_number(self._chats)

    async def get_bot_data(self) -> BD:
        own = self._own().key
        stored = (await self._rows.load(self._bots, (self.bot.id,), is_ours=own.__eq__)).get(own)
        return self._bots.live() if stored is None else stored

    async def get_callback_data(self) -> CallbackData | None:
        return await self._callbacks.load(self.bot.id)

    async def get_conversations(self, name: str) -> States:
        return await self._conversations.load(self.bot.id, name)

    # These are no `async def`, because they note what is to be stored as soon as they are called; see `Rows.put`.

    def update_user_data(self, user_id: int, data: UD) -> Writing:  # pyright: ignore[reportIncompatibleMethodOverride]  # no `async`
        return self._rows.put(Wanted(self._user(user_id), data))

    def update_chat_data(self, chat_id: int, data: CD) -> Writing:  # pyright: ignore[reportIncompatibleMethodOverride]  # no `async`
        return self._rows.put(Wanted(self._chat(chat_id), data))

    def update_bot_data(self, data: BD) -> Writing:  # pyright: ignore[reportIncompatibleMethodOverride]  # no `async`
        return self._rows.put(Wanted(self._own(), data))

    def update_callback_data(self, data: CallbackData) -> Writing:  # pyright: ignore[reportIncompatibleMethodOverride]  # no `async`
        return self._callbacks.put(self.bot.id, data)

    def update_conversation(self, name: str, key: ConversationKey, new_state: object) -> Writing:  # pyright: ignore[reportIncompatibleMethodOverride]  # no `async`
        return self._conversations.put(self.bot.id, name, key, new_state)

    def drop_user_data(self, user_id: int) -> Writing:  # pyright: ignore[reportIncompatibleMethodOverride]  # no `async`
        return self._rows.put(Wanted(self._user(user_id), None))

    def drop_chat_data(self, chat_id: int) -> Writing:  # pyright: ignore[reportIncompatibleMethodOverride]  # no `async`
        return self._rows.put(Wanted(self._chat(chat_id), None))

    async def refresh_user_data(self, user_id: int, user_data: UD) -> None:
        await self._rows.refresh(self._users, self._user(user_id), user_data)

    async def refresh_chat_data(self, chat_id: int, chat_data: CD) -> None:
        await self._rows.refresh(self._chats, self._chat(chat_id), chat_data)

    async def refresh_bot_data(self, bot_data: BD) -> None:
        await self._rows.refresh(self._bots, self._own(), bot_data)

    async def flush(self) -> None:
        await self._rows.flush()

    def migration_handler(self) -> MessageHandler[Any, None]:
        """Takes the data and conversations of a group along when it becomes a supergroup: once, and over no data of it.

        Add it before your own handlers, `application.add_handler(persistence.migration_handler(), group=-1)`, and do
        not call `application.migrate_chat_data`, which loses the data when the second service message comes.
        """
        return MessageHandler(filters.StatusUpdate.MIGRATE, self._follow)

    async def _follow(self, update: Update, context: CallbackContext[Any, Any, Any, Any]) -> None:
        message = update.effective_message
        migration = migration_in(message) if message is not None else None
        if migration is not None:
            old, new = migration
            application = cast("AnyApplication", context.application)  # pyright: ignore[reportUnknownMemberType]  # theirs
            # The two service messages come at once, and with `concurrent_updates` they are handled at once.
            async with self._migrating:
                if self.store_data.chat_data:
                    await self._move_chat(application, old, new)
                for name, states in conversations_of(application).items():
                    await self._conversations.move(self.bot.id, name, states, old=old, new=new)

    async def _move_chat(self, application: AnyApplication, old: int, new: int) -> None:
        await self.refresh_chat_data(old, application.chat_data[old])
        await self.refresh_chat_data(new, application.chat_data[new])
        group, supergroup = self._chat(old), self._chat(new)
        if self._rows.is_initial(group, application.chat_data[old]):
            return
        if not self._rows.is_initial(supergroup, application.chat_data[new]):
            logger.warning("%s was not moved to its supergroup, because that has data too; merge the two", group.key)
            return
        await self.update_chat_data(old, deepcopy(application.chat_data[old]))
        if await self._rows.move(group, supergroup):
            application.migrate_chat_data(old_chat_id=old, new_chat_id=new)
            return
        # Another process was first: what it moved is brought in.
        await self.refresh_chat_data(old, application.chat_data[old])
        await self.refresh_chat_data(new, application.chat_data[new])

    async def _by_number(self, form: RefreshedForm[L]) -> dict[int, L]:
        found = await self._rows.load(form, (self.bot.id,), is_ours=is_numbered)
        return {int(key.parts[1]): live for key, live in found.items()}

    def _user(self, user_id: int) -> Spot[UD]:
        return Spot(self._users, (self.bot.id, user_id), user_id)

    def _chat(self, chat_id: int) -> Spot[CD]:
        # A private chat has the id of its user; groups and channels have ids below zero.
        return Spot(self._chats, (self.bot.id, chat_id), chat_id if chat_id > 0 else None)

    def _own(self) -> Spot[BD]:
        return Spot(self._bots, (self.bot.id,))


def conversations_of(application: AnyApplication) -> Mapping[str, States]:
    """The conversations that are kept, which python-telegram-bot has in memory, by the names of their handlers."""
    # It has no public way to them, and what moved in the store alone would go on under the old id in memory.
    kept = application._conversation_handler_conversations  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # see above
    return cast("Mapping[str, States]", kept)


def is_numbered(key: SessionKey) -> bool:
    """Whether it is the key of a user or a chat. The model may have other sessions too, not of the application."""
    return len(key.parts) == len(("bot", "number")) and _NUMBER.match(key.parts[1]) is not None


def form_of(given: type[Any] | None, plain: type[SessionModel]) -> RefreshedForm[Any]:
    """The form of a kind of data: that of the given model, or that of plain dicts."""
    if given is None or given is dict:
        return DictForm(plain)
    refuse_other_models(given)
    return ModelForm(given)
