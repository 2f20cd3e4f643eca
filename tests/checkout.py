"""The FSM of a checkout, in two versions, and the records of its store."""

import asyncio
from datetime import datetime

from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import BaseEventIsolation, StorageKey
from pydantic import BaseModel
from typing_extensions import TypedDict

from typed_sessions import History, JsonObject, Record, SessionConfig, Store
from typed_sessions.integrations.aiogram.fsm import TypedStorage
from typed_sessions.integrations.aiogram.fsm_session import FsmSession
from typed_sessions.stores.protocol import Query, Row

BOT, CLUB, ADA, BOB = 7009001, -1002001001, 71001001, 71001002
KEY = StorageKey(bot_id=BOT, chat_id=CLUB, user_id=ADA)


class Form(StatesGroup):
    street = State()
    floor = State()


class CheckoutData(TypedDict, total=False):
    street: str
    floor: int
    when: datetime
    lines: list[str]


class Checkout(FsmSession):
    session_config = SessionConfig(name="checkout")

    data: CheckoutData = {}


class DoorData(TypedDict, total=False):
    address: str
    floor: int


class DoorHistory(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        data = {**old["data"]}
        if "street" in data:
            data["address"] = data.pop("street")
        return {**old, "data": data}


class Door(FsmSession):
    """A later `Checkout`."""

    session_config = SessionConfig(name="checkout", version=2, history=DoorHistory())

    data: DoorData = {}


class Address(BaseModel):
    street: str = ""
    floor: int = 0


class Delivery(FsmSession):
    """An FSM whose data is a model."""

    session_config = SessionConfig(name="delivery")

    data: Address = Address()


async def rows(store: Store) -> list[Row]:
    return list(await store.scan(Query()))


async def records(store: Store) -> list[Record]:
    return [record for _, record in await rows(store)]


async def count(isolation: BaseEventIsolation, storage: TypedStorage[Checkout]) -> None:
    """Read, think, write."""
    async with isolation.lock(KEY):
        seen = (await storage.get_data(KEY)).get("floor", 0)
        await asyncio.sleep(0)
        await storage.set_data(KEY, {"floor": seen + 1})
