import json
from pathlib import Path

import pytest

from tests.test_shapes_stored import Everything
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion, Lock, LockError, lock_text, parse_lock, read_lock
from typed_sessions.shapes.stored import stored_schema

VERSION = FrozenVersion.of(3, stored_schema(Everything), min_reader=2, message='with "quotes" and ümlauts')
LOCK = Lock({"everything": FrozenHistory("everything", "shop:Everything", 1, (VERSION,))})


def test_a_lock_comes_back_from_its_text() -> None:
    assert parse_lock(lock_text(LOCK)) == LOCK


def test_the_text_does_not_depend_on_the_order_of_sessions() -> None:
    other = FrozenHistory("a", "shop:A", 3, (VERSION,))

    assert lock_text(LOCK.with_history(other)) == lock_text(Lock({"a": other, **LOCK.histories}))


def test_no_file_is_an_empty_lock(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "sessions.lock") == Lock()


def test_a_version_that_was_edited_is_noticed() -> None:
    text = lock_text(LOCK).replace('"type": "integer"', '"type": "string"', 1)

    assert parse_lock(text).histories["everything"].of(3).is_edited
    assert not VERSION.is_edited


def test_another_min_reader_is_noticed() -> None:
    assert (
        parse_lock(lock_text(LOCK).replace('"min_reader": 2', '"min_reader": 1'))
        .histories["everything"]
        .of(3)
        .is_edited
    )


def test_the_digest_does_not_depend_on_the_order_of_keys() -> None:
    turned = json.loads(json.dumps(VERSION.schema, sort_keys=True))

    assert FrozenVersion.of(3, turned, min_reader=2, message="").digest == VERSION.digest


def test_a_version_that_is_not_frozen_is_refused() -> None:
    with pytest.raises(LockError, match="version 2 of 'everything' is not frozen; 3 to 3 are"):
        LOCK.histories["everything"].of(2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no lock of typed-sessions"),
        ("[]", "is no lock"),
        ('{"about": "", "format": 1, "sessions": {"a": {"model": "a:A", "oldest": 1, "versions": []}}}', "at least 1"),
        (lock_text(LOCK).replace('"format": 1', '"format": 2'), "has format 2, and this typed-sessions reads 1"),
        ("<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> theirs\n", "merge conflict.*--rebase"),
        (lock_text(LOCK).replace('"oldest": 1', '"oldest": 4'), "with gaps"),
        (lock_text(LOCK).replace('"version": 3', '"version": "3"'), "sessions.everything.versions.0.version"),
    ],
)  # fmt: skip
def test_a_lock_that_cannot_be_read_says_why(text: str, message: str) -> None:
    with pytest.raises(LockError, match=message):
        parse_lock(text)


def test_a_lock_that_is_no_text_says_so(tmp_path: Path) -> None:
    (tmp_path / "sessions.lock").write_bytes(b"\xff\xfe")

    with pytest.raises(LockError, match="cannot be read"):
        read_lock(tmp_path / "sessions.lock")
