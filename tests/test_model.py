from collections.abc import Callable
from copy import copy, deepcopy
from datetime import timedelta
from typing import Any, Generic, TypeVar

import pytest
from pydantic import Field, ValidationError

from tests.shop import Cart, CartHistory, Line
from typed_sessions import History, SessionClosedError, SessionConfig, SessionDefinitionError, SessionModel
from typed_sessions.model import close, reopen

T = TypeVar("T")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"name": ""}, "cannot name a session model"),
        ({"name": "a/b"}, "cannot name a session model"),
        ({"name": "c" * 57}, "cannot name a session model"),
        ({"version": 0}, "count from 1"),
        ({"version": "2"}, "count from 1"),
        ({"ttl": 60}, "must be a timedelta"),
        ({"history": History}, r"write history=History\(\)"),
        ({"version": 3, "history": CartHistory(), "readable_from": 4}, "readable_from must lie between 1 and version"),
        ({"readable_from": 0}, "readable_from must lie between 1 and version"),
        ({"version": 2}, "lacks v1_to_v2"),
        ({"version": 2, "history": CartHistory()}, "has v2_to_v3, which no session"),
        ({"ttl": timedelta(0)}, "ttl must be longer than nothing"),
        ({"ttl": timedelta(seconds=-1)}, "ttl must be longer than nothing"),
        ({"max_bytes": 1}, "leaves no room"),
        ({"conflicts": "ignore"}, "conflicts is 'merge' or 'raise'"),
        ({"on_invalid": "ignore"}, "on_invalid is 'raise', 'quarantine' or 'reset'"),
    ],
)
def test_an_impossible_configuration_is_refused(values: dict[str, Any], reason: str) -> None:
    values = {"name": "cart", **values}

    with pytest.raises(SessionDefinitionError, match=reason):
        SessionConfig(**values)


def test_older_code_may_not_read_a_new_version_unless_it_is_allowed() -> None:
    assert SessionConfig(name="cart", version=3, history=CartHistory()).min_reader == 3
    assert SessionConfig(name="cart", version=3, history=CartHistory(), readable_from=2).min_reader == 2


def test_a_field_without_default_needs_an_initial_state() -> None:
    with pytest.raises(SessionDefinitionError, match="seat has no default; give it one, or SessionConfig"):

        class Seat(SessionModel):  # pyright: ignore[reportUnusedClass]  # refused as it is made
            session_config = SessionConfig(name="seat")

            seat: str


def test_a_field_without_default_may_get_its_initial_state() -> None:
    class Seat(SessionModel):
        session_config = SessionConfig(name="seat", initial=lambda: Seat(seat="1A"))

        seat: str

    assert Seat.session_config.initial is not None
    assert Seat.session_config.initial() == Seat(seat="1A")


def test_an_excluded_field_needs_a_default_because_it_is_not_stored() -> None:
    with pytest.raises(SessionDefinitionError, match="cache is excluded and needs a default"):

        class Seat(SessionModel):  # pyright: ignore[reportUnusedClass]  # refused as it is made
            session_config = SessionConfig(name="seat", initial=lambda: Seat(cache=1))

            cache: int = Field(exclude=True)


def test_a_subclass_may_not_share_the_name_of_its_parent() -> None:
    with pytest.raises(SessionDefinitionError, match="would share the name 'cart' with its parent"):

        class Large(Cart):  # pyright: ignore[reportUnusedClass]  # refused as it is made
            pass


def test_a_subclass_with_a_name_of_its_own_is_another_session() -> None:
    class Large(Cart):
        session_config = SessionConfig(name="large")

    assert (Large.session_config.name, Cart.session_config.name) == ("large", "cart")


def test_a_parent_without_configuration_may_hold_common_fields() -> None:
    class Common(SessionModel):
        language: str = "de"

    class Seat(Common):
        session_config = SessionConfig(name="seat")

    assert Seat().language == "de"


def test_a_generic_session_model_may_be_parametrised() -> None:
    class Box(SessionModel, Generic[T]):
        session_config = SessionConfig(name="box")

        content: T | None = None

    assert Box[int](content=1).content == 1


def test_the_configuration_is_no_field() -> None:
    assert list(Cart.model_fields) == ["lines", "customer_id", "currency"]


def test_an_assignment_is_validated_at_once() -> None:
    cart = Cart()

    with pytest.raises(ValidationError, match="customer_id"):
        cart.customer_id = "nobody"  # type: ignore[assignment]  # the very mistake


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        Cart(colour="red")  # type: ignore[call-arg]  # the very mistake
    with pytest.raises(ValueError, match="colour"):
        Cart().colour = "red"  # type: ignore[attr-defined]  # the very mistake


def test_a_validation_error_does_not_quote_the_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Cart.model_validate({"customer_id": "secret", "lines": [{"sku": "a", "qty": "secret"}]})

    assert "secret" not in f"{caught.value} {caught.value!r}"


def test_a_closed_model_refuses_assignments_and_can_still_be_read() -> None:
    cart = Cart(currency="USD")
    close(cart)

    with pytest.raises(SessionClosedError, match="assigning currency would be lost; open it again"):
        cart.currency = "EUR"
    assert cart.currency == "USD"


@pytest.mark.parametrize("freed", [copy, deepcopy, Cart.model_copy])
def test_a_copy_of_a_closed_model_is_free(freed: Callable[[Cart], Cart]) -> None:
    cart = Cart()
    close(cart)

    other = freed(cart)
    other.currency = "USD"

    assert (other.currency, cart.currency) == ("USD", "EUR")


def test_a_reopened_model_takes_assignments_again() -> None:
    cart = Cart()
    close(cart)
    reopen(cart)

    cart.currency = "USD"

    assert cart.currency == "USD"


def test_being_closed_is_neither_data_nor_part_of_a_comparison() -> None:
    cart = Cart(lines=[Line(sku="a")])
    close(cart)

    assert cart == Cart(lines=[Line(sku="a")])
    assert "closed" not in f"{cart!r} {cart.model_dump()}"


def test_the_history_of_another_name_says_to_keep_the_name() -> None:
    class LoginHistory(History):
        name = "login"

    with pytest.raises(SessionDefinitionError) as refused:
        SessionConfig(name="signin", history=LoginHistory())

    assert str(refused.value) == (
        "signin: its history is that of 'login'; the name is the key of its stored sessions, so keep it, or subclass "
        "the Upcasts of 'signin'"
    )
