"""Exports: lines that come back to the byte, files that are gone on with wherever they broke off."""

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic_core import from_json, to_json

from typed_sessions import Record, SessionKey
from typed_sessions.stores.memory import MemoryStore
from typed_sessions.stores.protocol import Insert, Row
from typed_sessions.transfer.exporting import BYTES, pages, queries
from typed_sessions.transfer.exporting import ROWS as PAGE
from typed_sessions.transfer.files import continued, created, find, reading
from typed_sessions.transfer.lines import (
    Footer,
    Header,
    LineError,
    Selection,
    footer_line,
    header_line,
    parsed,
    record_line,
)
from typed_sessions.transfer.reading import Reading, batches
from typed_sessions.transfer.restoring import Numbered, Rejected

THEN = datetime(2026, 1, 31, 12, 0, 0, 7, tzinfo=UTC)
HEADER = Header(Selection(), THEN)
ROWS: list[Row] = [
    (SessionKey("cart", "user/1"), Record(3, 2, 5, b'{"a": "\\u00e9\\r\\n",  "b":[1e308,-0.0]}', THEN, THEN)),
    (
        SessionKey("cart", "\u2028 %2F\U0001f355"),
        Record(1, 1, 2**62, '"pizza\u2028\x85"'.encode(), THEN, THEN, THEN, "o"),
    ),
    (SessionKey("cart!quarantine", "user/1/5"), Record(0, 0, 0, b"\xff\x00no text", THEN, THEN + timedelta(days=9))),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].text)
def test_a_record_comes_back_to_the_byte(row: Row) -> None:
    line = record_line(*row)

    assert parsed(line) == row
    assert line.count(b"\n") == 1


def test_header_and_footer_come_back() -> None:
    header = Header(Selection(("cart",), "user/1", "ada", has_set_aside=False, has_expired=False), THEN)

    assert parsed(header_line(header)) == header
    assert parsed(footer_line(Footer(7, "ab"))) == Footer(7, "ab")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": "1"}, "version is no number"),
        ({"version": True}, "version is no number"),
        ({"revision": 2**63}, "revision is no number"),
        ({"key": ""}, "key is none that can be stored"),
        ({"key": "a\0"}, "key is none that can be stored"),
        ({"key": "x" * 256}, "key is none that can be stored"),
        ({"model": "m" * 65}, "model is none that can be stored"),
        ({"created_at": "yesterday"}, "created_at is no time"),
        ({"updated_at": "2026-01-31T12:00:00"}, "updated_at has no time zone"),
        ({"owner": 7}, "owner is no text"),
        ({"colour": "red"}, "1 of its fields are not known"),
        ({"data_base64": "YQ=="}, "not one of data and data_base64"),
    ],
)
def test_a_line_that_is_wrong_is_told_without_its_data(change: dict[str, object], reason: str) -> None:
    line = to_json(from_json(record_line(*ROWS[0])) | change)

    with pytest.raises(LineError, match=reason) as caught:
        parsed(line)
    assert "e308" not in str(caught.value)


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'"x"', b'{"format":"other"}', b'{"model":"cart"}', b"\xff"])
def test_what_is_no_line_of_an_export_is_refused(line: bytes) -> None:
    with pytest.raises(LineError):
        parsed(line)


def test_a_later_format_is_refused() -> None:
    with pytest.raises(LineError, match="the typed-sessions that wrote it"):
        parsed(b'{"format":"typed-sessions export","format_version":2}')


def written(path: Path) -> bytes:
    """An export of three pages."""
    with created(path) as sink:
        sink.begin(HEADER)
        for row in ROWS:
            sink.add([row])
        sink.end()
    return path.read_bytes()


@pytest.mark.parametrize("name", ["export.jsonl", "export.jsonl.gz"])
def test_wherever_a_file_is_torn_it_is_gone_on_with(tmp_path: Path, name: str) -> None:
    whole = written(tmp_path / name)
    torn = tmp_path / f"torn-{name}"

    for size in range(0, len(whole), 5):
        torn.write_bytes(whole[:size])
        found = find(torn)
        rest = [key for key, _ in ROWS].index(found.last) + 1 if found.last else 0
        with continued(torn, found) as sink:
            if found.header is None:
                sink.begin(HEADER)
            for row in ROWS[rest:]:
                sink.add([row])
            sink.end()
        assert torn.read_bytes() == whole, size


