"""`typed-sessions stats`: how many sessions are stored, how large and how old they are, when they expire."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Final

import typer
from rich import box
from rich.bar import Bar
from rich.console import Console, RenderableType
from rich.status import Status
from rich.table import Table
from rich.text import Text

from typed_sessions.cli import amounts
from typed_sessions.cli.counting import count
from typed_sessions.cli.figures import Figures, Stock, as_object, names_of
from typed_sessions.cli.json_output import AsJson, print_document
from typed_sessions.cli.opening import settings_of
from typed_sessions.cli.options import SchemaName, StoreUrl, TableName, model_names
from typed_sessions.cli.output import complain, print_table, printable, say, sentences, table_console
from typed_sessions.clock import utc_now
from typed_sessions.settings import Settings
from typed_sessions.stores.counting import Lot

BAR: Final = 24
"""Characters of the longest bar."""
NARROW: Final = 72
"""Columns of a terminal in which tables stand closer, so that their figures fit."""


@sentences()
def stats(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="The session models; without one, all that are stored.",
            show_default=False,
            autocompletion=model_names,
        ),
    ] = None,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """Count stored sessions by model and version: their sizes, their ages, what expires soon.

    Sizes are those of the data as JSON, of all that is stored, expired or not; p50 and p95 are percentiles. A SQL
    database counts by itself; of other stores every session is read. Nothing is written.

    Example: `typed-sessions stats cart`
    """
    settings, now = settings_of(database_url, table, schema), utc_now()
    stock = counted(settings, models or [], now)
    if as_json:
        print_document(as_object(stock, now))
        return
    if not stock.models:
        complain("nothing is stored there")
        return
    for number, each in enumerate(report(stock, now, is_plain=not table_console().is_terminal)):
        if number:
            say("")
        print_table(each)


def counted(settings: Settings, models: Sequence[str], now: datetime) -> Stock:
    """Count, and show how far it is while that takes long."""
    stock, names = Stock(), [name for model in models for name in names_of(model)]
    with Status("counting", console=Console(stderr=True)) as status:

        def tell(lots: Sequence[Lot]) -> None:
            stock.add(lots)
            status.update(f"counted {stock.done:,}")

        count(settings, names, now, tell, lambda: f"after {stock.done:,}; nothing was written")
    return stock


def report(stock: Stock, now: datetime, *, is_plain: bool) -> Iterator[Table]:
    """Three tables: how many of each version with a bar, how large, and when saved and expiring."""
    yield _counts(stock, is_plain=is_plain)
    yield _sizes(stock)
    yield _times(stock, now)


def _counts(stock: Stock, *, is_plain: bool) -> Table:
    table = _table("model", "version", "sessions", "expired")
    table.add_column("", max_width=BAR)
    most = max((each.count for model in stock.models.values() for each in model.versions.values()), default=0)
    for name, model in sorted(stock.models.items()):
        for version, each in sorted(model.versions.items()):
            bar = _bar(each.count, most, is_plain=is_plain)
            table.add_row(_name(name), str(version), f"{each.count - each.expired:,}", f"{each.expired:,}", bar)
        for way, number in sorted(model.aside.items()):
            table.add_row(_name(name), way, f"{number:,}", "", "")
    return table


def _sizes(stock: Stock) -> Table:
    table = _table("model", "version", "total", "mean", "p50", "p95", "max")
    for name, model in sorted(stock.models.items()):
        for version, each in sorted(model.versions.items()):
            sizes = (each.total, each.mean, each.percentile(50), each.percentile(95), each.largest)
            table.add_row(_name(name), str(version), *map(amounts.size, sizes))
    return table


def _times(stock: Stock, now: datetime) -> Table:
    """Of each model: saves and expiry in the spans, the longer of which include the shorter."""
    table = _table("model", "within", "1 h", "1 d", "7 d", "30 d", "")
    for name, model in sorted(stock.models.items()):
        figures = model.all
        if not figures.count:
            continue
        saved = [f"{each:,}" for each in figures.saved]
        soon = [f"{each:,}" for each in figures.soon()]
        table.add_row(_name(name), "saved", *saved, _oldest(figures, now))
        table.add_row(_name(name), "expiring", *soon, "", f"{figures.lasting:,} never")
    return table


def _oldest(figures: Figures, now: datetime) -> str:
    return "" if figures.oldest is None else f"oldest {amounts.since(figures.oldest, now)}"


def _table(*names: str) -> Table:
    gap = (0, 0) if table_console().width < NARROW else (0, 1)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=gap)
    for name in names:
        if name in {"model", ""}:
            table.add_column(name, overflow="fold")
        else:
            table.add_column(name, justify="left" if name == "within" else "right", no_wrap=True)
    return table


def _name(name: str) -> Text:
    return Text(printable(name))


def _bar(value: int, most: int, *, is_plain: bool) -> RenderableType:
    if is_plain:
        return "#" * max(1, round(BAR * value / most))
    return Bar(size=most, begin=0, end=value, color="cyan")
