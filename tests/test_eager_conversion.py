"""What makes the new bytes of an old session, without any database."""

import pytest
from pydantic_core import to_json

from tests.old_carts import NAME, OF_1, OF_2, OF_3, SECRET, Cart, CartHistory, key, record
from typed_sessions import (
    History,
    InvalidSessionError,
    JsonObject,
    SessionDefinitionError,
    SessionTooLargeError,
    TooOldVersionError,
    UpcastError,
)
from typed_sessions.eager.batches import Batch, Failure, converted
from typed_sessions.eager.conversion import by_steps, head_of, to_head
from typed_sessions.eager.tally import OTHERS, REASONS, Tally
from typed_sessions.limits import Limits
from typed_sessions.stores.sqlalchemy.bulk import Stale


class ByHand(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {**old, "currency": "EUR"}


class Careless(CartHistory):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {"items": old["items"], "customer": old["user"], old["user"]: 1}


def test_to_the_head_with_the_form_of_the_model() -> None:
    conversion = to_head(Cart, Limits())

    assert (conversion.model, conversion.version, conversion.min_reader) == (NAME, 3, 2)
    assert conversion.convert(key(1), record()) == conversion.convert(key(1), record(OF_2, 2)) == OF_3


def test_to_the_head_within_the_limits() -> None:
    with pytest.raises(SessionTooLargeError):
        to_head(Cart, Limits(max_bytes=20)).convert(key(1), record())


@pytest.mark.parametrize(("to", "min_reader"), [(2, 2), (3, 2)])
def test_by_steps_with_the_frozen_form(to: int, min_reader: int) -> None:
    conversion = by_steps(NAME, CartHistory(), to)

    assert (conversion.version, conversion.min_reader) == (to, min_reader)


def test_by_steps_no_class_has_a_say_in_the_bytes() -> None:
    data = by_steps(NAME, CartHistory(), 3).convert(key(1), record())

    assert data == b'{"items":["funghi"],"customer":7,"currency":"EUR","count":0}'  # in the order of the step


def test_a_result_that_has_not_the_frozen_shape_is_refused_and_not_quoted() -> None:
    old = record(to_json({"items": [], "user": SECRET}))

    with pytest.raises(UpcastError, match="not the frozen shape of version 2: customer: Input should be") as caught:
        by_steps(NAME, Careless(), 2).convert(key(1), old)

    assert "customer: Input should be a valid integer" in str(caught.value)


def test_a_history_by_hand_needs_no_frozen_shapes() -> None:
    conversion = by_steps("cart", ByHand(), 2)

    assert (conversion.min_reader, conversion.convert(key(1), record(b"{}"))) == (2, b'{"currency":"EUR"}')
    assert by_steps("cart", ByHand(), 2, min_reader=1).min_reader == 1


def test_the_head_of_a_history() -> None:
    assert [head_of(each) for each in (CartHistory(), ByHand(), History())] == [3, 2, 1]


@pytest.mark.parametrize("to", [0, 4])
def test_a_version_that_the_history_does_not_reach_is_refused(to: int) -> None:
    with pytest.raises(SessionDefinitionError, match=f"reaches from version 1 to 3, not to {to}"):
        by_steps(NAME, CartHistory(), to)


def test_a_session_from_before_the_history_is_refused() -> None:
    class Later(History):
        oldest = 2

        @staticmethod
        def v2_to_v3(old: JsonObject, /) -> JsonObject:
            return old

    with pytest.raises(TooOldVersionError):
        by_steps("cart", Later(), 3).convert(key(1), record())


@pytest.mark.parametrize(("data", "error"), [(b"[]", InvalidSessionError), (b'{"items": [', InvalidSessionError)])
def test_data_that_is_no_session_is_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        by_steps(NAME, CartHistory(), 2).convert(key(1), record(data))


def test_a_failure_stops_no_other_of_the_page() -> None:
    page = [Stale("secret", 1, 1, 5, b"[]"), Stale("2", 1, 1, 5, OF_1)]

    done = converted(to_head(Cart, Limits()), page)

    assert [(new.key, new.expected, new.data) for new in done.replacements] == [("2", 5, OF_3)]
    assert [failure.key.text for failure in done.failures] == ["secret"]
    assert done.failures[0].reason.startswith("the stored session (version 1) is invalid")


def test_reasons_without_end_take_no_memory_without_end() -> None:
    tally = Tally()

    tally.add(Batch(0, failures=[Failure(key(number), f"lines.{number} is wrong") for number in range(10 * REASONS)]))

    assert (tally.failed, len(tally.reasons), tally.reasons[OTHERS]) == (10 * REASONS, REASONS + 1, 9 * REASONS)
