"""A plugin of pytest for python-telegram-bot's own tests: it puts `SQLPersistence` in the place of their persistences.

Their tests look into the attributes of their persistences; what ours has there is read back from the store.
"""

import asyncio
import inspect
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Mapping
from types import ModuleType
from typing import Any

import pytest
from telegram import User
from telegram.ext import Application, ExtBot, PersistenceInput

from typed_sessions import MemoryStore, Sessions
from typed_sessions.integrations.telegram.persistence import SQLPersistence

Data = dict[int, dict[Any, Any]]

BOT_ID = 7009001
CONVERSATIONS = ("conv", "conv_1", "conv_2", "parent", "child", "grand_child")
MARKERS = ("flaky", "no_req", "req")

LOOP = asyncio.new_event_loop()
"""Not anyio's plugin: it fails a test for what their tests let a task raise, and its fixtures do not fit theirs."""


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", f"{marker}: python-telegram-bot's own")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    asked = inspect.signature(pyfuncitem.obj).parameters
    LOOP.run_until_complete(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in asked}))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makemodule() -> Generator[None, pytest.Module, pytest.Module]:
    """Replace things in a module of theirs before pytest looks for fixtures in it."""
    made = yield
    for name, ours in REPLACED.get(made.path.name, {}).items():
        setattr(made.obj, name, ours(made.obj))
    return made


class Filled(SQLPersistence):
    """Has data in the store before it is first read, and can read back what is there later."""

    __slots__ = ("__dict__",)

    def __init__(self, *, sessions: Sessions | None = None, **options: Any) -> None:  # noqa: ANN401 # as ours
        self.sessions = sessions or Sessions(MemoryStore())
        super().__init__(self.sessions, **options)
        self.options = options
        self.user_data: Data = defaultdict(dict)
        self.chat_data: Data = defaultdict(dict)
        self.bot_data: dict[Any, Any] = {}
        self.callback_data: Any = ([], {})
        self.conversations: dict[str, dict[Any, Any]] = defaultdict(dict)
        self.is_filled = False

    def another(self) -> SQLPersistence:
        """One that has seen nothing yet, on the same store."""
        made = SQLPersistence(self.sessions, **self.options)
        made.set_bot(self.bot)
        return made

    async def fill_store(self) -> None:
        if self.is_filled:
            return
        self.is_filled = True
        other = self.another()
        for number, data in self.user_data.items():
            await other.update_user_data(number, data)
        for number, data in self.chat_data.items():
            await other.update_chat_data(number, data)
        for name, states in self.conversations.items():
            for key, state in states.items():
                await other.update_conversation(name, key, state)
        await other.update_bot_data(self.bot_data)
        await other.update_callback_data(self.callback_data)

    async def get_user_data(self) -> Data:
        await self.fill_store()
        return await super().get_user_data()

    async def get_chat_data(self) -> Data:
        await self.fill_store()
        return await super().get_chat_data()

    async def get_bot_data(self) -> dict[Any, Any]:
        await self.fill_store()
        return await super().get_bot_data()

    async def get_callback_data(self) -> Any:  # noqa: ANN401 # as theirs
        await self.fill_store()
        return await super().get_callback_data()

    async def get_conversations(self, name: str) -> Any:  # noqa: ANN401 # as theirs
        await self.fill_store()
        return await super().get_conversations(name)


