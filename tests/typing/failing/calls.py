from contextlib import ExitStack

from pydantic import BaseModel

from tests.typing.shop import Cart, Prefs, Shop
from typed_sessions import (
    MemoryStore,
    Quarantined,
    Session,
    Sessions,
    Settings,
    SyncMemoryStore,
    SyncSession,
    SyncSessions,
)


class NoSession(BaseModel):
    name: str = ""


async def the_wrong_model(sessions: Sessions) -> None:
    await sessions.save("42", {"currency": "EUR"})  # error: mypy[arg-type] pyright[reportArgumentType]
    await sessions.load(NoSession, "42")  # error: mypy[type-var] pyright[reportArgumentType]
    await sessions.load("cart", "42")  # error: mypy[arg-type] pyright[reportArgumentType]
    session: Session[Prefs] = sessions.open(Cart, "42")  # error: mypy[arg-type] pyright[reportAssignmentType]
    sessions.open_group(Cart, "42")  # error: mypy[type-var] pyright[reportArgumentType]
    async for _, cart in sessions.items(Cart):
        prefs: Prefs = cart  # error: mypy[assignment] pyright[reportAssignmentType]
        session.data = prefs


async def the_wrong_key(sessions: Sessions) -> None:
    sessions.open(Cart, 4.2)  # error: mypy[arg-type] pyright[reportArgumentType]
    sessions.open(Cart, None)  # error: mypy[arg-type] pyright[reportArgumentType]
    sessions.open(Cart, ("chat", 4.2))  # error: mypy[arg-type] pyright[reportArgumentType]
    sessions.open(Cart, ["chat", 42])  # error: mypy[arg-type] pyright[reportArgumentType]
    sessions.open(Cart)  # error: mypy[call-arg] pyright[reportCallIssue]
    sessions.open_group(Shop, "42", keys={"prefs": 4.2})  # error: mypy[dict-item] pyright[reportArgumentType]
    await sessions.delete_owner(None)  # error: mypy[arg-type] pyright[reportArgumentType]


async def the_wrong_way(sessions: Sessions) -> None:
    sessions.load(Cart, "42")  # error: mypy[unused-coroutine] pyright[reportUnusedCoroutine]
    opened = sessions.open(Cart, "42")
    opened.data.currency = opened.load()  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
    ExitStack().enter_context(opened)  # error: mypy[arg-type] pyright[reportArgumentType]


def rename(prefs: Prefs) -> None:
    prefs.favourite = None


def replaced(cart: Cart) -> Cart:
    return cart


async def wait(cart: Cart) -> None:
    cart.currency = "USD"


async def the_wrong_update(sessions: Sessions, threads: SyncSessions) -> None:
    await sessions.update(Cart, "42", rename)  # error: mypy[arg-type] pyright[reportArgumentType]
    await sessions.update(Cart, "42", replaced)  # error: mypy[arg-type] pyright[reportArgumentType]
    await sessions.update(Cart, "42", wait)  # error: mypy[arg-type] pyright[reportArgumentType]
    threads.update(Cart, "42", rename)  # error: mypy[arg-type] pyright[reportArgumentType]


def threads(sessions: SyncSessions) -> SyncSession[Prefs]:
    sessions.save("42", {})  # error: mypy[arg-type] pyright[reportArgumentType]
    sessions.open(Cart, 4.2)  # error: mypy[arg-type] pyright[reportArgumentType]
    return sessions.open(Cart, "42")  # error: mypy[arg-type] pyright[reportReturnType]


def the_wrong_store() -> None:
    Sessions(SyncMemoryStore())  # error: mypy[arg-type] pyright[reportArgumentType]
    SyncSessions(MemoryStore())  # error: mypy[arg-type] pyright[reportArgumentType]
    Sessions(MemoryStore(), lock_timeout="1 s")  # error: mypy[arg-type] pyright[reportArgumentType]
    Sessions.from_settings("sqlite://")  # error: mypy[arg-type] pyright[reportArgumentType]
    Settings(database_url="sqlite://").pool_size = "5"  # error: mypy[assignment] pyright[reportAttributeAccessIssue]


async def the_wrong_entry(sessions: Sessions, entry: Quarantined) -> None:
    await sessions.quarantine.retry("cart", entry)  # error: mypy[arg-type] pyright[reportArgumentType]
    await sessions.quarantine.retry(Cart, entry.key)  # error: mypy[arg-type] pyright[reportArgumentType]
    await sessions.quarantine.drop(entry.at)  # error: mypy[arg-type] pyright[reportArgumentType]
    entry.error = ""  # error: mypy[misc] pyright[reportAttributeAccessIssue]


async def the_wrong_rhythm(sessions: Sessions) -> None:
    sessions.cleaning(every=600)  # error: mypy[arg-type] pyright[reportArgumentType]
    sessions.cleaning(batch="1000")  # error: mypy[arg-type] pyright[reportArgumentType]
