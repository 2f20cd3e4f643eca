"""`typed-sessions stats`: how many sessions are stored, how large and how old they are, when they expire."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Final, TypeAlias

import typer
from rich.bar import Bar
from rich.console import Console, RenderableType
from rich.status import Status
from rich.table import Table
from rich.text import Text

from typed_sessions.cli import amounts
from typed_sessions.cli.columns import DRAWING, fitted
from typed_sessions.cli.counting import count
from typed_sessions.cli.figures import Figures, Stock, as_object, names_of
from typed_sessions.cli.json_output import AsJson, print_document
from typed_sessions.cli.opening import settings_of
from typed_sessions.cli.options import SchemaName, StoreUrl, TableName, model_names
from typed_sessions.cli.output import complain, print_table, printable, say, sentences, table_console
from typed_sessions.clock import utc_now
from typed_sessions.settings import Settings
from typed_sessions.stores.counting import Lot

NAME_WIDTH: Final = 10
"""Characters that names of session models get at least in a narrow terminal."""
NOTE_WIDTH: Final = 8
"""Characters that the notes behind the times get at least."""
Rows: TypeAlias = list[dict[str, RenderableType]]


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
    for rows, dispensable in (
        (_counts(stock, is_plain=is_plain), ["", "expired"]),
        (_sizes(stock), ["mean", "p50", "total", "p95"]),
        (_times(stock, now), ["", "7 d", "1 d"]),
    ):
        if rows:
            folding = {"model": NAME_WIDTH, "": NOTE_WIDTH}
            room = table_console().width
            yield fitted(rows, room, folding=folding, dispensable=dispensable, left=("model", "within", ""))


def _counts(stock: Stock, *, is_plain: bool) -> Rows:
    rows: Rows = []
    most = max((each.count for model in stock.models.values() for each in model.versions.values()), default=0)
    for name, model in sorted(stock.models.items()):
        for version, each in sorted(model.versions.items()):
            bar = _bar(each.count, most, is_plain=is_plain)
            rows.append(_counted(name, str(version), each.count - each.expired, f"{each.expired:,}", bar))
        rows += [_counted(name, way, number, "", "") for way, number in sorted(model.aside.items())]
    return rows


def _counted(name: str, version: str, number: int, expired: str, bar: RenderableType) -> dict[str, RenderableType]:
    return {"model": _name(name), "version": version, "sessions": f"{number:,}", "expired": expired, "": bar}


def _sizes(stock: Stock) -> Rows:
    return [
        {
            "model": _name(name),
            "version": str(version),
            "total": amounts.size(each.total),
            "mean": amounts.size(each.mean),
            "p50": amounts.size(each.percentile(50)),
            "p95": amounts.size(each.percentile(95)),
            "max": amounts.size(each.largest),
        }
        for name, model in sorted(stock.models.items())
        for version, each in sorted(model.versions.items())
    ]


def _times(stock: Stock, now: datetime) -> Rows:
    """Of each model: saves and expiry in the spans, the longer of which include the shorter."""
    rows: Rows = []
    for name, model in sorted(stock.models.items()):
        figures = model.all
        if not figures.count:
            continue
        rows.append(_timed(name, "saved", figures.saved, _oldest(figures, now)))
        rows.append(_timed(name, "expiring", figures.soon(), f"{figures.lasting:,} never"))
    return rows


def _timed(name: str, what: str, numbers: Sequence[int], note: str) -> dict[str, RenderableType]:
    spans = {span: f"{number:,}" for span, number in zip(("1 h", "1 d", "7 d", "30 d"), numbers, strict=True)}
    return {"model": _name(name), "within": what, **spans, "": note}


def _oldest(figures: Figures, now: datetime) -> str:
    return "" if figures.oldest is None else f"oldest {amounts.since(figures.oldest, now)}"


def _name(name: str) -> Text:
    return Text(printable(name))


def _bar(value: int, most: int, *, is_plain: bool) -> RenderableType:
    if is_plain:
        return "#" * max(1, round(DRAWING * value / most))
    return Bar(size=most, begin=0, end=value, color="cyan")
