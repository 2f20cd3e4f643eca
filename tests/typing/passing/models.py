from datetime import timedelta
from typing import Any, assert_type

from tests.typing.shop import Cart, CartHistory, Line
from typed_sessions import Clock, History, JsonObject, SessionConfig, SessionKey, SessionModel
from typed_sessions.clock import utc_now


class Visit(SessionModel):
    session_config = SessionConfig(
        name="visit",
        version=3,
        history=CartHistory(),
        readable_from=2,
        ttl=timedelta(days=30),
        max_bytes=4096,
        conflicts="raise",
        on_invalid="reset",
        initial=lambda: Visit(page="/"),
    )

    page: str


class LateHistory(History):
    oldest = 2

    @staticmethod
    def v2_to_v3(old: JsonObject, /) -> JsonObject:
        return {"page": old["path"]}


def a_model_is_a_pydantic_model() -> None:
    cart = Cart(lines=[Line(sku="funghi")], currency="USD")
    assert_type(cart.lines, list[Line])
    assert_type(cart.model_copy(), Cart)
    assert_type(Cart.session_config, SessionConfig)


def a_step_sees_plain_json(old: JsonObject) -> None:
    assert_type(old, dict[str, Any])
    assert_type(CartHistory.v1_to_v2(old), JsonObject)


def a_key_is_made_of_text_numbers_or_both() -> None:
    for key in ("42", 42, ("chat", 42), SessionKey("cart", "42")):
        assert_type(SessionKey.of("cart", key), SessionKey)


def a_clock_is_any_function_that_gives_the_time() -> Clock:
    return utc_now
