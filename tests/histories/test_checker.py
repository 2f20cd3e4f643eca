"""The checker, on histories written by hand."""

from pathlib import Path

import pytest

from tests.histories.checker import check
from tests.histories.history import FOREVER, Absent, Ending, History, Hold, Seen, Token, history_of
from tests.histories.notes import (
    AnyNote,
    Appended,
    Called,
    Change,
    Ended,
    Lent,
    Loaded,
    Notebook,
    Outcome,
    Saved,
    Saving,
    Settled,
    Version,
    read_notes,
)

MILLISECOND = 1_000_000
KEY = "basket/a"


def version(left: str = "", *, revision: int = 1, born: int = 1, key: str = KEY, pair: str = "") -> Version:
    """One whose tokens are letters."""
    lists = {"left": [*left], "right": [], "deep": [], "pair": [*pair]}
    return Version(key, born, revision, lists, count=len(left))


def seen(what: Version, since: int, until: int | None = None, *, batch: int = 0, by_load: bool = True) -> Seen:
    return Seen(what, since, until or since + 1, f"operation at {since}", batch, by_load)


def rules(history: History) -> set[str]:
    return {finding.rule for finding in check(history)}


def test_a_session_that_grows_is_deleted_and_made_anew_is_fine() -> None:
    grown = [seen(version("ab"[:number], revision=number), 10 * number) for number in range(3)]
    history = History(
        seen=[*grown, seen(version("x", born=7, revision=9), 60, by_load=False)],
        endings=[Ending(KEY, 30, 40, "delete", born=1)],
        absent=[Absent(KEY, 41, 50, "load")],
        tokens=[Token("a", "one", "ok"), Token("b", "two", "unknown"), Token("z", "three", "failed")],
    )

    assert check(history) == []


def test_two_states_under_one_revision_are_found() -> None:
    assert "one_state_per_revision" in rules(History(seen=[seen(version("a"), 1), seen(version("b"), 2)]))


def test_a_token_that_a_later_revision_lacks_is_found() -> None:
    lost = [seen(version("ab", revision=2), 1), seen(version("ac", revision=3), 5)]

    assert rules(History(seen=lost)) == {"appends_only"}


def test_a_token_that_is_there_twice_is_found() -> None:
    assert rules(History(seen=[seen(version("aa"), 1)])) == {"whole_states"}


def test_half_a_save_is_found() -> None:
    half = Version(KEY, 1, 1, {"left": ["a"], "right": []}, count=0)

    assert rules(History(seen=[seen(half, 1)])) == {"whole_states"}


def test_a_read_that_goes_back_in_time_is_found() -> None:
    newer, older = version("ab", revision=2), version("a", revision=1)

    assert rules(History(seen=[seen(newer, 10, 20), seen(older, 21, 30)])) == {"no_step_back"}


def test_reads_at_the_same_time_may_see_either() -> None:
    newer, older = version("ab", revision=2), version("a", revision=1)

    assert rules(History(seen=[seen(newer, 10, 20), seen(older, 15, 30)])) == set()


def test_a_session_made_anew_below_the_revisions_of_the_old_one_is_found() -> None:
    history = History(
        seen=[seen(version("a", revision=5), 1), seen(version("b", revision=4, born=2), 20, by_load=False)],
        endings=[Ending(KEY, 5, 6, "delete", born=1)],
    )

    assert rules(history) == {"revisions_rise_on_a_key"}


@pytest.mark.parametrize("born", [1, None])
def test_a_session_seen_after_it_was_deleted_is_found(born: int | None) -> None:
    back = [seen(version("a"), 1), seen(version("ab", revision=2), 30)]

    assert rules(History(seen=back, endings=[Ending(KEY, 10, 20, "delete", born)])) == {"deleted_stays_deleted"}


def test_a_delete_that_may_not_have_happened_excuses_both_outcomes() -> None:
    maybe = [Ending(KEY, 10, FOREVER, "delete", born=1)]

    assert rules(History(seen=[seen(version("a"), 1), seen(version("a"), 30)], endings=maybe)) == set()
    assert rules(History(seen=[seen(version("a"), 1)], absent=[Absent(KEY, 30, 31, "load")], endings=maybe)) == set()


def test_a_session_that_is_gone_without_a_cause_is_found() -> None:
    history = History(seen=[seen(version("a"), 1)], absent=[Absent(KEY, 10, 11, "load")])

    assert rules(history) == {"nothing_vanishes"}


def test_a_session_that_is_replaced_without_a_cause_is_found() -> None:
    replaced = [seen(version("a"), 1), seen(version("b", born=5, revision=5), 10)]

    assert rules(History(seen=replaced)) == {"nothing_vanishes"}


def test_a_session_that_flickers_is_found_although_a_delete_was_tried() -> None:
    history = History(
        seen=[seen(version("a"), 1), seen(version("a"), 30)],
        absent=[Absent(KEY, 20, 21, "load")],
        endings=[Ending(KEY, 10, FOREVER, "delete", born=1)],
    )

    assert rules(history) == {"nothing_vanishes"}


