"""Updates of every kind, as the Bot API gives them."""

from collections.abc import Sequence
from datetime import timedelta

from typed_sessions.clock import Clock, utc_now
from typed_sessions.history import JsonObject
from typed_sessions.testing.bots import messages
from typed_sessions.testing.bots.messages import member, message, text_fields
from typed_sessions.testing.bots.people import Chat, Person, given, private

BOT = Person(id=7009001, first_name="Bot", username="typed_sessions_bot", is_bot=True)
MONTH = timedelta(days=30)


class Updates:
    """Makes updates, as JSON objects; each method is named after the field of `Update` that it fills.

    Numbers of updates and messages count up by themselves, dates come from the clock. A `chat` that is left out is
    the person's private chat. What is given by further keywords stands in the object as it is, so that any field
    of the Bot API can be had: `updates.message(ada, "hi", reply_to_message=…)`.
    """

    def __init__(self, *, clock: Clock = utc_now, bot: Person = BOT) -> None:
        self.bot = bot
        self._clock = clock
        self._last_update = 0
        self._last_message = 0

    @property
    def now(self) -> int:
        """The clock's time, in seconds since 1970."""
        return int(self._clock().timestamp())

    def next_message_id(self) -> int:
        self._last_message += 1
        return self._last_message

    def seen(self, *, update_id: int = 0, message_id: int = 0) -> None:
        """Numbers that come from elsewhere will not be given again."""
        self._last_update = max(self._last_update, update_id)
        self._last_message = max(self._last_message, message_id)

    def update(self, kind: str, content: JsonObject) -> JsonObject:
        """An update of any kind, with the next number."""
        self._last_update += 1
        return {"update_id": self._last_update, kind: content}

    def message(self, person: Person, text: str, *, chat: Chat | None = None, **more: object) -> JsonObject:
        return self.update("message", {**self._said(person, text, chat), **more})

    def edited_message(self, person: Person, text: str, *, chat: Chat | None = None, **more: object) -> JsonObject:
        """Give `message_id` to say which message was edited."""
        return self.update("edited_message", {**self._said(person, text, chat), "edit_date": self.now, **more})

    def service_message(self, person: Person, *, chat: Chat | None = None, **more: object) -> JsonObject:
        """A message without text, such as one with `forum_topic_created`, `new_chat_members` or `photo`."""
        return self.update("message", {**self._message(person, chat), **more})

    def forum_topic_created(self, person: Person, topic: Chat, name: str) -> JsonObject:
        return self.service_message(person, chat=topic, forum_topic_created={"name": name, "icon_color": 7322096})

    def migrate_to_chat(self, person: Person, group: Chat, supergroup: Chat) -> JsonObject:
        """The last message of a group, which became a supergroup. `migrate_from_chat` is the supergroup's first."""
        return self.service_message(person, chat=group, migrate_to_chat_id=supergroup.id)

    def migrate_from_chat(self, person: Person, group: Chat, supergroup: Chat) -> JsonObject:
        return self.service_message(person, chat=supergroup, migrate_from_chat_id=group.id)

    def channel_post(self, text: str, *, chat: Chat, **more: object) -> JsonObject:
        return self.update("channel_post", {**self._said(None, text, chat), "sender_chat": chat.json, **more})

    def edited_channel_post(self, text: str, *, chat: Chat, **more: object) -> JsonObject:
        edited = {**self._said(None, text, chat), "sender_chat": chat.json, "edit_date": self.now}
        return self.update("edited_channel_post", {**edited, **more})

    def callback_query(
        self, person: Person, data: str, *, chat: Chat | None = None, message: JsonObject | None = None, **more: object
    ) -> JsonObject:
        """A tapped button of `message`, which is one of the bot's if it is left out."""
        beneath = message or {**self._message(self.bot, chat or private(person)), "text": "?"}
        return self.update("callback_query", {**self._query(person), "chat_instance": "1", "message": beneath,
                                              "data": data, **more})  # fmt: skip

    def inline_query(self, person: Person, query: str, **more: object) -> JsonObject:
        return self.update("inline_query", {**self._query(person), "query": query, "offset": "", **more})

    def chosen_inline_result(self, person: Person, result_id: str, *, query: str = "", **more: object) -> JsonObject:
        chosen = {"from": person.json, "result_id": result_id, "query": query}
        return self.update("chosen_inline_result", {**chosen, **more})

    def shipping_query(self, person: Person, payload: str, **more: object) -> JsonObject:
        asked = {"invoice_payload": payload, "shipping_address": messages.address()}
        return self.update("shipping_query", {**self._query(person), **asked, **more})

    def pre_checkout_query(self, person: Person, payload: str, *, amount: int = 100, **more: object) -> JsonObject:
        """The amount is in hundredths of the currency, which is `EUR` if it is left out."""
        asked = {"currency": "EUR", "total_amount": amount, "invoice_payload": payload}
        return self.update("pre_checkout_query", {**self._query(person), **asked, **more})

    def purchased_paid_media(self, person: Person, payload: str) -> JsonObject:
        return self.update("purchased_paid_media", {"from": person.json, "paid_media_payload": payload})

    def poll(self, poll_id: str, question: str, options: Sequence[str], **more: object) -> JsonObject:
        """The new state of a poll: an update without chat and person."""
        return self.update("poll", {**messages.poll_fields(poll_id, question, options), **more})

    def poll_answer(self, person: Person, poll_id: str, options: Sequence[int]) -> JsonObject:
        """A vote for the options with these indexes; no options take the vote back."""
        chosen = {"option_ids": list(options), "option_persistent_ids": [str(option) for option in options]}
        return self.update("poll_answer", {"poll_id": poll_id, "user": person.json, **chosen})

    def my_chat_member(
        self, person: Person, *, chat: Chat | None = None, old: str = "left", new: str = "member"
    ) -> JsonObject:
        """A person changed the status of the bot, by adding it (as here), removing or blocking it (`new="kicked"`)."""
        return self.update("my_chat_member", self._member_changed(person, self.bot, chat or private(person), old, new))

    def chat_member(
        self, person: Person, *, chat: Chat, by: Person | None = None, old: str = "left", new: str = "member"
    ) -> JsonObject:
        """The status of a person changed, by somebody's doing or their own."""
        return self.update("chat_member", self._member_changed(by or person, person, chat, old, new))

    def chat_join_request(self, person: Person, *, chat: Chat, **more: object) -> JsonObject:
        asked = {"chat": chat.json, "from": person.json, "user_chat_id": person.id, "date": self.now}
        return self.update("chat_join_request", {**asked, **more})

    def message_reaction(
        self, person: Person, message_id: int, *, chat: Chat | None = None, old: Sequence[str] = (), new: Sequence[str]
    ) -> JsonObject:
        """The emoji that a person put under a message, before and now."""
        where = {"chat": (chat or private(person)).json, "message_id": message_id, "user": person.json}
        reactions = {"old_reaction": messages.emoji(old), "new_reaction": messages.emoji(new)}
        return self.update("message_reaction", {**where, "date": self.now, **reactions})

    def message_reaction_count(self, message_id: int, *, chat: Chat, **counts: int) -> JsonObject:
        """How often each emoji stands under a message, given as `**{"👍": 3}`."""
        reactions = [{"type": {"type": "emoji", "emoji": sign}, "total_count": count} for sign, count in counts.items()]
        where = {"chat": chat.json, "message_id": message_id, "date": self.now}
        return self.update("message_reaction_count", {**where, "reactions": reactions})

    def chat_boost(self, person: Person, *, chat: Chat) -> JsonObject:
        ends = self.now + int(MONTH.total_seconds())
        boost = {
            "boost_id": "1",
            "add_date": self.now,
            "expiration_date": ends,
            "source": messages.boost_source(person),
        }
        return self.update("chat_boost", {"chat": chat.json, "boost": boost})

    def removed_chat_boost(self, person: Person, *, chat: Chat) -> JsonObject:
        removed = {"boost_id": "1", "remove_date": self.now, "source": messages.boost_source(person)}
        return self.update("removed_chat_boost", {"chat": chat.json, **removed})

    def business_connection(self, owner: Person, connection_id: str, *, is_enabled: bool = True) -> JsonObject:
        """A business account was connected to the bot, or is no more."""
        about = {"id": connection_id, "user": owner.json, "user_chat_id": owner.id, "date": self.now}
        flags = {"is_enabled": is_enabled, "can_reply": True, "rights": {"can_reply": True}}
        return self.update("business_connection", {**about, **flags})

    def business_message(self, person: Person, text: str, *, chat: Chat, **more: object) -> JsonObject:
        """A message in the chat of a business account; the chat is `private(person).business("connection")`."""
        return self.update("business_message", {**self._said(person, text, chat), **more})

    def edited_business_message(self, person: Person, text: str, *, chat: Chat, **more: object) -> JsonObject:
        edited = {**self._said(person, text, chat), "edit_date": self.now}
        return self.update("edited_business_message", {**edited, **more})

    def deleted_business_messages(self, message_ids: Sequence[int], *, chat: Chat) -> JsonObject:
        about = {"business_connection_id": chat.business_connection_id, "chat": chat.json}
        return self.update("deleted_business_messages", {**given(about), "message_ids": list(message_ids)})

    def _message(self, person: Person | None, chat: Chat | None) -> JsonObject:
        place = chat or private(person or self.bot)
        return message(self.next_message_id(), self.now, place, person)

    def _said(self, person: Person | None, text: str, chat: Chat | None) -> JsonObject:
        return {**self._message(person, chat), **text_fields(text)}

    def _query(self, person: Person) -> JsonObject:
        return {"id": str(self._last_update + 1), "from": person.json}

    def _member_changed(self, by: Person, person: Person, chat: Chat, old: str, new: str) -> JsonObject:
        change = {"old_chat_member": member(person, old), "new_chat_member": member(person, new)}
        return {"chat": chat.json, "from": by.json, "date": self.now, **change}
