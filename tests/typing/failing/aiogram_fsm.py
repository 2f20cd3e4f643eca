from aiogram import Dispatcher
from aiogram.fsm.storage.base import StorageKey
from typing_extensions import TypedDict

from tests.typing.shop import Cart
from typed_sessions import SessionConfig, Sessions
from typed_sessions.integrations.aiogram import FsmSession, SessionIsolation, TypedStorage


class CheckoutData(TypedDict, total=False):
    street: str
    floor: int


class Checkout(FsmSession):
    session_config = SessionConfig(name="checkout")

    data: CheckoutData = {}


class Wrong(FsmSession):
    session_config = SessionConfig(name="wrong")

    data: CheckoutData = {"floor": "high"}  # error: mypy[typeddict-item] pyright[reportAssignmentType]


def storages(sessions: Sessions) -> None:
    TypedStorage(sessions, Cart)  # error: mypy[type-var] pyright[reportArgumentType]
    TypedStorage(sessions, Checkout, destinies={"cart": Cart})  # error: mypy[dict-item] pyright[reportArgumentType]
    TypedStorage("sessions")  # error: mypy[call-overload] pyright[reportArgumentType]
    SessionIsolation(sessions, lock_timeout="5 s")  # error: mypy[arg-type] pyright[reportArgumentType]
    Dispatcher(storage=SessionIsolation(sessions))  # error: mypy[arg-type] pyright[reportArgumentType]


async def records(storage: TypedStorage[Checkout], key: StorageKey) -> None:
    async with storage.open(key) as checkout:
        checkout.data["floor"] = "high"  # error: mypy[typeddict-item] pyright[reportGeneralTypeIssues]
        checkout.data["flor"] = 4  # error: mypy[typeddict-unknown-key] pyright[reportGeneralTypeIssues]
        checkout.state = 5  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
    await storage.set_state(key, 5)  # error: mypy[arg-type] pyright[reportArgumentType]
    await storage.set_data(key, ["a"])  # error: mypy[arg-type] pyright[reportArgumentType]