def test_a_session_moved_away_and_back_is_fine() -> None:
    history = History(
        seen=[seen(version("a"), 1), seen(version("a", key="basket/b"), 20), seen(version("a"), 40)],
        absent=[Absent(KEY, 20, 21, "load")],
        endings=[
            Ending(KEY, 10, 15, "move", born=1, to="basket/b"),
            Ending("basket/b", 30, 35, "back", born=1, to=KEY),
        ],
    )

    assert check(history) == []


def test_an_expired_session_may_vanish() -> None:
    brief = Version(KEY, 1, 1, {"left": []}, expires=9)

    assert rules(History(seen=[seen(brief, 1)], absent=[Absent(KEY, 10, 11, "load")])) == set()


@pytest.mark.parametrize(("outcome", "left"), [("ok", ""), ("failed", "a")])
def test_a_token_that_was_said_to_be_otherwise_is_found(outcome: Outcome, left: str) -> None:
    history = History(seen=[seen(version(left), 1)], tokens=[Token("a", "one", outcome)])

    assert rules(history) == {"tokens_keep_their_word"}


def test_twins_that_differ_in_one_read_are_found() -> None:
    twins = [seen(version(key="one/a", pair="x"), 1), seen(version(key="two/a", born=2), 1)]

    assert rules(History(seen=twins)) == {"groups_are_whole"}


def test_a_twin_that_is_read_later_and_has_less_is_found() -> None:
    twins = [seen(version(key="one/a", pair="x"), 1), seen(version(key="two/a", born=2), 10)]

    assert rules(History(seen=twins)) == {"groups_are_whole"}


def test_a_twin_that_is_read_later_may_have_more() -> None:
    twins = [seen(version(key="one/a"), 1), seen(version(key="two/a", born=2, pair="x"), 10)]

    assert rules(History(seen=twins)) == set()


def test_two_exclusive_blocks_at_once_are_found() -> None:
    assert rules(History(holds=[Hold(KEY, 1, 10, "one"), Hold(KEY, 9, 20, "two")])) == {"holders_are_alone"}


def test_exclusive_blocks_one_after_the_other_are_fine() -> None:
    assert rules(History(holds=[Hold(KEY, 11, 20, "two"), Hold(KEY, 1, 10, "one")])) == set()


def test_data_that_was_lent_otherwise_than_it_is_stored_is_found() -> None:
    history = History(seen=[seen(version("a"), 1)], lent=[Lent("one", KEY, version("ab"))])

    assert rules(history) == {"lent_is_stored"}


def test_a_stored_session_that_is_lent_as_new_is_found() -> None:
    history = History(seen=[seen(version("a"), 1)], lent=[Lent("operation at 1", KEY, None)])

    assert rules(history) == {"lent_is_stored"}


def test_an_expired_session_that_is_lent_is_found() -> None:
    expired = Version(KEY, 1, 1, {"left": []}, expires=5 * MILLISECOND)
    history = History(
        seen=[Seen(expired, 6 * MILLISECOND, 7 * MILLISECOND, "one")],
        lent=[Lent("one", KEY, expired, at=8 * MILLISECOND)],
    )

    assert rules(history) == {"lent_is_stored"}


def test_an_error_that_nobody_documented_is_found() -> None:
    assert rules(History(ended={"one": Ended("one", "unknown", "surprise KeyError: 1")})) == {"no_surprises"}


def test_notes_of_a_killed_process_leave_its_save_and_its_tokens_unknown() -> None:
    change = Change("Delete", KEY, born=1)
    history = history_of([Called("one", "turn", KEY, ""), Appended("one", "a"), Saving("one", 0, [change], at=5)])

    assert history.tokens == [Token("a", "one", "unknown")]
    assert history.endings == [Ending(KEY, 5, FOREVER, "one", born=1)]


def test_a_token_saved_in_the_middle_stays_saved_when_the_operation_fails() -> None:
    notes: list[AnyNote] = [Appended("one", "a"), Settled("one", "ok"), Appended("one", "b"), Ended("one", "failed")]

    assert history_of(notes).tokens == [Token("a", "one", "ok"), Token("b", "one", "failed")]


def test_a_save_that_lost_stored_nothing_and_ended_nothing() -> None:
    change = Change("Update", KEY, born=1, version=version("b", born=2))
    lost = history_of([Saving("one", 0, [change], at=1), Saved("one", 0, is_saved=False, at=2)])

    assert lost == History()


def test_a_save_that_replaces_a_session_ends_it() -> None:
    change = Change("Update", KEY, born=1, version=version("b", born=2))
    history = history_of([Saving("one", 0, [change], at=1), Saved("one", 0, is_saved=True, at=2)])

    assert history.endings == [Ending(KEY, 1, 2, "one", born=1)]
    assert [each.version for each in history.seen] == [change.version]


def test_half_a_line_at_the_end_of_the_notes_is_passed_over(tmp_path: Path) -> None:
    path, note = tmp_path / "notes", Loaded("one", 1, [version("a")], [])
    notebook = Notebook(path)
    notebook.write(note)
    notebook.close()
    with path.open("ab") as file:
        file.write(b'{"type":"appended","oper')

    assert list(read_notes(path)) == [note]
