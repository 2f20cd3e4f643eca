from pathlib import Path

from pydantic import BaseModel

from tests.typing.shop import Cart
from typed_sessions import MemoryStore, SyncMemoryStore
from typed_sessions.importing import Entry, Source, Target, Versions, import_sessions
from typed_sessions.importing.files import GrammyFolder
from typed_sessions.importing.grammy import GrammySource
from typed_sessions.importing.telegram import TelegramParts


class Plain(BaseModel):
    """No session model."""


def key(entry: Entry) -> list[str]:
    return [entry.name]


Target(model=Plain)  # error: mypy[arg-type] pyright[reportArgumentType]
Target(model=Cart, key=key)  # error: mypy[arg-type] pyright[reportArgumentType]
Target(model=Cart, versions=1)  # error: mypy[arg-type] pyright[reportArgumentType]
Versions("1")  # error: mypy[arg-type] pyright[reportArgumentType]
Entry("7", "7", {})  # error: mypy[arg-type] pyright[reportArgumentType]
GrammySource(Path("sessions"))  # error: mypy[arg-type] pyright[reportArgumentType]
TelegramParts("user_data")  # error: mypy[arg-type] pyright[reportArgumentType]
source: Source = GrammyFolder(Path("sessions"))  # error: mypy[assignment] pyright[reportAssignmentType]


async def wrong(folder: GrammyFolder) -> None:
    carts = Target(model=Cart)
    await import_sessions(MemoryStore(), folder, carts)  # error: mypy[arg-type] pyright[reportArgumentType]
    await import_sessions(SyncMemoryStore(), [], carts)  # error: mypy[arg-type] pyright[reportArgumentType]
