"""The methods of the Bot API that send: each puts a message into a chat."""

from collections.abc import Callable, Mapping
from typing import Any

from typed_sessions.history import JsonObject
from typed_sessions.testing.bots.asked import Album, Polling, Sending
from typed_sessions.testing.bots.calls import Answer, Call, bad_request
from typed_sessions.testing.bots.chats import Chats
from typed_sessions.testing.bots.messages import poll_fields, text_fields
from typed_sessions.testing.bots.people import given
from typed_sessions.testing.bots.updates import Updates

MEDIA = {
    "sendPhoto": "photo",
    "sendAudio": "audio",
    "sendDocument": "document",
    "sendVideo": "video",
    "sendAnimation": "animation",
    "sendVoice": "voice",
    "sendVideoNote": "video_note",
    "sendSticker": "sticker",
}
PLAIN = ("sendLocation", "sendVenue", "sendContact", "sendInvoice", "sendPaidMedia")
TEXT_LIMIT = 4096

Result = tuple[Any, Answer | None]
"""What the bot gets, and what people see."""

Method = Callable[[Call], Result]


class Sender:
    """Sends messages to the chats that Telegram knows.

    Raises RefusedError for what the Bot API would refuse, and ValidationError for arguments of a wrong form.
    """

    def __init__(self, chats: Chats, updates: Updates) -> None:
        self._chats = chats
        self._updates = updates
        self._polls = 0
        self.by_name: Mapping[str, Method] = {
            "sendMessage": self._send_message,
            **dict.fromkeys(MEDIA, self._send_media),
            **dict.fromkeys(PLAIN, self._send_plain),
            "sendMediaGroup": self._send_media_group,
            "sendDice": self._send_dice,
            "sendPoll": self._send_poll,
        }

    def _send_message(self, call: Call) -> Result:
        text = call.arguments.get("text") or ""
        if not str(text).strip():
            raise bad_request("message text is empty")
        if len(str(text)) > TEXT_LIMIT:
            raise bad_request("message is too long")
        return self._send(call, text_fields(str(text)))

    def _send_media(self, call: Call) -> Result:
        kind = MEDIA[call.method]
        file = {"file_id": kind, "file_unique_id": kind, "width": 1, "height": 1, "duration": 1, "length": 1,
                "type": "regular", "is_animated": False, "is_video": False}  # fmt: skip
        return self._send(call, {kind: [file] if kind == "photo" else file, **given_caption(call)})

    def _send_plain(self, call: Call) -> Result:
        return self._send(call, given_caption(call))

    def _send_dice(self, call: Call) -> Result:
        return self._send(call, {"dice": {"emoji": call.arguments.get("emoji", "🎲"), "value": 1}})

    def _send_poll(self, call: Call) -> Result:
        asked = Polling.model_validate(call.arguments)
        texts = [option if isinstance(option, str) else str(option.get("text", "")) for option in asked.options]
        self._polls += 1
        about = asked.model_dump(exclude={"question", "options"}, exclude_none=True)
        return self._send(call, {"poll": {**poll_fields(f"poll{self._polls}", asked.question, texts), **about}})

    def _send_media_group(self, call: Call) -> Result:
        album = Album.model_validate(call.arguments).media
        sent = [self._send(call, given({"caption": each.get("caption")})) for each in album]
        result = [message for message, _ in sent]
        return result, sent[0][1] and sent[0][1].model_copy(update={"result": result})

    def _send(self, call: Call, content: JsonObject) -> Result:
        asked = Sending.model_validate(call.arguments)
        chat = self._chats.chat(asked.chat_id)
        message = {
            "message_id": self._updates.next_message_id(),
            "from": self._updates.bot.json,
            "chat": chat,
            "date": self._updates.now,
            **self._place(chat["id"], asked),
            **inline(call.arguments.get("reply_markup")),
            **content,
        }
        self._chats.keep(message)
        shown = asked.model_dump(exclude={"chat_id", "text", "caption", "question"}, exclude_unset=True)
        text = asked.text or asked.caption or asked.question or message.get("caption", "")
        return message, seen(call, chat_id=chat["id"], message=message, text=text, **shown)

    def _place(self, chat_id: int, asked: Sending) -> JsonObject:
        """Where in its chat a message lies: in a topic, in a business account's chat, beneath another message."""
        thread, business, reply = asked.message_thread_id, asked.business_connection_id, asked.reply_parameters
        topic = {"message_thread_id": thread, "is_topic_message": True} if thread else {}
        above = self._chats.known(chat_id, reply.message_id) if reply else None
        return {**topic, **given({"business_connection_id": business, "reply_to_message": above})}


def seen(call: Call, *, message: JsonObject | None = None, **fields: object) -> Answer:
    number = (message or {}).get("message_id")
    values = {"method": call.method, "arguments": call.arguments, "message_id": number, "result": message or True}
    return Answer.model_validate({**values, **fields})


def given_caption(call: Call) -> JsonObject:
    return given({"caption": call.arguments.get("caption")})


def inline(markup: Any) -> JsonObject:  # noqa: ANN401 # it comes from a bot
    """The keyboard that a message shows; others are the person's."""
    return {"reply_markup": markup} if markup and markup.get("inline_keyboard") else {}