def tracking(theirs: ModuleType) -> type[Filled]:  # noqa: C901 # one method for each of theirs
    """What takes the place of their `TrackingPersistence`: counts the calls, and shows what is stored after each."""

    class TrackingPersistence(Filled):
        CALLBACK_DATA = theirs.TrackingPersistence.CALLBACK_DATA
        fill = theirs.TrackingPersistence.fill

        def __init__(
            self, store_data: PersistenceInput | None = None, update_interval: float = 60, *, fill_data: bool = False
        ) -> None:
            states = dict.fromkeys(CONVERSATIONS, theirs.HandlerStates)
            super().__init__(store_data=store_data, update_interval=update_interval, states=states)
            self.forget_calls()
            if fill_data:
                self.fill()

        def forget_calls(self) -> None:
            self.updated_chat_ids: Counter[int] = Counter()
            self.updated_user_ids: Counter[int] = Counter()
            self.refreshed_chat_ids: Counter[int] = Counter()
            self.refreshed_user_ids: Counter[int] = Counter()
            self.dropped_chat_ids: Counter[int] = Counter()
            self.dropped_user_ids: Counter[int] = Counter()
            self.updated_conversations: dict[str, Counter[Any]] = defaultdict(Counter)
            self.updated_bot_data = self.refreshed_bot_data = self.updated_callback_data = self.flushed = False

        def reset_tracking(self) -> None:
            self.forget_calls()
            self.chat_data, self.user_data, self.bot_data = {}, {}, {}
            self.conversations, self.callback_data = defaultdict(dict), ([], {})

        async def update_bot_data(self, data: dict[Any, Any]) -> None:
            await super().update_bot_data(data)
            self.updated_bot_data, self.bot_data = True, await self.another().get_bot_data()

        async def update_chat_data(self, chat_id: int, data: dict[Any, Any]) -> None:
            await super().update_chat_data(chat_id, data)
            self.updated_chat_ids[chat_id] += 1
            self.chat_data[chat_id] = (await self.another().get_chat_data()).get(chat_id, {})

        async def update_user_data(self, user_id: int, data: dict[Any, Any]) -> None:
            await super().update_user_data(user_id, data)
            self.updated_user_ids[user_id] += 1
            self.user_data[user_id] = (await self.another().get_user_data()).get(user_id, {})

        async def update_conversation(self, name: str, key: Any, new_state: object) -> None:  # noqa: ANN401 # theirs
            await super().update_conversation(name, key, new_state)
            self.updated_conversations[name][key] += 1
            self.conversations[name][key] = (await self.another().get_conversations(name)).get(key)

        async def update_callback_data(self, data: Any) -> None:  # noqa: ANN401 # theirs
            await super().update_callback_data(data)
            self.updated_callback_data = True
            self.callback_data = await self.another().get_callback_data() or ([], {})

        async def drop_chat_data(self, chat_id: int) -> None:
            await super().drop_chat_data(chat_id)
            self.dropped_chat_ids[chat_id] += 1
            self.chat_data = await self.another().get_chat_data()

        async def drop_user_data(self, user_id: int) -> None:
            await super().drop_user_data(user_id)
            self.dropped_user_ids[user_id] += 1
            self.user_data = await self.another().get_user_data()

        async def refresh_user_data(self, user_id: int, user_data: dict[Any, Any]) -> None:
            await super().refresh_user_data(user_id, user_data)
            self.refreshed_user_ids[user_id] += 1
            user_data["refreshed"] = True

        async def refresh_chat_data(self, chat_id: int, chat_data: dict[Any, Any]) -> None:
            await super().refresh_chat_data(chat_id, chat_data)
            self.refreshed_chat_ids[chat_id] += 1
            chat_data["refreshed"] = True

        async def refresh_bot_data(self, bot_data: dict[Any, Any]) -> None:
            await super().refresh_bot_data(bot_data)
            self.refreshed_bot_data = True
            bot_data["refreshed"] = True

        async def flush(self) -> None:
            await super().flush()
            self.flushed = True

    return TrackingPersistence


class Started(ExtBot[None]):
    """A bot that knows its id without asking Telegram."""

    @property
    def bot(self) -> User:
        return User(BOT_ID, "Ours", is_bot=True)


def from_files(_theirs: ModuleType) -> object:
    """A fixture for that of a `PicklePersistence`: what their fixtures have put into files is in the store."""

    def pickle_persistence(request: pytest.FixtureRequest) -> Filled:
        made = Filled()
        made.set_bot(Started(f"{BOT_ID}:unused"))
        left_out = {"pickle_files_wo_bot_data": "bot_data", "pickle_files_wo_callback_data": "callback_data"}
        if not {"good_pickle_files", *left_out}.isdisjoint(request.fixturenames):
            for name in ("user_data", "chat_data", "bot_data", "callback_data", "conversations"):
                if not any(left_out.get(fixture) == name for fixture in request.fixturenames):
                    setattr(made, name, request.getfixturevalue(name))
        return made

    return pytest.fixture(pickle_persistence)


def from_json(_theirs: ModuleType) -> object:
    """What takes the place of `DictPersistence`: the JSON that it is given is in the store."""

    def dict_persistence(**texts: str) -> Filled:
        made = Filled()
        made.set_bot(Started(f"{BOT_ID}:unused"))
        data: Mapping[str, Any] = {name.removesuffix("_json"): json.loads(text) for name, text in texts.items()}
        for name in ("user_data", "chat_data"):
            getattr(made, name).update({int(number): _numbered(each) for number, each in data.get(name, {}).items()})
        made.bot_data = data.get("bot_data", {})
        made.callback_data = data.get("callback_data", ([], {}))
        for name, states in data.get("conversations", {}).items():
            made.conversations[name] = {tuple(json.loads(key)): state for key, state in states.items()}
        return made

    return dict_persistence


def _numbered(data: dict[str, Any]) -> dict[str | int, Any]:
    # As their decoder has it.
    return {int(name) if name.isdigit() else name: value for name, value in data.items()}


def bot(_theirs: ModuleType) -> object:
    """A fixture for theirs, which is asynchronous."""
    return pytest.fixture(lambda: Started(f"{BOT_ID}:unused", arbitrary_callback_data=True))


def app(_theirs: ModuleType) -> object:
    """A fixture for theirs, which is asynchronous."""
    return pytest.fixture(lambda: Application.builder().token(f"{BOT_ID}:unused").build())


def unfilled(_theirs: ModuleType) -> object:
    """What takes the place of `PicklePersistence` where only the application is asked what became of it."""

    def pickle_persistence(_path: str) -> Filled:
        return Filled()

    return pickle_persistence


REPLACED: Mapping[str, Mapping[str, Callable[[ModuleType], object]]] = {
    "test_application.py": {"PicklePersistence": unfilled},
    "test_applicationbuilder.py": {"PicklePersistence": unfilled, "bot": bot},
    "test_basepersistence.py": {"TrackingPersistence": tracking, "bot": bot, "app": app},
    "test_picklepersistence.py": {"pickle_persistence": from_files, "cdc_bot": bot},
    "test_dictpersistence.py": {"DictPersistence": from_json, "cdc_bot": bot},
}