def test_a_file_of_an_export_is_its_owners_alone_and_replaces_none(tmp_path: Path) -> None:
    written(tmp_path / "export.jsonl")

    assert (tmp_path / "export.jsonl").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError), created(tmp_path / "export.jsonl"):
        pass


@pytest.mark.parametrize("name", ["export.jsonl", "export.jsonl.gz"])
def test_a_whole_file_is_known_from_one_that_is_not(tmp_path: Path, name: str) -> None:
    whole = written(tmp_path / name)
    lines = gzip.decompress(whole).splitlines(True) if name.endswith(".gz") else whole.splitlines(True)

    assert fault(lines) is None
    assert "cut off" in str(fault(lines[:-1]))
    assert "2 records, and 3 were exported" in str(fault([*lines[:2], *lines[3:]]))
    assert "checksum" in str(fault([lines[0].replace(b"true", b"false"), *lines[1:]]))
    with reading(tmp_path / name) as read:
        assert [*read] == lines


def fault(lines: list[bytes]) -> str | None:
    reading = Reading()
    assert all(isinstance(each, Numbered) for each in reading.records(lines))
    return reading.fault


def test_a_packed_file_that_is_torn_reads_to_the_tear(tmp_path: Path) -> None:
    whole = written(tmp_path / "export.jsonl.gz")
    (tmp_path / "torn.gz").write_bytes(whole[:-3])

    with reading(tmp_path / "torn.gz") as lines:
        assert len([*lines]) >= len(ROWS) + 1


def test_a_bad_line_is_told_by_its_number_and_the_others_are_read() -> None:
    lines = [header_line(HEADER), record_line(*ROWS[0]), b"oops\n", record_line(*ROWS[1])]

    found = [*Reading().records(lines)]

    assert [(each.number, isinstance(each, Rejected)) for each in found] == [(2, False), (3, True), (4, False)]


def test_a_key_never_stands_twice_in_a_batch() -> None:
    one, other = Numbered(2, b"", ROWS[0]), Numbered(3, b"", ROWS[1])

    assert [len(rows) for rows, _ in batches([one, other, one, other], 10)] == [2, 2]
    assert [len(rows) for rows, _ in batches([one, other], 1)] == [1, 1]


def test_each_model_is_asked_for_with_what_was_set_aside_behind_the_last_one() -> None:
    wanted = Selection(("visit", "cart"))

    asked = [(query.model, query.after) for query in queries(wanted, THEN, SessionKey("cart!reset", "7"))]

    assert asked == [
        ("cart!reset", SessionKey("cart!reset", "7")),
        ("visit", None),
        ("visit!quarantine", None),
        ("visit!reset", None),
    ]


async def test_all_records_go_out_but_locks_and_what_is_not_wanted() -> None:
    store, record = MemoryStore(), ROWS[0][1]
    names = ("cart", "cart!lock", "cart!quarantine", "cart!reset", "visit")
    await store.save([Insert(SessionKey(name, "7"), record) for name in names])
    await store.save([Insert(SessionKey("visit", "old"), replace(record, expires_at=THEN))])

    async def models(selection: Selection) -> list[str]:
        return [key.model async for page in pages(store, selection, THEN) for key, _ in page]

    assert await models(Selection()) == ["cart", "cart!quarantine", "cart!reset", "visit", "visit"]
    assert await models(Selection(("cart",))) == ["cart", "cart!quarantine", "cart!reset"]
    assert await models(Selection(has_set_aside=False, has_expired=False)) == ["cart", "visit"]


async def test_a_page_behind_large_records_is_smaller() -> None:
    store, large = MemoryStore(), replace(ROWS[0][1], data=b"x" * (2 * BYTES // PAGE))
    await store.save([Insert(SessionKey("cart", f"{number:04}"), large) for number in range(PAGE + PAGE // 2 + 1)])

    assert [len(page) async for page in pages(store, Selection(), THEN)] == [PAGE, PAGE // 2, 1]


async def test_a_page_has_a_record_at_least_however_large_they_are() -> None:
    store, large = MemoryStore(), replace(ROWS[0][1], data=b"x" * (2 * BYTES))
    await store.save([Insert(SessionKey("cart", f"{number:04}"), large) for number in range(PAGE + 2)])

    assert [len(page) async for page in pages(store, Selection(), THEN)] == [PAGE, 1, 1]
