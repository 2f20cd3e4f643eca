"""The ids of web sessions: random, unknown to the store, of one form, signed if it is wished."""

import hashlib
from collections.abc import Sequence

import pytest

from typed_sessions import SessionDefinitionError
from typed_sessions.integrations.web.ids import Ids, digest, mint

ID = "A" * 43
OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32


def test_an_id_is_32_random_bytes() -> None:
    ids = {mint() for _ in range(1000)}

    assert len(ids) == 1000
    assert {len(each) for each in ids} == {43}  # of base64url, without padding


def test_the_store_knows_its_sha_256_only() -> None:
    assert digest(ID) == hashlib.sha256(ID.encode()).hexdigest()


def test_what_is_minted_is_read_back() -> None:
    ids, id_ = Ids(), mint()

    assert ids.read(ids.write(id_)) == id_


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("A" * 42, id="short"),
        pytest.param("A" * 44, id="long"),
        pytest.param("A" * 65536, id="very long"),
        pytest.param("\\" * 65536, id="backslashes"),
        pytest.param("A" * 42 + "\0", id="NUL"),
        pytest.param("A" * 39 + "\\000", id="an octal NUL"),
        pytest.param("A" * 40 + "%00", id="a percent-encoded NUL"),
        pytest.param("A" * 42 + "é", id="Latin"),
        pytest.param("A" * 42 + "\N{ARABIC-INDIC DIGIT ONE}", id="a digit that is not ASCII"),
        pytest.param("A" * 43 + "\n", id="a line break behind"),
        pytest.param(" " + "A" * 43, id="a space before"),
        pytest.param('"' + "A" * 43 + '"', id="quotes"),
        pytest.param("A" * 43 + ".", id="an empty signature"),
        pytest.param("A" * 43 + ".A", id="a signature"),
        pytest.param("A" * 43 + "=", id="padding"),
        pytest.param(digest(ID), id="what is stored"),
    ],
)
def test_what_is_no_id_is_not_read(value: str) -> None:
    assert Ids().read(value) is None


def test_the_first_key_signs() -> None:
    written = Ids([NEW, OLD]).write(ID)

    assert Ids([NEW]).read(written) == ID
    assert Ids([OLD]).read(written) is None


@pytest.mark.parametrize("key", [NEW, OLD])
def test_every_key_verifies(key: bytes) -> None:
    assert Ids([NEW, OLD]).read(Ids([key]).write(ID)) == ID


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(ID, id="no signature"),
        pytest.param(ID + ".", id="an empty one"),
        pytest.param(Ids([OTHER]).write(ID), id="by a strange key"),
        pytest.param("B" * 43 + Ids([OLD]).write(ID)[43:], id="of another id"),
        pytest.param(Ids([OLD]).write(ID) + ".", id="with something behind"),
        pytest.param(Ids([OLD]).write(ID)[:-1], id="cut off"),
        pytest.param(ID + ".é", id="not ASCII"),
    ],
)
def test_what_is_not_signed_by_one_of_the_keys_is_not_read(value: str) -> None:
    assert Ids([NEW, OLD]).read(value) is None


def test_a_key_may_be_text() -> None:
    assert Ids(["o" * 32]).read(Ids([OLD]).write(ID)) == ID


@pytest.mark.parametrize(
    ("keys", "problem"),
    [([b"short"], "at least 32 bytes"), ([OLD, ""], "at least 32 bytes"), ("o" * 32, "list of keys"), (OLD, "list")],
)
def test_keys_that_cannot_be_good_are_refused(keys: Sequence[str | bytes], problem: str) -> None:
    with pytest.raises(SessionDefinitionError, match=problem):
        Ids(keys)
