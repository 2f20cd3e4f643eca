from collections.abc import Iterator
from pathlib import Path

from tests.typing.shop import Cart
from typed_sessions import MemoryStore
from typed_sessions.importing import Bad, Entry, Found, Other, Source, Tally, Target, Versions, import_sessions
from typed_sessions.importing.aiogram import FsmKeys
from typed_sessions.importing.entry import Reader
from typed_sessions.importing.files import GrammyFolder, JsonFile
from typed_sessions.importing.grammy import GrammyKeys, GrammySource
from typed_sessions.importing.pickles.process import PickleFile
from typed_sessions.importing.postgresql import PostgresqlTable
from typed_sessions.importing.telegram import Part, TelegramParts
from typed_sessions.importing.telegram_json import DictPersistenceFile
from typed_sessions.integrations.places import per_user_in_chat


class Rows:
    def count(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Found]:
        yield Entry("7", ("7", 8), {"currency": "EUR"})
        yield Bad("8", "broken")
        yield Other("9")


def every_reader_is_one(path: Path) -> list[Reader]:
    return [GrammyFolder(path), JsonFile(path), PostgresqlTable("postgresql://localhost/bot")]


def every_source_is_one(path: Path) -> list[Source]:
    parts = TelegramParts(Part.USER_DATA, bot_id=42)
    keys = GrammyKeys(prefix="cart:", separator=":")
    return [GrammySource(GrammyFolder(path), keys), PickleFile(path, parts), DictPersistenceFile(path, parts), Rows()]


def keys_of_a_bot() -> FsmKeys:
    return FsmKeys(bot_id=42, key=per_user_in_chat)


async def rows_become_carts() -> int:
    target = Target(model=Cart, key=lambda entry: ("shop", entry.name), versions=Versions(1, exact={5: 2}))
    tally: Tally = await import_sessions(MemoryStore(), Rows(), target, dry_run=True)
    return tally.imported + tally.bad


async def any_entries_will_do() -> Tally:
    return await import_sessions(MemoryStore(), [Entry("7", ("7",), {})], Target(model=Cart))
