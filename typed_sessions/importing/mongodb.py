"""Documents of a MongoDB collection, read from the server or from a file that `mongoexport` wrote."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic_core import to_json

from typed_sessions.importing.entry import Bad, RefusedError, SourceError, Stored
from typed_sessions.importing.json_texts import elements
from typed_sessions.json_kinds import is_object

try:
    from bson import Decimal128, ObjectId, json_util
    from bson.codec_options import DatetimeConversion
    from bson.errors import BSONError
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f'{error.name} is not installed; pip install "typed-sessions[importing]"', name=error.name
    ) from error

PAGE: Final = 500
MAX_DEPTH: Final = 100

# A time beyond the year 9999, which Python has not, must cost its own document only.
AUTO: Final = DatetimeConversion.DATETIME_AUTO
OPTIONS: Final = json_util.JSONOptions(tz_aware=True, tzinfo=UTC, datetime_conversion=AUTO)
NO_EXTENDED_JSON: Final = (ValueError, TypeError, ArithmeticError, BSONError, RecursionError)

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MongoCollection:
    """A collection of a server.

    Args:
        url: as of pymongo: `mongodb://user:password@host:27017`, `mongodb+srv://…`.
        database: its name.
        collection: its name.
    """

    url: str
    database: str
    collection: str

    def count(self) -> int:
        """About how many documents there are."""
        with self._connected() as client:
            return int(client[self.database][self.collection].estimated_document_count())

    def __iter__(self) -> Iterator[Document | Bad]:
        with self._connected() as client:
            yield from client[self.database][self.collection].find(batch_size=PAGE)

    @contextmanager
    def _connected(self) -> "Generator[MongoClient[dict[str, Any]]]":
        try:
            with MongoClient[dict[str, Any]](self.url, tz_aware=True, tzinfo=UTC, datetime_conversion=AUTO) as client:
                yield client
        except (PyMongoError, BSONError) as error:
            reason = str(error).partition(",")[0]
            raise SourceError(f"MongoDB cannot be read: {reason}; check the URL, or use mongoexport") from None


@dataclass(frozen=True, slots=True)
class MongoExport:
    """A file of `mongoexport`: a document on each line, or all in an array (`--jsonArray`), read as a whole."""

    path: Path

    def count(self) -> int:
        return sum(1 for _ in self._texts())

    def __iter__(self) -> Iterator[Document | Bad]:
        for number, text in enumerate(self._texts(), start=1):
            yield _document(f"line {number}", text)

    def _texts(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                is_array_form = file.read(1) == b"["
                file.seek(0)
                if is_array_form:
                    yield from elements(file.read())
                else:
                    yield from filter(None, map(bytes.strip, file))
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror}") from None
        except RefusedError as error:
            raise SourceError(f"{self.path} cannot be read: {error}; export it again, without --jsonArray") from None


Documents = MongoCollection | MongoExport


def _document(name: str, text: bytes) -> Document | Bad:
    try:
        document: object = json_util.loads(text, json_options=OPTIONS)
    except NO_EXTENDED_JSON:
        return Bad(name, "it is no extended JSON, as mongoexport writes it; export it again", text)
    return document if is_object(document) else Bad(name, "it is no document, as mongoexport writes it", text)


def original(document: Document) -> bytes:
    """A document for the report, as mongoexport would write it."""
    return json_util.dumps(document).encode()


def plain(value: object, depth: int = 0) -> object:
    """The value in JSON's own types: times as JavaScript writes them (`toJSON`), ids and decimals as text.

    Raises:
        RefusedError: JSON has nothing like it.
    """
    if depth > MAX_DEPTH:
        raise RefusedError(f"its data is nested deeper than {MAX_DEPTH} levels")
    match value:
        case None | bool() | str() | float():
            return value
        case int():
            return int(value)  # an Int64 is a subclass
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case ObjectId() | Decimal128():
            return str(value)
        case Mapping():
            return {str(name): plain(child, depth + 1) for name, child in value.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # whatever is stored
        case list():
            return [plain(child, depth + 1) for child in value]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # whatever is stored
        case _:
            raise RefusedError(f"its data has a value of BSON's type {type(value).__name__}, which JSON has not")


@dataclass(frozen=True, slots=True)
class MongoValues:
    """The documents `{key, value}` of `@grammyjs/storage-mongodb`."""

    documents: Documents

    def count(self) -> int:
        return self.documents.count()

    def __iter__(self) -> Iterator[Stored | Bad]:
        for document in self.documents:
            yield document if isinstance(document, Bad) else _stored(document)


def _stored(document: Document) -> Stored | Bad:
    name = document.get("key")
    if not isinstance(name, str) or "value" not in document:
        return Bad(str(name), "it has no key and value, so it is none of grammY's", original(document))
    try:
        return Stored(name, to_json(plain(document["value"]), inf_nan_mode="constants"))
    except (RefusedError, ValueError) as error:
        return Bad(name, str(error), original(document))
