"""`typed-sessions show`: one stored session, and what the project's session model would make of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from typed_sessions.cli import amounts
from typed_sessions.cli.json_output import AsJson, json_of, moment, print_document
from typed_sessions.cli.keys import ASIDE, key_of, written
from typed_sessions.cli.opening import settings_of
from typed_sessions.cli.options import KeyParts, ModelName, Owners, SchemaName, StoreUrl, TableName
from typed_sessions.cli.output import FAILED, complain, print_table, printable, sentences, table_console
from typed_sessions.cli.preview import Field, Preview, fields, model_of, previewed
from typed_sessions.cli.running import run
from typed_sessions.cli.upcast_report import diff
from typed_sessions.clock import utc_now
from typed_sessions.eager.batches import Sample
from typed_sessions.errors import UpcastError
from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Store

CHANGES = {"added": "green", "removed": "red", "changed": "yellow"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A session to be shown, and how much of it."""

    key: SessionKey
    record: Record
    preview: Preview | None
    now: datetime
    has_data: bool
    has_owner: bool


@sentences()
def show(  # noqa: PLR0917 # they are options, given by name
    model: ModelName,
    key: KeyParts,
    data: Annotated[bool, typer.Option("--data", help="Print the stored data, and how it would change.")] = False,
    owners: Owners = False,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """Show a stored session: its versions and times, its fields, and what your code would make of it.

    In the folder of your project it is read with its session model there: whether it is valid, and what the next save
    would write, as a diff with `--data`. Without `--data` no value is printed, only the names, types and sizes of
    fields. Nothing is written. It ends with 1 if there is no such session, or your code cannot read it.

    Example: `typed-sessions show cart user 42 --data`
    """
    settings, place = settings_of(database_url, table, schema), key_of(model, key)
    record = run(settings, partial(loaded, place), lambda: "before it was read")
    if record is None:
        complain(f"there is no session {place}; `typed-sessions ls {model}` lists the keys")
        raise typer.Exit(FAILED)
    with model_of(model) as found:
        preview = None if found is None else previewed(found, settings.limits, place, record)
    shown = Shown(place, record, preview, utc_now(), has_data=data, has_owner=owners)
    if as_json:
        print_document(as_object(shown))
    else:
        for each in report(shown):
            if isinstance(each, Table):
                print_table(each)
            else:
                table_console().print(each, soft_wrap=True)
    if preview is not None and preview.error is not None:
        raise typer.Exit(FAILED)


async def loaded(key: SessionKey, store: Store) -> Record | None:
    return (await store.load([key])).get(key)


def as_object(shown: Shown) -> dict[str, object]:
    """What `--json` prints; the page `docs/command-line.md` describes it."""
    key, record = shown.key, shown.record
    return {
        "model": key.model,
        "key": key.text,
        "version": record.version,
        "min_reader": record.min_reader,
        "revision": record.revision,
        "size": len(record.data),
        "created_at": moment(record.created_at),
        "updated_at": moment(record.updated_at),
        "expires_at": moment(record.expires_at),
        "is_expired": not record.is_alive(shown.now),
        "has_owner": record.owner is not None,
        **({"owner": record.owner} if shown.has_owner else {}),
        "fields": [
            {
                "name": each.name,
                "type": each.kind,
                "length": each.length,
                "size": each.size,
                "change": each.change,
            }
            for each in _fields(shown)
        ],
        "preview": None if shown.preview is None else _preview_object(shown.preview, shown),
        **({"data": json_of(record.data)} if shown.has_data else {}),
    }


def _preview_object(preview: Preview, shown: Shown) -> dict[str, object]:
    has_result = shown.has_data and preview.after is not None
    return {
        "code_version": preview.config.version,
        "is_valid": preview.error is None,
        "error": None if preview.error is None else type(preview.error).__name__,
        "message": None if preview.error is None else str(preview.error),
        "problems": list(preview.problems),
        "version": None if preview.after is None else preview.version,
        "size": None if preview.after is None else len(preview.after),
        "is_same": preview.after == shown.record.data,
        **({"data": json_of(preview.after or b"")} if has_result else {}),
    }


def report(shown: Shown) -> Iterator[Text | Table]:
    """What people read: the head, what the code makes of it, then the fields or the data."""
    yield Text(f"{shown.key.model} {written(shown.key.text)}", style="bold")
    yield _head(shown)
    yield from _outlook(shown)
    if not shown.has_data:
        yield Text()
        yield _table(_fields(shown))
        yield Text("values are printed with --data", style="dim")
        return
    preview, record = shown.preview, shown.record
    if preview is not None and preview.after is not None and json_of(preview.after) != json_of(record.data):
        sample = Sample(shown.key, record.version, record.data, preview.after)
        yield from list(diff(sample, preview.version, has_key=True))
    else:
        yield Text()
        text = json.dumps(json_of(record.data), indent=2, ensure_ascii=False)
        yield from (Text(printable(line)) for line in text.split("\n"))


def _head(shown: Shown) -> Table:
    record, now = shown.record, shown.now
    owner = record.owner if record.owner is None or shown.has_owner else "somebody; printed with --owners"
    rows = {
        "version": f"{record.version}, readable by code from version {record.min_reader} on",
        "revision": str(record.revision),
        "size": amounts.size(len(record.data)),
        "created": _ago(record.created_at, now),
        "saved": _ago(record.updated_at, now),
        "expires": amounts.until(record.expires_at, now)
        + ("" if record.is_alive(now) else "; absent for all code, `typed-sessions prune` deletes it"),
        "owner": written(owner or "nobody"),
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, Text(value))
    return table


def _ago(time: datetime, now: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC, {amounts.since(time, now)} ago"


def _outlook(shown: Shown) -> Iterator[Text]:
    preview, record = shown.preview, shown.record
    yield Text()
    if preview is None:
        what = "it was set aside" if ASIDE in shown.key.model else f"no session model {shown.key.model!r} is found here"
        yield Text(f"{what}, so that only what is stored is shown", style="dim")
    elif preview.error is not None:
        yield from _refusal(preview)
    else:
        yield Text(f"your code (version {preview.config.version}) reads it; {_written(preview, record)}", style="green")


def _written(preview: Preview, record: Record) -> str:
    size = amounts.size(len(preview.after or b""))
    if preview.version != record.version:
        return f"the next open writes it back as version {preview.version} ({size})"
    if preview.after == record.data:
        return "a save would write the same"
    return f"a turn that changes it writes it as this code does ({size})"


def _refusal(preview: Preview) -> Iterator[Text]:
    yield Text(f"your code (version {preview.config.version}) cannot read it:", style="bold red")
    for problem in preview.problems:
        yield Text(f"  {printable(problem['path']) or 'the session'}: {printable(problem['message'])}", style="red")
    if not preview.problems:
        yield Text(f"  {printable(str(preview.error))}", style="red")
    if isinstance(preview.error, UpcastError) and preview.error.reason is not None:
        yield Text(f"  raised: {type(preview.error.reason).__name__}", style="red")
    if preview.policy is not None:
        yield Text(f"  the next open sets it aside and begins anew (on_invalid={preview.policy!r})", style="red")


def _fields(shown: Shown) -> list[Field]:
    return fields(shown.record.data, None if shown.preview is None else shown.preview.after)


def _table(found: list[Field]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    has_changes = any(each.change not in {"same", None} for each in found)
    table.add_column("field", overflow="fold")
    table.add_column("type", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    if has_changes:
        table.add_column("would be", no_wrap=True)
    for each in found:
        change = [Text(each.change or "", style=CHANGES.get(each.change or "", "dim"))] if has_changes else []
        kind = each.kind if each.length is None else f"{each.kind} of {each.length:,}"
        table.add_row(Text(printable(each.name)), kind, amounts.size(each.size), *change)
    return table
