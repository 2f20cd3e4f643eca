"""Updates of every kind are what both frameworks take for Telegram's own."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import telegram
from aiogram.types import TelegramObject, Update
from pydantic import BaseModel

from typed_sessions import JsonObject
from typed_sessions.testing import SettableClock
from typed_sessions.testing.bots import Person, Updates, channel, forum, group, private, supergroup

ADA = Person(id=71001, first_name="Ada", last_name="Lovelace", username="ada", language_code="en")
BOB = Person(id=71002, first_name="Bob")
CLUB, OLD_CLUB, FORUM, NEWS = supergroup(-1001), group(-5), forum(-1002), channel(-1003)
SHOP = private(BOB).business("shop")

MAKERS: dict[str, Callable[[Updates], JsonObject]] = {
    "message": lambda make: make.message(ADA, "/add funghi", chat=CLUB),
    "message in a topic": lambda make: make.message(ADA, "hi", chat=FORUM.topic(5)),
    "message that opens a topic": lambda make: make.forum_topic_created(ADA, FORUM.topic(5), "Pizza"),
    "message with a photo": lambda make: make.service_message(ADA, photo=[]),
    "message of a group that moves": lambda make: make.migrate_to_chat(ADA, OLD_CLUB, CLUB),
    "message of a supergroup that was moved to": lambda make: make.migrate_from_chat(ADA, OLD_CLUB, CLUB),
    "edited_message": lambda make: make.edited_message(ADA, "hello", message_id=1),
    "channel_post": lambda make: make.channel_post("news", chat=NEWS),
    "edited_channel_post": lambda make: make.edited_channel_post("news!", chat=NEWS, message_id=1),
    "business_connection": lambda make: make.business_connection(ADA, "shop"),
    "business_message": lambda make: make.business_message(BOB, "hi", chat=SHOP),
    "edited_business_message": lambda make: make.edited_business_message(BOB, "ho", chat=SHOP),
    "deleted_business_messages": lambda make: make.deleted_business_messages([1, 2], chat=SHOP),
    "message_reaction": lambda make: make.message_reaction(ADA, 1, chat=CLUB, old=["👎"], new=["👍"]),
    "message_reaction_count": lambda make: make.message_reaction_count(1, chat=NEWS, **{"👍": 3}),
    "inline_query": lambda make: make.inline_query(ADA, "pizza"),
    "chosen_inline_result": lambda make: make.chosen_inline_result(ADA, "1", query="pizza"),
    "callback_query": lambda make: make.callback_query(ADA, "bake"),
    "callback_query in a topic": lambda make: make.callback_query(ADA, "bake", chat=FORUM.topic(5)),
    "shipping_query": lambda make: make.shipping_query(ADA, "order 1"),
    "pre_checkout_query": lambda make: make.pre_checkout_query(ADA, "order 1", amount=1600),
    "purchased_paid_media": lambda make: make.purchased_paid_media(ADA, "photos"),
    "poll": lambda make: make.poll("1", "Pizza?", ["yes", "no"]),
    "poll_answer": lambda make: make.poll_answer(ADA, "1", [0]),
    "my_chat_member": lambda make: make.my_chat_member(ADA, chat=CLUB, new="administrator"),
    "my_chat_member who is blocked": lambda make: make.my_chat_member(ADA, old="member", new="kicked"),
    "chat_member": lambda make: make.chat_member(BOB, chat=CLUB, by=ADA, new="creator"),
    "chat_join_request": lambda make: make.chat_join_request(ADA, chat=CLUB),
    "chat_boost": lambda make: make.chat_boost(ADA, chat=CLUB),
    "removed_chat_boost": lambda make: make.removed_chat_boost(ADA, chat=CLUB),
}


@pytest.fixture(params=MAKERS)
def named(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def update(named: str, clock: SettableClock) -> JsonObject:
    return MAKERS[named](Updates(clock=clock))


@pytest.fixture
def updates(clock: SettableClock) -> Updates:
    return Updates(clock=clock)


def test_aiogram_takes_it_for_an_update_of_its_kind(named: str, update: JsonObject) -> None:
    assert Update.model_validate(update).event_type == named.split(maxsplit=1)[0]


def test_aiogram_knows_every_field_of_it(update: JsonObject) -> None:
    assert list(unknown(Update.model_validate(update))) == []


def test_aiogram_writes_it_as_it_was(update: JsonObject) -> None:
    text = Update.model_validate(update).model_dump_json(by_alias=True, exclude_unset=True)

    assert json.loads(text) == update


def test_python_telegram_bot_takes_it_for_an_update_of_its_kind(named: str, update: JsonObject) -> None:
    parsed = telegram.Update.de_json(update, None)

    assert getattr(parsed, named.split(maxsplit=1)[0]) is not None


def unknown(part: object) -> Iterator[str]:
    """Fields that aiogram does not know."""
    if isinstance(part, BaseModel):
        yield from part.model_extra or {}
        for _, value in part:
            yield from unknown(value)
    if isinstance(part, list):
        for each in part:  # pyright: ignore[reportUnknownVariableType]  # a list of anything
            yield from unknown(each)  # pyright: ignore[reportUnknownArgumentType]  # a list of anything


def test_a_field_that_aiogram_does_not_know_is_noticed() -> None:
    assert list(unknown(TelegramObject.model_validate({"typo": 1}))) == ["typo"]


def test_every_kind_that_python_telegram_bot_has_can_be_made_by_its_name_or_by_update() -> None:
    made = {name.split()[0] for name in MAKERS}

    assert set(telegram.Update.ALL_TYPES) - made == {"managed_bot", "guest_message"}


def test_any_other_kind_is_made_from_its_content(updates: Updates) -> None:
    assert updates.update("managed_bot", {"user": ADA.json}) == {"update_id": 1, "managed_bot": {"user": ADA.json}}


def test_updates_and_messages_count_up(updates: Updates) -> None:
    made = [updates.message(ADA, "one"), updates.message(BOB, "two")]

    assert [update["update_id"] for update in made] == [1, 2]
    assert [update["message"]["message_id"] for update in made] == [1, 2]


def test_numbers_that_were_seen_are_not_given_again(updates: Updates) -> None:
    updates.seen(update_id=9, message_id=7)

    update = updates.message(ADA, "hi")

    assert (update["update_id"], update["message"]["message_id"]) == (10, 8)


def test_dates_come_from_the_clock(updates: Updates, clock: SettableClock) -> None:
    clock.now = datetime(2026, 3, 1, tzinfo=UTC)

    assert updates.message(ADA, "hi")["message"]["date"] == 1772323200


def test_a_message_without_a_chat_is_in_the_persons_private_one(updates: Updates) -> None:
    assert updates.message(ADA, "hi")["message"]["chat"] == {
        "id": 71001,
        "type": "private",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "username": "ada",
    }


def test_a_message_in_a_topic_says_so(updates: Updates) -> None:
    message = updates.message(ADA, "hi", chat=FORUM.topic(5))["message"]

    assert (message["message_thread_id"], message["is_topic_message"]) == (5, True)


def test_any_field_can_be_added(updates: Updates) -> None:
    assert updates.message(ADA, "hi", reply_to_message={"message_id": 3})["message"]["reply_to_message"] == {
        "message_id": 3
    }


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("/add funghi", [(0, 4)]),
        ("/add@pizza_bot funghi", [(0, 14)]),
        ("🍕 /add funghi", [(3, 4)]),
        ("say /start or /help", [(4, 6), (14, 5)]),
        ("/add,", [(0, 4)]),
        ("and/or", []),
        ("/usr/bin", []),
        ("1 / 2", []),
    ],
)
def test_commands_are_marked_as_telegram_marks_them(updates: Updates, text: str, commands: list[object]) -> None:
    message = Update.model_validate(updates.message(ADA, text)).message

    assert message is not None
    assert [(each.offset, each.length) for each in message.entities or []] == commands
    assert all(each.extract_from(text).startswith("/") for each in message.entities or [])
