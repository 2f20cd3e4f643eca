"""`typed-sessions ls`: which sessions are stored."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Annotated, Final, TypeAlias

import typer
from rich.cells import cell_len, chop_cells

from typed_sessions.cli import amounts
from typed_sessions.cli.columns import fitting
from typed_sessions.cli.json_output import AsJson, moment, print_line
from typed_sessions.cli.keys import key_of, optional_text, written
from typed_sessions.cli.opening import settings_of
from typed_sessions.cli.options import Owners, SchemaName, StoreUrl, TableName, model_names
from typed_sessions.cli.output import complain, printable, sentences, table_console
from typed_sessions.cli.running import breathe, run
from typed_sessions.clock import utc_now
from typed_sessions.key import SessionKey
from typed_sessions.stores.protocol import Query, Row, Store

PAGE: Final = 500
KEY: Final = "key"
KEY_WIDTH: Final = 24
"""Characters that keys get at least in a narrow terminal."""
GAP: Final = "  "
DISPENSABLE: Final = ("revision", "size", "saved", "expires", "version")
"""Columns that a narrow terminal does without; the first goes first. `--json` has them all."""
RIGHT: Final = frozenset({"version", "revision", "size", "saved"})


AnyModel: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help="Only sessions of this model; `cart!quarantine` and `cart!reset` are those set aside.",
        show_default=False,
        autocompletion=model_names,
    ),
]
Prefix: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="Only keys that begin with these parts: `user/1` finds `user/1/cart`."),
]
Limit: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="How many to print at most.", show_default="all there are")
]
After: TypeAlias = Annotated[str | None, typer.Option(metavar="KEY", help="Begin behind this key; with MODEL only.")]
Expired: TypeAlias = Annotated[
    bool, typer.Option("--expired", help="Those that have expired and no code sees, instead of all others.")
]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which sessions, and what of them."""

    query: Query
    now: datetime
    limit: int | None
    is_expired: bool
    has_owners: bool

    def wants(self, row: Row) -> bool:
        return row[1].is_alive(self.now) != self.is_expired


@sentences()
def ls(  # noqa: PLR0917 # they are options, given by name
    model: AnyModel = None,
    prefix: Prefix = None,
    owner: Annotated[str | None, typer.Option(help="Only sessions of this owner.")] = None,
    limit: Limit = None,
    after: After = None,
    expired: Expired = False,
    owners: Owners = False,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """List stored sessions by their keys, without their data.

    `saved` is how long ago. Keys are printed as the other commands take them: parts joined by `/`; a `/` or `%` inside
    a part is `%2F` or `%25`, and control characters are such as `%1B`. Owners are printed with `--owners` only. It
    prints page by page, however many there are. With `--json` each session is a line.

    Example: `typed-sessions ls cart --prefix user/42 --limit 20`
    """
    if after is not None and model is None:
        raise typer.BadParameter("name the MODEL of the key too", param_hint="--after")
    now = utc_now()
    start = key_of(model, [after]) if model is not None and after is not None else None
    alive_at = None if expired else now
    query = Query(model, optional_text(prefix), optional_text(owner), alive_at, start, PAGE)
    asked = Asked(query, now, limit, is_expired=expired, has_owners=owners)
    shown: Lines | Columns = Lines(asked) if as_json else Columns(asked)
    last = run(settings_of(database_url, table, schema), partial(printed, asked, shown), lambda: f"after {shown.count}")
    if last is not None:
        where = "; with a MODEL, --after KEY goes on" if model is None else f": --after '{written(last.text)}'"
        complain(f"there are more{where}")
    elif not shown.count and not as_json:
        complain("there are none" if expired else "there are none that have not expired")


async def printed(asked: Asked, shown: "Lines | Columns", store: Store) -> SessionKey | None:
    """Print page by page; the last key, if the limit was reached and there are more."""
    last: SessionKey | None = None
    async for page in pages(store, asked):
        if asked.limit is not None and shown.count + len(page) > asked.limit:
            some = page[: asked.limit - shown.count]
            shown.add(some)
            return some[-1][0] if some else last
        shown.add(page)
        last = page[-1][0]
    return None


async def pages(store: Store, asked: Asked) -> AsyncGenerator[list[Row]]:
    """The sessions that were asked for, in pages of at least one."""
    query = asked.query
    while page := await store.scan(query):
        if wanted := [row for row in page if asked.wants(row)]:
            yield wanted
        query = replace(query, after=page[-1][0])
        await breathe()


@dataclass
class Lines:
    """JSON Lines."""

    asked: Asked
    count: int = 0

    def add(self, rows: Sequence[Row]) -> None:
        for key, record in rows:
            owner = {"owner": record.owner} if self.asked.has_owners else {}
            print_line(
                {
                    "model": key.model,
                    "key": key.text,
                    "version": record.version,
                    "revision": record.revision,
                    "size": len(record.data),
                    "created_at": moment(record.created_at),
                    "updated_at": moment(record.updated_at),
                    "expires_at": moment(record.expires_at),
                    **owner,
                }
            )
        self.count += len(rows)


@dataclass
class Columns:
    """A table whose pages are printed as they come, under one heading."""

    asked: Asked
    count: int = 0
    names: Sequence[str] = ()
    """Those that fit into the terminal, decided by the first page."""
    widths: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        cells = [self._cells(row) for row in rows]
        self.widths = {
            name: max([self.widths.get(name, len(name)), *(cell_len(each[name]) for each in cells)])
            for name in cells[0]
        }
        room = table_console().width
        least = {**self.widths, KEY: min(self.widths[KEY], KEY_WIDTH)}
        self.names = self.names or fitting(least, room, DISPENSABLE, len(GAP))
        self._print(cells, room)
        self.count += len(rows)

    def _print(self, cells: Sequence[Mapping[str, str]], room: int) -> None:
        # Not by a table of rich, which takes a second for two thousand rows.
        taken = sum(self.widths[name] + len(GAP) for name in self.names if name != KEY)
        widths = {**self.widths, KEY: min(self.widths[KEY], max(room - taken, KEY_WIDTH))}
        if not self.count:
            heading = folded({name: name for name in self.names}, widths)
            table_console().print(*heading, style="bold", markup=False, highlight=False, soft_wrap=True)
        for each in cells:
            for line in folded({name: each[name] for name in self.names}, widths):
                typer.echo(line)

    def _cells(self, row: Row) -> dict[str, str]:
        key, record = row
        now = self.asked.now
        model = {} if self.asked.query.model is not None else {"model": printable(key.model)}
        owner = {"owner": written(record.owner or "")} if self.asked.has_owners else {}
        return {
            **model,
            KEY: written(key.text),
            "version": str(record.version),
            "revision": str(record.revision),
            "size": amounts.size(len(record.data)),
            "saved": amounts.since(record.updated_at, now),
            "expires": amounts.until(record.expires_at, now),
            **owner,
        }


def folded(cells: Mapping[str, str], widths: Mapping[str, int]) -> Iterator[str]:
    """The lines of a row: a key that is too long for its column goes on below, so that it can be copied."""
    texts = chop_cells(cells[KEY], widths[KEY]) or [""]
    for number, text in enumerate(texts):
        row = {name: text if name == KEY else "" if number else cell for name, cell in cells.items()}
        yield GAP.join(_padded(name, cell, widths[name]) for name, cell in row.items()).rstrip()


def _padded(name: str, cell: str, width: int) -> str:
    blanks = " " * (width - cell_len(cell))
    return blanks + cell if name in RIGHT else cell + blanks
