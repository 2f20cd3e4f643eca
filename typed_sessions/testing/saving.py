"""What a store must do with changes: each kind, each outcome, all or none, in order."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from typed_sessions.key import SessionKey
from typed_sessions.stores.protocol import Change, Delete, Insert, Move, Outcome, Store, Touch, Update
from typed_sessions.testing.clock import NOON
from typed_sessions.testing.samples import MINUTE, keep, kept, key_of, record_of

SAVED, CONFLICT, GONE = Outcome.SAVED, Outcome.CONFLICT, Outcome.GONE
KEY, OTHER, FREE = key_of("42"), key_of("43"), key_of("44")
OLD = record_of(revision=7)
NEW = record_of(b'{"lines":[1]}', revision=8)
LATER = NOON + MINUTE

LOSING: dict[str, tuple[Change, Outcome]] = {
    "an insert on a taken key": (Insert(KEY, NEW), CONFLICT),
    "an update of another revision": (Update(KEY, 6, NEW), CONFLICT),
    "an update of nothing": (Update(FREE, 7, NEW), GONE),
    "a touch of another revision": (Touch(KEY, 6, LATER), CONFLICT),
    "a touch of nothing": (Touch(FREE, 7, LATER), GONE),
    "a move of another revision": (Move(KEY, 6, FREE), CONFLICT),
    "a move of nothing": (Move(FREE, 7, key_of("45")), GONE),
    "a move onto a taken key": (Move(KEY, 7, OTHER), CONFLICT),
    "a deletion of another revision": (Delete(KEY, 6), CONFLICT),
    "a deletion of a revision of nothing": (Delete(FREE, 7), GONE),
}


class SavingContract:
    """Changes."""

    async def test_a_key_that_was_never_saved_has_no_record(self, store: Store) -> None:
        assert await store.load([KEY]) == {}

    async def test_no_keys_have_no_records(self, store: Store) -> None:
        assert await store.load([]) == {}

    async def test_no_changes_have_no_outcomes(self, store: Store) -> None:
        assert list(await store.save([])) == []

    async def test_an_inserted_record_is_loaded_as_it_was(self, store: Store) -> None:
        assert list(await store.save([Insert(KEY, OLD)])) == [SAVED]

        assert await store.load([KEY]) == {KEY: OLD}

    async def test_an_update_replaces_the_record_of_the_expected_revision(self, store: Store) -> None:
        await keep(store, {KEY: OLD})

        assert list(await store.save([Update(KEY, 7, NEW)])) == [SAVED]
        assert await kept(store, KEY) == NEW

    async def test_an_update_replaces_every_field(self, store: Store) -> None:
        await keep(store, {KEY: replace(OLD, owner="user/1", expires_at=NOON)})
        other = replace(NEW, version=9, min_reader=8, owner=None, expires_at=None, created_at=LATER, updated_at=LATER)

        await store.save([Update(KEY, 7, other)])

        assert await kept(store, KEY) == other

    @pytest.mark.parametrize("expires_at", [LATER, None])
    async def test_a_touch_changes_only_the_expiry(self, store: Store, expires_at: None) -> None:
        await keep(store, {KEY: replace(OLD, owner="user/1", expires_at=NOON)})

        assert list(await store.save([Touch(KEY, 7, expires_at)])) == [SAVED]
        assert await kept(store, KEY) == replace(OLD, owner="user/1", expires_at=expires_at)

    async def test_a_moved_record_is_under_its_new_key_alone(self, store: Store) -> None:
        await keep(store, {KEY: OLD})

        assert list(await store.save([Move(KEY, 7, FREE)])) == [SAVED]
        assert await store.load([KEY, FREE]) == {FREE: OLD}

    async def test_a_record_may_move_to_another_model(self, store: Store) -> None:
        aside = SessionKey("cart!reset", "7/42")
        await keep(store, {KEY: OLD})

        await store.save([Move(KEY, 7, aside)])

        assert await store.load([KEY, aside]) == {aside: OLD}

    @pytest.mark.parametrize("expected", [7, None])
    async def test_a_deleted_record_is_gone(self, store: Store, expected: int | None) -> None:
        await keep(store, {KEY: OLD, OTHER: OLD})

        assert list(await store.save([Delete(KEY, expected)])) == [SAVED]
        assert await store.load([KEY, OTHER]) == {OTHER: OLD}

    async def test_deleting_whatever_is_there_succeeds_if_nothing_is(self, store: Store) -> None:
        assert list(await store.save([Delete(FREE)])) == [SAVED]

    async def test_a_deleted_session_is_not_brought_back_by_an_update(self, store: Store) -> None:
        await keep(store, {KEY: OLD})
        await store.save([Delete(KEY)])

        assert list(await store.save([Update(KEY, 7, NEW)])) == [GONE]
        assert await kept(store, KEY) is None

    async def test_an_update_does_not_reach_a_session_that_was_made_anew(self, store: Store) -> None:
        await keep(store, {KEY: OLD})
        await store.save([Delete(KEY)])
        await keep(store, {KEY: NEW})

        assert list(await store.save([Update(KEY, 7, record_of(revision=8))])) == [CONFLICT]
        assert await kept(store, KEY) == NEW

    @pytest.mark.parametrize(("change", "outcome"), LOSING.values(), ids=LOSING)
    async def test_a_change_that_loses_changes_nothing(self, store: Store, change: Change, outcome: Outcome) -> None:
        await keep(store, {KEY: OLD, OTHER: OLD})

        assert list(await store.save([change])) == [outcome]
        assert await store.load([KEY, OTHER, FREE, key_of("45")]) == {KEY: OLD, OTHER: OLD}

    @pytest.mark.parametrize(("change", "outcome"), LOSING.values(), ids=LOSING)
    async def test_a_change_that_loses_takes_all_others_along(
        self, store: Store, change: Change, outcome: Outcome
    ) -> None:
        updated, inserted, deleted = key_of("1"), key_of("2"), key_of("99")
        before = {KEY: OLD, OTHER: OLD, updated: OLD, deleted: OLD}
        await keep(store, before)

        outcomes = await store.save([Insert(inserted, NEW), Update(updated, 7, NEW), change, Delete(deleted, 7)])

        assert outcomes[2] is outcome
        assert await store.load([*before, inserted, FREE]) == before

    async def test_many_changes_are_made_together(self, store: Store) -> None:
        await keep(store, {KEY: OLD, OTHER: OLD})
        changes: list[Change] = [
            Insert(FREE, NEW),
            Update(KEY, 7, NEW),
            Delete(OTHER, 7),
            Insert(key_of("x", model="prefs"), OLD),
        ]

        assert list(await store.save(changes)) == [SAVED] * 4
        assert await store.load([KEY, OTHER, FREE, key_of("x", model="prefs")]) == {
            KEY: NEW,
            FREE: NEW,
            key_of("x", model="prefs"): OLD,
        }

    @pytest.mark.parametrize(
        ("changes", "left"),
        [
            ([Move(KEY, 7, FREE), Insert(KEY, NEW)], {KEY: NEW, FREE: OLD}),
            ([Delete(KEY, 7), Insert(KEY, NEW)], {KEY: NEW}),
            ([Delete(KEY), Move(OTHER, 7, KEY)], {KEY: OLD}),
            ([Insert(FREE, NEW), Move(FREE, 8, key_of("45"))], {KEY: OLD, OTHER: OLD, key_of("45"): NEW}),
            ([Update(KEY, 7, NEW), Touch(KEY, 8, LATER)], {KEY: replace(NEW, expires_at=LATER), OTHER: OLD}),
        ],
        ids=["move, insert", "delete, insert", "delete, move onto it", "insert, move", "update, touch"],
    )
    async def test_changes_are_made_in_their_order(
        self, store: Store, changes: Sequence[Change], left: dict[SessionKey, object]
    ) -> None:
        await keep(store, {KEY: OLD, OTHER: OLD})

        assert set(await store.save(changes)) == {SAVED}
        after = await store.load([KEY, OTHER, FREE, key_of("45")])
        assert {key: after.get(key) for key in left} == left

    async def test_many_keys_are_loaded_at_once(self, store: Store) -> None:
        records = {key_of(number): record_of(revision=number + 1) for number in range(300)}
        await keep(store, records)

        assert await store.load([*records, FREE, *records, key_of("absent")]) == records

    async def test_two_models_may_use_the_same_key(self, store: Store) -> None:
        prefs = key_of("42", model="prefs")
        await keep(store, {KEY: OLD, prefs: NEW})

        assert await store.load([KEY, prefs]) == {KEY: OLD, prefs: NEW}
