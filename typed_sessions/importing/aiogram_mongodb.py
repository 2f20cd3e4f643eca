"""aiogram's `PyMongoStorage` and `MongoStorage`: a document `{_id, state, data}` for each key."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from typed_sessions.importing.aiogram import DATA, STATE, FsmKeys, FsmRecord
from typed_sessions.importing.entry import Bad, Found, RefusedError
from typed_sessions.importing.mongodb import Document, Documents, original, plain


@dataclass(frozen=True, slots=True)
class AiogramMongo:
    """The states and data of a `PyMongoStorage` or `MongoStorage`.

    Args:
        documents: the collection, `states_and_data` in `aiogram_fsm` by default, or a file of `mongoexport`.
        keys: how the keys were built, and what they become.
    """

    documents: Documents
    keys: FsmKeys = field(default_factory=FsmKeys)

    def count(self) -> int:
        return self.documents.count()

    def __iter__(self) -> Iterator[Found]:
        for document in self.documents:
            yield document if isinstance(document, Bad) else self._found(document)

    def _found(self, document: Document) -> Found:
        name, text = document.get("_id"), original(document)
        state, data = document.get(STATE), document.get(DATA)
        if not isinstance(name, str) or not isinstance(state, str | None):
            return Bad(str(name), "its _id or its state is no text, so it is none of aiogram's", text)
        try:
            return self.keys.found(FsmRecord(name, state, {} if data is None else plain(data), None, text))
        except RefusedError as error:
            return Bad(name, str(error), text)
