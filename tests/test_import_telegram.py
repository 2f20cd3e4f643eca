"""What python-telegram-bot's own persistence classes store, and what its objects become."""

import datetime as dt
import pickle
from collections import defaultdict
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from telegram import (
    Chat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Location,
    Message,
    TelegramObject,
    User,
    Voice,
)
from telegram.constants import ChatType
from telegram.ext import DictPersistence, ExtBot, PicklePersistence

from tests.importing.pickles import data_of
from typed_sessions import MemoryStore, SessionConfig, SessionModel, Sessions
from typed_sessions.importing import Bad, Entry, Other, SourceError, Target, import_sessions
from typed_sessions.importing.pickles.process import PickleFile
from typed_sessions.importing.telegram import Part, TelegramParts
from typed_sessions.importing.telegram_json import DictPersistenceFile
from typed_sessions.integrations.telegram.persistence.models import BotDict, ChatDict, UserDict

ADA, GROUP = 1001, -100
NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
USER = User(ADA, "Ada", is_bot=False)
MESSAGE = Message(
    5,
    NOON,
    Chat(GROUP, ChatType.SUPERGROUP, title="Lunch"),
    from_user=USER,
    text="funghi",
    voice=Voice("file", "unique", dt.timedelta(seconds=3)),
    location=Location(1.5, 2.5, live_period=dt.timedelta(minutes=1)),
    reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Buy", callback_data="buy")]]),
    api_kwargs={"newer": {"field": 1}},
)
CACHE: Any = ([("keyboard", 5.0, {"button": {"sku": "funghi"}})], {"query": "keyboard"})
PARTS: Mapping[Part, list[tuple[tuple[int | str, ...], object]]] = {
    Part.USER_DATA: [((42, ADA), {"name": "ada"})],
    Part.CHAT_DATA: [((42, GROUP), {"pizzas": ["funghi"]})],
    Part.BOT_DATA: [((42,), {"orders": 5})],
    Part.CONVERSATIONS: [((42, "order", GROUP, ADA), {"state": 1}), ((42, "order", "str:7"), {"state": "waiting"})],
    Part.KEYBOARDS: [((42, "keyboard"), {"accessed": 5.0, "buttons": {"button": {"sku": "funghi"}}})],
    Part.CALLBACK_QUERIES: [((42, "query"), {"keyboard": "keyboard"})],
}


class UserData(SessionModel):
    session_config = SessionConfig(name="user-data")

    name: str = ""


class OwnDict(UserDict):
    session_config = SessionConfig(name="users")


async def fill(persistence: PicklePersistence[Any, Any, Any] | DictPersistence) -> None:
    persistence.set_bot(ExtBot("42:token", arbitrary_callback_data=True))
    await persistence.update_user_data(ADA, {"name": "ada"})
    await persistence.update_chat_data(GROUP, {"pizzas": ["funghi"]})
    await persistence.update_bot_data({"orders": 5})
    await persistence.update_conversation("order", (GROUP, ADA), 1)
    await persistence.update_conversation("order", ("7",), "waiting")
    await persistence.update_callback_data(CACHE)
    await persistence.flush()


@pytest.mark.parametrize("single_file", [True, False])
@pytest.mark.parametrize("part", Part)
async def test_every_part_of_a_pickle_persistence(part: Part, single_file: bool, tmp_path: Path) -> None:
    await fill(PicklePersistence(tmp_path / "bot.pickle", single_file=single_file))

    source = PickleFile(tmp_path / "bot.pickle", TelegramParts(part, bot_id=42))

    assert [(each.key, each.data) for each in source if isinstance(each, Entry)] == PARTS[part]
    assert source.count() == len(PARTS[part])


@pytest.mark.parametrize("part", Part)
async def test_every_text_of_a_dict_persistence(part: Part, tmp_path: Path) -> None:
    persistence = DictPersistence()
    await fill(persistence)
    (tmp_path / "part.json").write_text(getattr(persistence, f"{part.holder}_json"))

    source = DictPersistenceFile(tmp_path / "part.json", TelegramParts(part, bot_id=42))

    assert [(each.key, each.data) for each in source if isinstance(each, Entry)] == PARTS[part]


async def test_users_become_sessions_that_belong_to_them(tmp_path: Path) -> None:
    await fill(PicklePersistence(tmp_path / "bot.pickle"))
    sessions = Sessions(MemoryStore())

    source = PickleFile(tmp_path / "bot.pickle", TelegramParts(Part.USER_DATA, bot_id=42))
    tally = await import_sessions(sessions.store, source, Target(model=UserData))

    assert tally.imported == 1
    assert (await sessions.load(UserData, (42, ADA))).name == "ada"
    assert await sessions.delete_owner(ADA) == 1


@pytest.mark.parametrize(
    ("part", "key", "owner"),
    [
        (Part.USER_DATA, (ADA,), ADA),
        (Part.CHAT_DATA, (ADA,), ADA),
        (Part.CHAT_DATA, (GROUP,), None),
        (Part.CONVERSATIONS, ("order", GROUP, ADA), ADA),
        (Part.CONVERSATIONS, ("order", ADA, ADA), ADA),
        (Part.CONVERSATIONS, ("order", GROUP), None),
        (Part.KEYBOARDS, ("7",), None),
        (Part.CALLBACK_QUERIES, ("7",), None),
    ],
)
def test_the_owner_is_the_user_in_the_key(part: Part, key: tuple[int | str, ...], owner: int | None) -> None:
    entry = TelegramParts(part).found("name", key, {}, b"")

    assert isinstance(entry, Entry)
    assert entry.owner == owner


