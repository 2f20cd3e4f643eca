"""The methods of the Bot API that concern chats: what each asks for, and what it gives back."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from typed_sessions.history import JsonObject
from typed_sessions.testing.bots.asked import Editing, Membership, Several
from typed_sessions.testing.bots.calls import Call, bad_request
from typed_sessions.testing.bots.chats import Chats
from typed_sessions.testing.bots.messages import text_fields
from typed_sessions.testing.bots.people import given
from typed_sessions.testing.bots.sending import Method, Result, Sender, inline, seen
from typed_sessions.testing.bots.updates import Updates

SILENT = (
    "approveChatJoinRequest", "banChatMember", "close", "declineChatJoinRequest", "leaveChat", "pinChatMessage",
    "restrictChatMember", "sendChatAction", "setChatMenuButton", "setMyDescription", "setMyName",
    "setMyShortDescription", "unbanChatMember", "unpinAllChatMessages", "unpinChatMessage",
)  # fmt: skip
QUERY_IDS = {
    "answerCallbackQuery": "callback_query_id", "answerInlineQuery": "inline_query_id",
    "answerPreCheckoutQuery": "pre_checkout_query_id", "answerShippingQuery": "shipping_query_id",
}  # fmt: skip
NOTICE_LIMIT = 200


class Methods:
    """Does what a call asks for, in the chats that Telegram knows.

    Raises RefusedError for what the Bot API would refuse, and ValidationError for arguments of a wrong form.
    """

    def __init__(self, chats: Chats, updates: Updates) -> None:
        self.commands: Any = []
        self._chats = chats
        self._updates = updates
        self.by_name: Mapping[str, Method] = {
            "getMe": self._get_me,
            **Sender(chats, updates).by_name,
            "stopPoll": self._stop_poll,
            **dict.fromkeys(("editMessageText", "editMessageCaption", "editMessageReplyMarkup"), self._edit),
            "deleteMessage": self._delete_message,
            "deleteMessages": self._delete_messages,
            "setMessageReaction": self._react,
            **dict.fromkeys(QUERY_IDS, self._answer_query),
            "getChat": self._get_chat,
            "getChatMember": self._get_chat_member,
            "setMyCommands": self._set_commands,
            "getMyCommands": lambda _: (self.commands, None),
            "deleteMyCommands": self._set_commands,
            **dict.fromkeys(SILENT, lambda _: (True, None)),
        }

    def _get_me(self, _: Call) -> Result:
        abilities = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": True}
        return {**self._updates.bot.json, **abilities}, None

    def _edit(self, call: Call) -> Result:
        asked = Editing.model_validate(call.arguments)
        text = asked.text or asked.caption or ""
        if asked.chat_id is None:
            return True, seen(call, text=text, reply_markup=asked.reply_markup)
        old = self._chats.message(self._chats.chat(asked.chat_id)["id"], asked.message_id, "edit")
        new = {**without(old, "reply_markup", "edit_date"), **changed(call, asked), **inline(asked.reply_markup)}
        if new == without(old, "edit_date"):
            same = "specified new message content and reply markup are exactly the same as a current content"
            raise bad_request(f"message is not modified: {same} and reply markup of the message")
        message = {**new, "edit_date": self._updates.now}
        self._chats.keep(message)
        return message, seen(
            call, chat_id=old["chat"]["id"], message=message, text=text, reply_markup=asked.reply_markup
        )

    def _stop_poll(self, call: Call) -> Result:
        asked = Editing.model_validate(call.arguments)
        old = self._chats.message(self._chats.chat(asked.chat_id or 0)["id"], asked.message_id, "stop poll of")
        poll = {**old.get("poll", {}), "is_closed": True}
        self._chats.keep({**old, "poll": poll})
        return poll, seen(call, chat_id=old["chat"]["id"], message=old)

    def _delete_message(self, call: Call) -> Result:
        asked = Editing.model_validate(call.arguments)
        chat = self._chats.chat(asked.chat_id or 0)
        self._chats.forget(chat["id"], asked.message_id)
        return True, seen(call, chat_id=chat["id"], message={"message_id": asked.message_id})

    def _delete_messages(self, call: Call) -> Result:
        asked = Several.model_validate(call.arguments)
        chat = self._chats.chat(asked.chat_id)
        there = {message["message_id"] for message in self._chats.messages(chat["id"])}
        for number in there.intersection(asked.message_ids):
            self._chats.forget(chat["id"], number)
        return True, seen(call, chat_id=chat["id"])

    def _react(self, call: Call) -> Result:
        asked = Editing.model_validate(call.arguments)
        chat = self._chats.chat(asked.chat_id or 0)
        message = self._chats.message(chat["id"], asked.message_id, "react")
        return True, seen(call, chat_id=chat["id"], message=message)

    def _answer_query(self, call: Call) -> Result:
        text = str(call.arguments.get("text", ""))
        if len(text) > NOTICE_LIMIT:
            raise bad_request("MESSAGE_TOO_LONG")
        chat = self._chats.answer(str(call.arguments.get(QUERY_IDS[call.method], "")))
        return True, seen(call, chat_id=chat, text=text, callback_query_id=call.arguments.get("callback_query_id"))

    def _get_chat(self, call: Call) -> Result:
        chat = self._chats.chat(Membership.model_validate(call.arguments).chat_id)
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        about = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(gifts, True)}
        return {**chat, **about}, None

    def _get_chat_member(self, call: Call) -> Result:
        asked = Membership.model_validate(call.arguments)
        self._chats.chat(asked.chat_id)
        return {"user": self._chats.person(asked.user_id), "status": "member"}, None

    def _set_commands(self, call: Call) -> Result:
        self.commands = TypeAdapter(list[JsonObject]).validate_python(call.arguments.get("commands", []))
        return True, None


def changed(call: Call, asked: Editing) -> JsonObject:
    if call.method == "editMessageReplyMarkup":
        return {}
    return given({"caption": asked.caption}) if asked.text is None else text_fields(asked.text)


def without(message: JsonObject, *names: str) -> JsonObject:
    return {name: value for name, value in message.items() if name not in names}
