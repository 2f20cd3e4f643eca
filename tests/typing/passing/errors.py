from typing import assert_type

from tests.typing.shop import Cart
from typed_sessions import (
    InvalidSessionError,
    LockTimeoutError,
    NewerVersionError,
    SchemaMismatchError,
    SessionConflictError,
    SessionKey,
    SessionModel,
    SessionTooLargeError,
    SettingsError,
    TypedSessionsError,
    UnstorableValueError,
    UpcastError,
)


def an_error_holds_its_evidence(error: TypedSessionsError) -> None:
    match error:
        case SessionConflictError():
            assert_type(error.key, SessionKey)
            assert_type(error.fields, tuple[str, ...])
            assert_type(error.theirs, SessionModel | None)
            if isinstance(error.theirs, Cart):
                assert_type(error.theirs, Cart)
        case InvalidSessionError():
            assert_type(error.problems[0]["path"], str)
        case UpcastError():
            assert_type(error.step, str)
            assert_type(error.reason, Exception | None)
        case NewerVersionError():
            assert_type(error.min_reader, int)
        case UnstorableValueError():
            assert_type(error.path, str)
        case SessionTooLargeError():
            assert_type(error.limit, int)
        case LockTimeoutError():
            assert_type(error.waited, float)
        case _:
            assert_type(error, TypedSessionsError)


def a_refusal_at_start_up_lists_what_is_wrong(settings: SettingsError, schema: SchemaMismatchError) -> None:
    assert_type(settings.variables, tuple[str, ...])
    assert_type(schema.differences, tuple[str, ...])
