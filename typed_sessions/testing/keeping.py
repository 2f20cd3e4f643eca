"""What a store must keep: keys that differ stay different, and data comes back as it went in."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from typed_sessions.key import MAX_KEY_CHARACTERS, KeyLike, key_text
from typed_sessions.stores.protocol import Store
from typed_sessions.testing.clock import NOON
from typed_sessions.testing.samples import keep, kept, key_of, record_of

ALIKE: tuple[tuple[KeyLike, KeyLike], ...] = (
    ("a", "A"),
    ("\u00c9", "E\u0301"),
    ("e", "\u00e9"),
    ("ss", "\u00df"),
    ("x", "x "),
    ("x", "x\t"),
    ("x ", "x  "),
    ("1", "01"),
    ("a_c", "abc"),
    ("a%c", "abc"),
    (("a", "b/c"), ("a/b", "c")),
    (("a", "b"), "a/b"),
    ("\U0001f355", "\U0001f354"),
)
KEYS: dict[str, KeyLike] = {
    "quotes": 'o\'neil "x" `y`',
    "backslashes": "a\\b\\\\c\\",
    "wildcards": "%_*?[a]",
    "statements": "'; drop table typed_sessions; --",
    "placeholders": ":key %(key)s {key} $1 ?",
    "line breaks": "a\r\nb\u2028c",
    "scripts": "ключ-鍵-مفتاح",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "as long as can be": "k" * MAX_KEY_CHARACTERS,
    "as long as can be, of four bytes each": "\U0001f355" * MAX_KEY_CHARACTERS,
    "a space at the end": "x ",
    "a negative number": -1001234567890,
}
TEXTS = ("", "\U0001f355", "É E\u0301", "'\"`\\", "\\u0000", "%s :x $1 {}", "\x01\x1f\x7f\u2028", "<!-- & -->", "null")
NUMBERS = (0, -1, 2**53 - 1, -(2**53) + 1, 1e308, 5e-324, -0.0, 0.1, 1.0, 12345678.9)


def nested(depth: int) -> object:
    """A list in a list, so many levels deep."""
    return [nested(depth - 1)] if depth > 1 else []


class KeepingContract:
    """Keys and data. `keeps_bytes` if the store gives back the very bytes of the data, not only equal JSON."""

    keeps_bytes: ClassVar[bool] = False

    @pytest.mark.parametrize(("one", "other"), ALIKE, ids=str)
    async def test_keys_are_compared_character_by_character(self, store: Store, one: KeyLike, other: KeyLike) -> None:
        first, second = record_of(revision=1), record_of(revision=2)

        await keep(store, {key_of(one): first, key_of(other): second})

        assert await store.load([key_of(one), key_of(other)]) == {key_of(one): first, key_of(other): second}

    @pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
    async def test_a_key_may_hold_any_text(self, store: Store, key: KeyLike) -> None:
        await keep(store, {key_of(key): record_of()})

        assert await kept(store, key_of(key)) == record_of()

    @pytest.mark.parametrize("owner", [None, "user/7", "É \U0001f355 '\"\\%_", "\U0001f355" * MAX_KEY_CHARACTERS])
    async def test_the_owner_comes_back(self, store: Store, owner: str | None) -> None:
        record = record_of(owner=None if owner is None else key_text(owner))
        await keep(store, {key_of(): record})

        assert await kept(store, key_of()) == record

    @pytest.mark.parametrize("value", TEXTS, ids=ascii)
    async def test_a_text_comes_back(self, store: Store, value: str) -> None:
        await self.comes_back(store, {"text": value, value: "as a name"})

    @pytest.mark.parametrize("value", NUMBERS, ids=repr)
    async def test_a_number_comes_back(self, store: Store, value: float) -> None:
        await self.comes_back(store, {"number": value})

    @pytest.mark.parametrize("value", [None, True, False, [], {}, [[], {}, None]], ids=repr)
    async def test_a_value_comes_back(self, store: Store, value: object) -> None:
        await self.comes_back(store, {"value": value})

    async def test_the_deepest_nesting_comes_back(self, store: Store) -> None:
        await self.comes_back(store, {"deep": nested(30)})

    async def test_a_mebibyte_comes_back(self, store: Store) -> None:
        await self.comes_back(store, {"text": "\U0001f355" * (256 * 1024 - 4)})

    async def test_the_order_of_names_is_kept_with_the_bytes(self, store: Store) -> None:
        await self.comes_back(store, {"b": 1, "aa": 2, "a": {"z": 1, "y": 2}})

    async def comes_back(self, store: Store, data: object) -> None:
        """Save data and load it again."""
        saved = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
        await keep(store, {key_of(): record_of(saved)})
        record = await kept(store, key_of())

        assert record is not None
        # As text, because -0.0 equals 0 and 1.0 equals 1 in Python.
        assert canonical(record.data) == canonical(saved)
        assert not self.keeps_bytes or record.data == saved

    @pytest.mark.parametrize(
        "moment", [NOON, NOON.replace(microsecond=0), NOON.replace(microsecond=999999), NOON + timedelta(days=36525)]
    )
    async def test_times_come_back_to_the_microsecond(self, store: Store, moment: datetime) -> None:
        record = replace(record_of(), created_at=moment, updated_at=moment, expires_at=moment)
        await keep(store, {key_of(): record})

        assert await kept(store, key_of()) == record

    async def test_a_revision_may_have_sixteen_digits(self, store: Store) -> None:
        record = record_of(revision=4_102_444_800_000_000)
        await keep(store, {key_of(): record})

        assert await kept(store, key_of()) == record


def canonical(data: bytes) -> str:
    """JSON as text in which only the order of names and the spaces do not count."""
    return json.dumps(json.loads(data), sort_keys=True)
