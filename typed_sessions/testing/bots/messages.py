"""The parts that updates consist of, as objects of the Bot API."""

import re
from collections.abc import Sequence

from typed_sessions.history import JsonObject
from typed_sessions.testing.bots.people import Chat, Person, given

COMMAND = re.compile(r"(?:^|(?<=\s))/[A-Za-z0-9_]{1,32}(?:@[A-Za-z0-9_]+)?(?![\w/])")
RIGHTS = (
    "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
    "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
    "can_delete_stories", "can_send_welcome_messages",
)  # fmt: skip


def text_fields(text: str) -> JsonObject:
    """A text with its commands marked, as Telegram marks them; without the mark, handlers of commands do not fire."""
    found = [
        {"offset": utf16(text[: match.start()]), "length": utf16(match.group()), "type": "bot_command"}
        for match in COMMAND.finditer(text)
    ]
    return {"text": text, **({"entities": found} if found else {})}


def utf16(text: str) -> int:
    """The length in UTF-16 code units, in which Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def member(person: Person, status: str) -> JsonObject:
    """A member of a chat with this status: `member`, `left`, `kicked`, `administrator` or `creator`."""
    about: JsonObject = {"user": person.json, "status": status}
    match status:
        case "administrator":
            return {**about, "can_be_edited": False, "is_anonymous": False, **dict.fromkeys(RIGHTS, True)}
        case "creator":
            return {**about, "is_anonymous": False}
        case "kicked":
            return {**about, "until_date": 0}
        case _:
            return about


def poll_fields(poll_id: str, question: str, options: Sequence[str], *, is_closed: bool = False) -> JsonObject:
    """A regular poll that nobody has voted in."""
    flags = {"is_anonymous": False, "allows_multiple_answers": False, "allows_revoting": True, "members_only": False}
    return {
        "id": poll_id,
        "question": question,
        "options": [
            {"persistent_id": str(number), "text": text, "voter_count": 0} for number, text in enumerate(options)
        ],
        "total_voter_count": 0,
        "is_closed": is_closed,
        "type": "regular",
        **flags,
    }


def emoji(signs: Sequence[str]) -> list[JsonObject]:
    return [{"type": "emoji", "emoji": sign} for sign in signs]


def address() -> JsonObject:
    """Where to ship to."""
    street = {"street_line1": "12 St James's Square", "street_line2": "", "post_code": "SW1Y 4JH"}
    return {"country_code": "GB", "state": "", "city": "London", **street}


def boost_source(person: Person) -> JsonObject:
    return {"source": "premium", "user": person.json}


def message(message_id: int, date: int, chat: Chat, person: Person | None) -> JsonObject:
    """What every message has. One in a channel is from nobody."""
    return {"message_id": message_id, **given({"from": person.json if person else None}), "date": date, **chat.place}
