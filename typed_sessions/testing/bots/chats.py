"""What Telegram knows of the bot's chats: who is there, what was said, which queries wait for an answer."""

from collections.abc import Iterator

from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_object
from typed_sessions.testing.bots.calls import RefusedError, bad_request
from typed_sessions.testing.bots.people import Chat, Person

QUERIES = ("callback_query", "inline_query", "shipping_query", "pre_checkout_query")
OUTSIDE = frozenset({"left", "kicked"})
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


class Chats:
    """Learns from each update, and from what the bot sends. Looking up what it does not know raises RefusedError."""

    def __init__(self, bot: Person) -> None:
        self._people: dict[int, JsonObject] = {bot.id: bot.json}
        self._chats: dict[int, JsonObject] = {}
        self._messages: dict[tuple[int, int], JsonObject] = {}
        self._queries: dict[str, int] = {}
        self._moved: dict[int, int] = {}
        self._closed: set[int] = set()
        self.last_message_id = 0

    def open(self, chat: Chat, person: Person | None = None) -> None:
        """The bot may write here, as if somebody had written to it."""
        self._chats.setdefault(chat.id, chat.json)
        if person:
            self._people[person.id] = person.json

    def learn(self, update: JsonObject) -> None:
        """Learn from an update that is delivered."""
        for kind, content in update.items():
            if is_object(content):
                self._learn_objects(content)
                if kind in QUERIES:
                    self._queries[content["id"]] = place_of(content)
                if kind == "my_chat_member":
                    self._learn_membership(content)

    def _learn_objects(self, content: JsonObject) -> None:
        for each in objects_in(content):
            if "is_bot" in each:
                self._people[each["id"]] = each
            if is_object(chat := each.get("chat")):
                self._chats.setdefault(chat["id"], chat)
            if "message_id" in each and is_object(chat) and "date" in each:
                self.keep(each)
            if "migrate_to_chat_id" in each and is_object(chat):
                self._move(chat, each["migrate_to_chat_id"])

    def _move(self, chat: JsonObject, supergroup: int) -> None:
        self._moved[chat["id"]] = supergroup
        self._chats.setdefault(supergroup, {**chat, "id": supergroup, "type": "supergroup"})

    def _learn_membership(self, content: JsonObject) -> None:
        is_outside = content["new_chat_member"]["status"] in OUTSIDE
        (self._closed.add if is_outside else self._closed.discard)(content["chat"]["id"])

    def keep(self, message: JsonObject) -> None:
        """A message is in its chat, in this form."""
        self.last_message_id = max(self.last_message_id, message["message_id"])
        self._messages[message["chat"]["id"], message["message_id"]] = message

    def chat(self, chat_id: int | str) -> JsonObject:
        """The chat with this id or `@username`, where the bot may write."""
        chat = self._find(chat_id)
        if chat is None:
            raise bad_request("chat not found")
        if moved := self._moved.get(chat["id"]):
            reason = "Bad Request: group chat was upgraded to a supergroup chat"
            raise RefusedError(reason, parameters={"migrate_to_chat_id": moved})
        if chat["id"] in self._closed:
            by = "blocked by the user" if chat["type"] == "private" else f"kicked from the {chat['type']} chat"
            raise RefusedError(f"Forbidden: bot was {by}", code=403)
        return chat

    def _find(self, chat_id: int | str) -> JsonObject | None:
        if isinstance(chat_id, int):
            return self._chats.get(chat_id)
        return next((chat for chat in self._chats.values() if f"@{chat.get('username')}" == chat_id), None)

    def person(self, person_id: int) -> JsonObject:
        if person_id not in self._people:
            raise bad_request("user not found")
        return self._people[person_id]

    def message(self, chat_id: int, message_id: int, purpose: str) -> JsonObject:
        """A message that is there; `purpose` says in the refusal what it was wanted for."""
        if (chat_id, message_id) not in self._messages:
            raise bad_request(f"message to {purpose} not found")
        return self._messages[chat_id, message_id]

    def known(self, chat_id: int, message_id: int) -> JsonObject | None:
        """A message if it is there, without the one that it replies to."""
        message = self._messages.get((chat_id, message_id), {})
        return {name: part for name, part in message.items() if name != "reply_to_message"} or None

    def messages(self, chat_id: int) -> list[JsonObject]:
        """All messages of a chat, in the order in which they first came."""
        return [message for (chat, _), message in self._messages.items() if chat == chat_id]

    def forget(self, chat_id: int, message_id: int) -> None:
        self.message(chat_id, message_id, "delete")
        del self._messages[chat_id, message_id]

    def answer(self, query_id: str) -> int:
        """Take a query off those that wait, and say where the answer is seen."""
        if query_id not in self._queries:
            raise bad_request(TOO_OLD)
        return self._queries.pop(query_id)


def objects_in(content: JsonObject) -> Iterator[JsonObject]:
    """An object and all that it holds."""
    yield content
    for part in content.values():
        if is_object(part):
            yield from objects_in(part)


def place_of(query: JsonObject) -> int:
    message = query.get("message")
    place = message["chat"] if is_object(message) else query["from"]
    return int(place["id"])
