"""What a store must find: records by model, prefix, owner and time, page by page, and the expired ones."""

from dataclasses import replace

import pytest

from typed_sessions.key import KeyLike, SessionKey, key_text
from typed_sessions.stores.protocol import Delete, Query, Store, Touch, Update
from typed_sessions.testing.clock import NOON
from typed_sessions.testing.samples import MINUTE, expired, found, keep, key_of, lasting, record_of


class ScanningContract:
    """Scans and cleanup."""

    async def test_a_scan_of_nothing_is_empty(self, store: Store) -> None:
        assert list(await store.scan(Query())) == []

    async def test_a_scan_gives_keys_and_records(self, store: Store) -> None:
        await keep(store, {key_of(): record_of(owner="user/1")})

        assert list(await store.scan(Query("cart"))) == [(key_of(), record_of(owner="user/1"))]

    async def test_a_scan_of_a_model_leaves_out_the_others(self, store: Store) -> None:
        await keep(store, {key_of(1, model=model): record_of() for model in ("cart", "Cart", "cart2", "prefs")})

        assert await found(store, Query("cart")) == [key_of(1)]

    @pytest.mark.parametrize(
        ("prefix", "inside", "outside"),
        [
            (
                ("user", 1),
                [("user", 1), ("user", 1, "a"), ("user", 1, "a", "b")],
                [("user", 10), ("user", "1 "), "user"],
            ),
            ("a_c", ["a_c", ("a_c", "x")], ["abc", ("abc", "x"), ("a_cd", "x")]),
            ("100%", ["100%", ("100%", "x")], ["100", ("100x", "x"), ("100%x", "x"), ("1000", "x")]),
            ("a\\b", [("a\\b", "x")], [("ab", "x"), ("a\\\\b", "x"), ("a\\bc", "x")]),
            ("a/b", [("a/b", "x")], [("a", "b", "x"), ("a", "b")]),
            ("a", [("a", "x")], [("A", "x"), ("á", "x"), ("a ", "x"), "a!x", "a0"]),
            ("\U0001f355", [("\U0001f355", "x")], [("\U0001f354", "x")]),
            ("O'Neil", [("O'Neil", "x")], [("O''Neil", "x"), ("ONeil", "x")]),
        ],
        ids=["parts", "underscore", "per cent", "backslash", "slash", "letter", "emoji", "quote"],
    )
    async def test_a_prefix_means_whole_parts_and_no_wildcards(
        self, store: Store, prefix: KeyLike, inside: list[KeyLike], outside: list[KeyLike]
    ) -> None:
        await keep(store, {key_of(key): record_of() for key in [*inside, *outside]})

        keys = await found(store, Query("cart", prefix=key_of(prefix).text))

        assert sorted(keys) == sorted(map(key_of, inside))

    async def test_an_owners_sessions_are_found_in_every_model(self, store: Store) -> None:
        mine = {key_of(1): record_of(owner="user/1"), key_of(1, model="prefs"): record_of(owner="user/1")}
        others = {key_of(number): record_of(owner=owner) for number, owner in enumerate(("user/10", "USER/1", None), 2)}
        await keep(store, {**mine, **others})

        assert sorted(await found(store, Query(owner="user/1"))) == sorted(mine)

    async def test_all_conditions_of_a_scan_hold_at_once(self, store: Store) -> None:
        owner = key_text(("user", 1))
        wanted = key_of(("a", 1))
        await keep(
            store,
            {
                wanted: lasting(owner=owner),
                key_of(("a", 2)): expired(owner=owner),
                key_of(("a", 3)): lasting(),
                key_of(("b", 1)): lasting(owner=owner),
                key_of(("a", 1), model="prefs"): lasting(owner=owner),
            },
        )

        assert await found(store, Query("cart", "a", owner, NOON)) == [wanted]

    async def test_a_scan_leaves_out_what_has_expired_by_then(self, store: Store) -> None:
        at_noon = {key_of("now"): record_of(expires_at=NOON)}
        records = {key_of("past"): expired(), **at_noon, key_of("later"): lasting(), key_of("ever"): record_of()}
        await keep(store, records)

        assert sorted(await found(store, Query(alive_at=NOON))) == [key_of("ever"), key_of("later")]
        assert sorted(await found(store, Query())) == sorted(records)

    @pytest.mark.parametrize("limit", [1, 3, 7, 12, 500])
    async def test_pages_have_neither_gaps_nor_doubles(self, store: Store, limit: int) -> None:
        texts = ("a", "A", "b", "É", "_", "%", "10", "9", "\U0001f355", "\uffff", "z/1", "z")
        keys = [key_of(text, model=model) for model in ("cart", "prefs", "Zoo") for text in texts]
        await keep(store, {key: record_of() for key in keys})

        of_one_model = await found(store, Query("cart", limit=limit))
        of_all = await found(store, Query(limit=limit))

        assert sorted(of_one_model) == sorted(keys[: len(texts)])
        assert sorted(of_all) == sorted(keys)

    async def test_a_page_has_at_most_as_many_records_as_asked_for(self, store: Store) -> None:
        await keep(store, {key_of(number): record_of() for number in range(5)})

        assert [len(await store.scan(Query(limit=limit))) for limit in (1, 2, 5, 6)] == [1, 2, 5, 5]

    async def test_pages_go_on_when_the_record_they_stopped_at_is_gone(self, store: Store) -> None:
        await keep(store, {key_of(number): record_of() for number in range(4)})
        [(first, _)] = await store.scan(Query("cart", limit=1))
        await store.save([Delete(first)])

        rest = await found(store, Query("cart", after=first))

        assert sorted([first, *rest]) == [key_of(number) for number in range(4)]

    async def test_pruning_deletes_only_what_has_expired(self, store: Store) -> None:
        past = {key_of("past"): expired(), key_of("now"): record_of(expires_at=NOON)}
        await keep(store, {**past, key_of("later"): lasting(), key_of("ever"): record_of()})

        assert await store.prune(NOON, 100) == len(past)
        assert sorted(await found(store, Query())) == [key_of("ever"), key_of("later")]

    async def test_pruning_deletes_at_most_as_many_as_allowed(self, store: Store) -> None:
        await keep(store, {key_of(number): expired() for number in range(5)})

        assert [await store.prune(NOON, 2) for _ in range(4)] == [2, 2, 1, 0]

    async def test_pruning_reaches_every_model(self, store: Store) -> None:
        records = {SessionKey(model, "1"): expired() for model in ("cart", "prefs", "cart!reset")}
        await keep(store, records)

        assert await store.prune(NOON, 100) == len(records)

    async def test_a_renewed_session_is_not_pruned(self, store: Store) -> None:
        touched, updated = key_of("touched"), key_of("updated")
        await keep(store, {touched: expired(), updated: expired()})
        later = NOON + MINUTE
        await store.save([Touch(touched, 7, later), Update(updated, 7, replace(lasting(), revision=8))])

        assert await store.prune(NOON, 100) == 0
        assert sorted(await store.load([touched, updated])) == [touched, updated]