def test_the_data_of_the_bot_needs_to_know_which_one() -> None:
    bad = TelegramParts(Part.BOT_DATA).found("bot_data", (), {}, b"{}")

    assert isinstance(bad, Bad)
    assert bad.reason == "it needs a key; say which bot it is of: --bot-id N"


@pytest.mark.parametrize(
    "given", [USER, MESSAGE, MESSAGE.chat, MESSAGE.reply_markup], ids=lambda each: type(each).__name__
)
@pytest.mark.parametrize("is_by_ptb", [True, False])
async def test_objects_of_telegram_become_what_they_are_to_the_bot_api(
    given: TelegramObject, is_by_ptb: bool, tmp_path: Path
) -> None:
    path = tmp_path / "bot.pickle"
    if not is_by_ptb:
        assert data_of(path, given) == given.to_dict()
        return
    persistence = PicklePersistence[Any, Any, Any](path)
    bot, given = ExtBot("42:token", arbitrary_callback_data=True), deepcopy(given)
    persistence.set_bot(bot)
    given.set_bot(bot)

    await persistence.update_user_data(1, {"it": given, "bot": bot})
    await persistence.flush()

    [entry] = PickleFile(path, TelegramParts(Part.USER_DATA))
    assert isinstance(entry, Entry)
    assert entry.data == {"it": given.to_dict(), "bot": None}


def test_an_enum_of_telegram_becomes_its_value(tmp_path: Path) -> None:
    assert data_of(tmp_path / "bot.pickle", ChatType.PRIVATE) == "private"


def test_ids_in_the_keys_of_a_dict_are_ints_again_for_plain_dicts(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text('{"1": {"3": {"4": 5}, "int:3": 1, "03": 2}}')

    [entry] = DictPersistenceFile(tmp_path / "users.json", TelegramParts(Part.USER_DATA, is_plain_dict=True))

    assert isinstance(entry, Entry)
    assert entry.data == {"int:3": {"4": 5}, "str:int:3": 1, "03": 2}


@pytest.mark.parametrize(
    ("model", "is_plain_dict"),
    [(UserDict, True), (ChatDict, True), (BotDict, True), (OwnDict, True), (UserData, False)],
)
def test_the_models_of_plain_dicts_are_told_by_themselves(model: type[SessionModel], is_plain_dict: bool) -> None:
    assert TelegramParts(Part.USER_DATA).into(model) == TelegramParts(Part.USER_DATA, is_plain_dict=is_plain_dict)


def test_a_plain_dict_that_was_asked_for_stays_one() -> None:
    parts = TelegramParts(Part.USER_DATA, is_plain_dict=True)

    assert parts.into(UserData) == parts


@pytest.mark.parametrize(
    ("part", "content"),
    [
        (Part.USER_DATA, '{"ada": {}}'),
        (Part.USER_DATA, '{"7": {"a": "\\ud800"}}'),
        (Part.BOT_DATA, '{"a": "\\ud800"}'),
        (Part.CONVERSATIONS, '{"order": null}'),
        (Part.CONVERSATIONS, '{"order": 7}'),
        (Part.CONVERSATIONS, '{"\\ud800": {"[1]": 5}}'),
        (Part.CONVERSATIONS, '{"order": {"\\ud800": 5}}'),
        (Part.CONVERSATIONS, '{"order": {"[1": 5}}'),
        (Part.CONVERSATIONS, '{"order": {"[1.5]": 5}}'),
        (Part.KEYBOARDS, '[[["keyboard", 5.0]], {}]'),
        (Part.KEYBOARDS, "[[5], {}]"),
        (Part.KEYBOARDS, "[[[1, 5.0, {}]], {}]"),
        (Part.KEYBOARDS, '[[["\\ud800", 5.0, {}]], {}]'),
        (Part.CALLBACK_QUERIES, '[[], {"\\ud800": "keyboard"}]'),
    ],
)
def test_an_entry_of_another_form_is_reported(part: Part, content: str, tmp_path: Path) -> None:
    (tmp_path / "part.json").write_text(content)

    [bad] = DictPersistenceFile(tmp_path / "part.json", TelegramParts(part, bot_id=42))

    assert isinstance(bad, Bad)


def test_a_bad_entry_of_a_text_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "part.json").write_text('{"1": {"a": "\\ud800"}, "2": {"a": 1}, "2": {"a": 2}}')

    found = list(DictPersistenceFile(tmp_path / "part.json", TelegramParts(Part.USER_DATA)))

    assert [type(each) for each in found] == [Bad, Entry, Entry]
    assert [each.original for each in found if not isinstance(each, Other)] == [
        b'{"a": "\\ud800"}',
        b'{"a": 1}',
        b'{"a": 2}',
    ]


@pytest.mark.parametrize("content", ["", "[]", "5", "{"])
@pytest.mark.parametrize("part", [Part.USER_DATA, Part.KEYBOARDS])
def test_a_text_of_another_form_is_told(part: Part, content: str, tmp_path: Path) -> None:
    (tmp_path / "part.json").write_text(content)

    with pytest.raises(SourceError, match=f"persistence.{part.holder}_json"):
        list(DictPersistenceFile(tmp_path / "part.json", TelegramParts(part, bot_id=42)))


def test_a_pickle_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no file"):
        list(PickleFile(tmp_path / "bot.pickle", TelegramParts(Part.USER_DATA)))


def test_the_default_dicts_of_old_releases(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(pickle.dumps({"user_data": defaultdict(dict, {1: {"a": 1}})}, protocol=2))

    [entry] = PickleFile(tmp_path / "old", TelegramParts(Part.USER_DATA))

    assert isinstance(entry, Entry)
    assert (entry.key, entry.data) == ((1,), {"a": 1})
