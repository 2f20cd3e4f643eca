"""Where an event is from, and the keys that are made of that."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from typed_sessions import MissingKeyError, SessionDefinitionError
from typed_sessions.integrations.places import (
    Part,
    Place,
    PlaceKey,
    per_bot,
    per_chat,
    per_connection,
    per_thread,
    per_user,
    per_user_in_chat,
)
from typed_sessions.key import KeyPart, TextLike

BOT, ADA, CLUB = 7, 71, -1002
NOWHERE: Place = Place(kind="poll", bot_id=BOT, source=None)
IN_CLUB = replace(NOWHERE, kind="message", chat_id=CLUB, user_id=ADA)
IN_PRIVATE = replace(IN_CLUB, chat_id=ADA)
IN_TOPIC = replace(IN_CLUB, thread_id=5)
AT_WORK = replace(IN_PRIVATE, business_connection_id="office")


@pytest.mark.parametrize(
    ("key", "place", "made"),
    [
        (per_chat, IN_CLUB, CLUB),
        (per_user, IN_CLUB, ADA),
        (per_user_in_chat, IN_CLUB, (CLUB, ADA)),
        (per_thread, IN_TOPIC, (CLUB, 5)),
        (per_thread, IN_CLUB, (CLUB, 0)),
        (per_bot(per_chat), IN_CLUB, (BOT, CLUB)),
        (per_connection(per_chat), AT_WORK, ("office", ADA)),
        (per_connection(per_chat), IN_PRIVATE, ("own", ADA)),
        (per_bot(per_connection(per_thread)), AT_WORK, (BOT, "office", ADA, 0)),
        (per_connection(per_bot(per_thread)), AT_WORK, (BOT, "office", ADA, 0)),
        (PlaceKey("bot"), NOWHERE, BOT),
    ],
)
def test_a_key_is_made_of_the_parts_of_a_place(key: PlaceKey, place: Place, made: TextLike) -> None:
    assert key(place) == made


@pytest.mark.parametrize("key", [per_chat, per_thread, per_user_in_chat, per_bot(per_chat)])
def test_an_event_without_a_chat_has_no_key_of_one(key: PlaceKey) -> None:
    with pytest.raises(MissingKeyError, match=r"the event `poll` is from no chat; .*key=.*Cart \| None"):
        key(replace(NOWHERE, user_id=ADA))


@pytest.mark.parametrize("key", [per_user, per_user_in_chat])
def test_an_event_without_a_user_has_no_key_of_one(key: PlaceKey) -> None:
    with pytest.raises(MissingKeyError, match="the event `poll` is from no user"):
        key(replace(NOWHERE, chat_id=CLUB))


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        (per_chat, (CLUB,)),
        (per_user_in_chat, (CLUB,)),
        (per_thread, (CLUB,)),
        (per_bot(per_thread), (BOT, CLUB)),
        (per_bot(per_connection(per_user_in_chat)), (BOT, "own", CLUB)),
        (per_user, None),
        (per_bot(per_user), None),
    ],
)
def test_the_sessions_of_a_group_have_keys_with_the_same_beginning(
    key: PlaceKey, prefix: tuple[KeyPart, ...] | None
) -> None:
    assert key.of_chat(bot_id=BOT, chat_id=CLUB) == prefix


@pytest.mark.parametrize(
    ("key", "place", "owner"),
    [
        (per_chat, IN_PRIVATE, ADA),
        (per_thread, IN_PRIVATE, ADA),
        (per_chat, IN_CLUB, None),
        (per_thread, IN_TOPIC, None),
        (per_chat, NOWHERE, None),
        (per_user, IN_CLUB, ADA),
        (per_user_in_chat, IN_CLUB, ADA),
        (PlaceKey("bot"), IN_PRIVATE, None),
    ],
)
def test_a_session_belongs_to_the_user_in_its_key_or_in_its_private_chat(
    key: PlaceKey, place: Place, owner: int | None
) -> None:
    assert key.owner(place) == owner


@pytest.mark.parametrize("parts", [(), ("user", "chat"), ("chat", "chat"), ("chat", "bot")])
def test_the_parts_of_a_key_have_one_order(parts: tuple[Part, ...]) -> None:
    with pytest.raises(SessionDefinitionError, match="PlaceKey takes some of bot, connection, chat, thread, user"):
        PlaceKey(*parts)


def by_chat(place: Place) -> int:
    return place.chat


@pytest.mark.parametrize(("added", "by_hand"), [(per_bot, "place.bot_id"), (per_connection, "connection_id or 'own'")])
def test_nothing_is_put_in_front_of_a_key_function_of_ones_own(added: Callable[[Any], PlaceKey], by_hand: str) -> None:
    with pytest.raises(SessionDefinitionError, match=rf"{added.__name__} takes per_chat, .*{by_hand}, …\)"):
        added(by_chat)


def test_two_keys_of_the_same_parts_are_equal() -> None:
    assert (per_bot(per_chat), hash(per_chat)) == (PlaceKey("bot", "chat"), hash(PlaceKey("chat")))


def test_a_place_does_not_show_what_the_framework_knows() -> None:
    assert "secret" not in repr(replace(NOWHERE, source="secret"))
