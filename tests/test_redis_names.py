"""What sessions are called in Redis, and how they are written there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typed_sessions import Record, SessionDefinitionError, SessionKey, StoreUnavailableError
from typed_sessions.clock import EPOCH
from typed_sessions.errors import InvalidKeyError
from typed_sessions.key import key_text
from typed_sessions.stores.redis.names import Names, slot_of
from typed_sessions.stores.redis.values import life, record_of, value_of
from typed_sessions.testing.samples import key_of
from typed_sessions.testing.samples import record_of as sample

NAMES = Names("app", 0)
PARTS = st.lists(st.text("{}:/%ab*?[\\!", min_size=0, max_size=4) | st.text(max_size=4), min_size=1, max_size=3)
MODELS = st.sampled_from(["cart", "cart2", "a", "cart!reset", "cart!quarantine", "prefs"])
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1)).map(lambda time: time.replace(tzinfo=UTC))  # noqa: DTZ001 # it gets its zone here
RECORDS = st.builds(
    Record,
    version=st.integers(1, 10**6),
    min_reader=st.integers(1, 10**6),
    revision=st.integers(0, 2**63),
    data=st.binary(),
    created_at=TIMES,
    updated_at=TIMES,
    expires_at=st.none() | TIMES,
    owner=st.none() | st.text("a:/%\n-é🍕", max_size=5),
)


def keys() -> st.SearchStrategy[SessionKey]:
    return st.builds(SessionKey, MODELS, PARTS.map(text_of))


def text_of(parts: list[str]) -> str:
    try:
        return key_text(tuple(parts))
    except InvalidKeyError:
        return "x"


@given(keys(), keys())
def test_different_keys_have_different_names(one: SessionKey, other: SessionKey) -> None:
    assert (NAMES.session(one) == NAMES.session(other)) is (one == other)


@given(keys())
def test_a_name_tells_its_key(key: SessionKey) -> None:
    assert NAMES.key(NAMES.session(key)) == key


@given(keys())
def test_a_lock_is_no_session(key: SessionKey) -> None:
    assert NAMES.key(NAMES.lock(key)) is None
    assert slot_of(NAMES.lock(key)) == slot_of(NAMES.session(key))


@given(keys(), st.sampled_from(["cart", "prefs", "cart!reset"]))
def test_sessions_with_the_same_first_part_lie_in_one_slot(key: SessionKey, model: str) -> None:
    text = key.text if "!" not in key.model else "a"
    first, *_ = text.split("/")
    aside = {"cart!reset": f"17/{text}"}.get(model, f"{first}/more")

    assert slot_of(NAMES.session(SessionKey("a", text))) == slot_of(NAMES.session(SessionKey(model, aside)))


def test_a_session_that_was_set_aside_lies_where_it_was() -> None:
    for slot_part in (0, 1, None):
        names = Names("app", slot_part)
        places = {
            slot_of(names.session(key))
            for key in (
                key_of(("user", 7)),
                SessionKey("cart!reset", "17/user/7"),
                SessionKey("cart!quarantine", "user/7/9"),
            )
        }
        assert len(places) == 1, slot_part


def test_the_part_that_is_asked_for_is_the_tag() -> None:
    names = Names("app", 1)

    assert names.session(key_of(("user", 7, "x"))) == b"app:{7}:cart:user/7/x"
    assert names.session(key_of("user")) == b"app:{user}:cart:user"


def test_braces_and_empty_parts_make_no_other_tag() -> None:
    assert NAMES.session(key_of("a}b{c")) == b"app:{a%7Db%7Bc}:cart:a}b{c"
    assert NAMES.session(key_of(("", "x"))) == b"app:{%}:cart:/x"


def test_a_namespace_in_braces_is_one_slot() -> None:
    names = Names("{app}", 0)

    assert len({slot_of(names.session(key_of(number))) for number in range(100)}) == 1


@pytest.mark.parametrize("namespace", ["", "a b", "{a", "a}", "{}", "a{b}", "a!lock", "a*", "x" * 65])
def test_a_namespace_that_would_mislead_is_refused(namespace: str) -> None:
    with pytest.raises(SessionDefinitionError, match="namespace"):
        Names(namespace, 0)


def test_a_slot_part_counts_from_0() -> None:
    with pytest.raises(SessionDefinitionError, match="slot_part"):
        Names("app", -1)


@given(RECORDS)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    assert record_of(value_of(record)) == record


@pytest.mark.parametrize(
    "value",
    [b"", b"{}", b"1:2:3", b"a:1:1:1:1:-:-:{}", b"1:1:1:1:1:-:9:ab:{}", b"1:1:1:1:1:-:x:{}", b"::::::::", b"\xff"],
)
def test_a_value_that_is_not_ours_is_an_error(value: bytes) -> None:
    with pytest.raises(StoreUnavailableError, match="did not write"):
        record_of(value)


def test_a_value_says_in_the_open_what_it_is() -> None:
    record = replace(sample(b"{}", revision=7, owner="user/1"), created_at=EPOCH, updated_at=EPOCH)

    assert value_of(record) == b"7:3:2:0:0:-:6:user/1:{}"


def test_the_life_in_redis_is_counted_from_the_save_and_takes_no_clock() -> None:
    record = sample(expires_at=sample().updated_at + timedelta(minutes=5))

    assert life(record, 60) == "360000"
    assert life(replace(record, expires_at=record.updated_at - timedelta(days=1)), 60) == "60000"
    assert life(replace(record, expires_at=None), 60) == "-"
