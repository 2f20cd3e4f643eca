import inspect
import re

import pytest

from tests.shop import CART
from typed_sessions import errors
from typed_sessions.errors import (
    FieldProblem,
    InvalidKeyError,
    InvalidSessionError,
    LockTimeoutError,
    NewerVersionError,
    SchemaMismatchError,
    SessionClosedError,
    SessionConflictError,
    SessionGoneError,
    SessionTooLargeError,
    SettingsError,
    TooOldVersionError,
    TypedSessionsError,
    UnstorableValueError,
    UpcastError,
    described,
)
from typed_sessions.key import SessionKey

CLASSES = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, Exception)]
KEY = SessionKey("cart", "secret")
PROBLEM = FieldProblem(path="lines.0.qty", type="int_parsing", message="Input should be a valid integer")

SAMPLES: list[tuple[TypedSessionsError, str]] = [
    (SettingsError({"TYPED_SESSIONS_TABLE": "no"}), "set these environment variables"),
    (InvalidKeyError("it is empty; give at least one character"), "give at least one"),
    (InvalidSessionError(KEY, 3, [PROBLEM]), "repair the row"),
    (UpcastError(KEY, "CartHistory.v1_to_v2", "it returned None"), "mend the step"),
    (NewerVersionError(KEY, stored=4, min_reader=4, ours=3), "deploy the newer code"),
    (TooOldVersionError(KEY, stored=1, oldest=2), "add the steps from v1 on"),
    (UnstorableValueError(KEY, "text", "it holds a NUL character; remove it"), "remove it"),
    (SessionTooLargeError(KEY, size=11, limit=10), "keep large data in a table of its own"),
    (SessionConflictError(KEY, ["lines", "note"]), "both changed lines, note; run the turn again"),
    (SessionConflictError(KEY, []), "somebody else saved it first; run the turn again"),
    (SessionGoneError(KEY), "open it again to start a new one"),
    (SessionClosedError(KEY, "is over; open it again"), "open it again"),
    (LockTimeoutError(KEY, waited=30.0, holder="the task 'x'"), "waited 30 s .* the task 'x'; shorten that turn"),
    (SchemaMismatchError("typed_sessions", ["it is missing"]), "typed-sessions db upgrade"),
]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_error_has_one_root_and_stands_in_the_map(error: type[Exception]) -> None:
    assert issubclass(error, TypedSessionsError)
    assert error.__name__.endswith("Error")
    assert re.search(rf"\b{error.__name__}\b", errors.__doc__ or "")


@pytest.mark.parametrize(("error", "next_step"), SAMPLES, ids=lambda sample: type(sample).__name__)
def test_a_message_names_the_next_step(error: TypedSessionsError, next_step: str) -> None:
    assert re.search(next_step, str(error))


@pytest.mark.parametrize(("error", "_"), SAMPLES, ids=lambda sample: type(sample).__name__)
def test_a_message_does_not_show_the_key(error: TypedSessionsError, _: str) -> None:
    assert "secret" not in f"{error} {error!r}"


@pytest.mark.parametrize("error", [sample for sample, _ in SAMPLES if hasattr(sample, "key")], ids=type)
def test_the_evidence_names_the_key(error: TypedSessionsError) -> None:
    assert vars(error)["key"] == KEY


def test_the_first_problems_are_described_by_their_paths() -> None:
    problems = [FieldProblem(path=path, type="x", message="is wrong") for path in ("a", "", "c", "d", "e")]

    assert described(problems) == "a: is wrong; the session: is wrong; c: is wrong; and 2 more"


def test_two_sessions_are_told_apart_by_their_tags() -> None:
    assert str(SessionGoneError(KEY)) != str(SessionGoneError(CART))
