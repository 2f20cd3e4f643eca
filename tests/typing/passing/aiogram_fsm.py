from typing import assert_type

from aiogram import Dispatcher
from aiogram.fsm.context import FSMContext
from aiogram.fsm.storage.base import BaseEventIsolation, BaseStorage
from pydantic import BaseModel, JsonValue
from typing_extensions import TypedDict

from typed_sessions import Session, SessionConfig, Sessions
from typed_sessions.integrations.aiogram import FsmSession, FsmState, SessionIsolation, TypedStorage


class CheckoutData(TypedDict, total=False):
    street: str
    floor: int


class Checkout(FsmSession):
    session_config = SessionConfig(name="checkout")

    data: CheckoutData = {}


class Address(BaseModel):
    street: str = ""


class Delivery(FsmSession):
    session_config = SessionConfig(name="delivery")

    data: Address = Address()


class Loose(FsmSession):
    session_config = SessionConfig(name="loose")

    data: dict[str, JsonValue] = {}


def a_dispatcher_takes_them(sessions: Sessions) -> Dispatcher:
    storage: BaseStorage = TypedStorage(sessions, Checkout, destinies={"delivery": Delivery, "loose": Loose})
    isolation: BaseEventIsolation = SessionIsolation(sessions, lock_timeout=5.0)
    return Dispatcher(storage=storage, events_isolation=isolation)


def the_record_is_opened_as_any_session(storage: TypedStorage[Checkout], state: FSMContext) -> Session[Checkout]:
    return storage.open(state.key)


async def the_record_is_typed(sessions: Sessions, state: FSMContext) -> None:
    async with TypedStorage(sessions, Checkout).open(state.key) as checkout:
        assert_type(checkout.state, str | None)
        assert_type(checkout.data, CheckoutData)
        checkout.data["floor"] = 4


async def without_a_model_it_is_json(sessions: Sessions, state: FSMContext) -> None:
    async with TypedStorage(sessions).open(state.key) as record:
        assert_type(record, FsmState)
        assert_type(record.data, dict[str, JsonValue])


def records_are_made_with_and_without_data() -> tuple[Checkout, Delivery]:
    return Checkout(state="Form:street", data={"floor": 4}), Delivery()
