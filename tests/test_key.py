from collections.abc import Iterable
from enum import Enum, IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typed_sessions import InvalidKeyError, SessionKey
from typed_sessions.key import MAX_KEY_CHARACTERS, is_model_name, key_text

PARTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
    | st.integers()
    | st.sampled_from(["/", "%", " ", "%20", "%2F", "%25", "a/b", "a "]),
    min_size=1,
    max_size=4,
).map(tuple)


class Kind(str, Enum):  # noqa: UP042 # people write it so  # people write it so
    CART = "cart"


class Number(IntEnum):
    ONE = 1


def as_texts(parts: Iterable[str | int]) -> tuple[str, ...]:
    return tuple(map(str, parts))


def text_or_refusal(parts: Any) -> str | None:  # noqa: ANN401 # of any type, to be refused  # of any type, to be refused
    try:
        return key_text(parts)
    except InvalidKeyError:
        return None


@given(PARTS, PARTS)
def test_different_tuples_never_meet(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> None:
    texts = text_or_refusal(one), text_or_refusal(other)

    assert None in texts or (texts[0] == texts[1]) == (as_texts(one) == as_texts(other))


@given(PARTS)
def test_the_parts_come_back(parts: tuple[str | int, ...]) -> None:
    text = text_or_refusal(parts)

    assert text is None or SessionKey("cart", text).parts == as_texts(parts)


@given(PARTS, PARTS)
def test_the_text_of_the_first_parts_begins_the_text_of_all(
    first: tuple[str | int, ...], rest: tuple[str | int, ...]
) -> None:
    texts = text_or_refusal(first), text_or_refusal((*first, *rest))

    assert None in texts or f"{texts[1]}/".startswith(f"{texts[0]}/")


@given(PARTS)
def test_a_key_never_ends_with_a_space_nor_exceeds_its_column(parts: tuple[str | int, ...]) -> None:
    text = text_or_refusal(parts)

    assert text is None or (not text.endswith(" ") and 1 <= len(text) <= MAX_KEY_CHARACTERS)


@given(PARTS)
def test_a_key_that_was_made_is_accepted_again(parts: tuple[str | int, ...]) -> None:
    text = text_or_refusal(parts)

    assert text is None or SessionKey.of("cart", SessionKey("cart", text)).text == text


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("42", "42"),
        (42, "42"),
        (-100, "-100"),
        (("user", 7), "user/7"),
        (("a", "b/c"), "a/b%2Fc"),
        (("a/b", "c"), "a%2Fb/c"),
        ("50%", "50%25"),
        ("x ", "x%20"),
        (("a", ""), "a/"),
        (Kind.CART, "cart"),
        (Number.ONE, "1"),
        ((Kind.CART, Number.ONE), "cart/1"),
    ],
)
def test_a_key_is_stored_as_text(key: str | int | tuple[str | int, ...], text: str) -> None:
    assert SessionKey.of("cart", key).text == text


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "it is empty"),
        ((), "it is empty"),
        (("",), "it is empty"),
        ("a\0b", "NUL"),
        (("a", "\0"), "NUL"),
        ("\ud83c", "lone surrogate"),
        ("k" * 256, "256 characters"),
        ("/" * 86, "258 characters"),
        (("a",) * 129, "257 characters"),
        (10**255, "more than 255 digits"),
        (10**5000, "more than 255 digits"),
        (True, "bool"),
        (None, "NoneType"),
        (1.5, "float"),
        (b"42", "bytes"),
        (["a", "b"], "list"),
        (("a", None), "NoneType"),
        ((("a",), "b"), "tuple"),
    ],
    ids=lambda value: None if isinstance(value, str) and len(value) < 30 else type(value).__name__,
)
def test_a_key_that_cannot_be_stored_is_refused_with_its_reason(key: Any, reason: str) -> None:  # noqa: ANN401 # of any type  # any
    with pytest.raises(InvalidKeyError, match=reason):
        SessionKey.of("cart", key)


def test_a_key_may_have_255_characters_of_four_bytes() -> None:
    assert SessionKey.of("cart", "\U0001f355" * 255).text == "\U0001f355" * 255


def test_a_key_of_another_model_is_refused() -> None:
    with pytest.raises(InvalidKeyError, match="a key of the session model 'prefs', not of 'cart'"):
        SessionKey.of("cart", SessionKey.of("prefs", "42"))


@pytest.mark.parametrize("text", ["", "a\0", "k" * 256, "x ", "100%", "%41", "\ud83c"])
def test_a_key_made_past_the_rules_is_refused(text: str) -> None:
    with pytest.raises(InvalidKeyError):
        SessionKey.of("cart", SessionKey("cart", text))


@pytest.mark.parametrize("name", ["cart", "Cart", "a", "shop.cart", "a-b_c.D9", "c" * 56])
def test_a_plain_name_may_name_a_model(name: str) -> None:
    assert is_model_name(name)


@pytest.mark.parametrize("name", ["", "1cart", "_cart", "ca rt", "cart!", "cart/x", "cärt", "cart\n", "c" * 57])
def test_other_names_may_not(name: str) -> None:
    assert not is_model_name(name)


def test_a_key_shows_neither_its_text_nor_its_parts() -> None:
    key = SessionKey.of("cart", ("secret", "token"))

    assert "secret" not in f"{key} {key!r} {key.tag}"
    assert str(key).startswith("cart #")


def test_keys_are_told_apart_by_their_tags() -> None:
    keys = [SessionKey.of(model, number) for model in ("cart", "prefs") for number in range(500)]

    assert len({key.tag for key in keys}) == len(keys)
