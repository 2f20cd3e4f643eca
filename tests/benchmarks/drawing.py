"""The pictures of docs/performance.md, each as PNG and as SVG."""

# matplotlib leaves its keyword arguments untyped.
# pyright: reportUnknownMemberType=false

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from tests.benchmarks.curves import OURS, PERCENTILES

# Okabe and Ito's colours, which all eyes tell apart (https://jfly.uni-koeln.de/color/); marks differ too.
LOOKS: Mapping[str, tuple[str, str]] = {
    OURS: ("#D55E00", "o"),
    "asyncpg alone, ten connections held": ("#000000", "s"),
    "sqlite3 called directly": ("#000000", "s"),
    "asyncpg's own pool": ("#0072B2", "^"),
    "SQLAlchemy ORM, get and commit": ("#009E73", "D"),
    "SQLAlchemy Core, begin() each": ("#CC79A7", "v"),
}
TITLES = {"postgresql+asyncpg": "PostgreSQL, asyncpg", "sqlite+aiosqlite": "SQLite, WAL, synchronous=FULL"}
MARKS = dict(zip(PERCENTILES, ("o", "D", ">"), strict=True))
DOTS_PER_INCH = 144


def draw(found: Mapping[str, Any], folder: Path) -> None:
    """Draw what `curves` found."""
    folder.mkdir(parents=True, exist_ok=True)
    mpl.rcParams["svg.hashsalt"] = "typed-sessions"
    _save(_throughput(found["throughput"]), folder / "throughput")
    _save(_latency(found["latency"]), folder / "latency")


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path.with_suffix(".png"), dpi=DOTS_PER_INCH)
    # Without the date and with a salt of our own, the same numbers give the same file.
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})


def _throughput(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Figure:
    figure = Figure(figsize=(5.6 * len(found), 5.4), layout="constrained")
    lines: dict[str, Line2D] = {}
    for place, (driver, designs) in enumerate(found.items(), start=1):
        axes = figure.add_subplot(1, len(found), place)
        for name, rates in designs.items():
            colour, mark = LOOKS[name]
            tasks = [int(each) for each in rates]
            [lines[name]] = axes.plot(tasks, [*rates.values()], color=colour, marker=mark, markersize=5)
        _scale(axes, [int(each) for each in next(iter(designs.values()))])
        axes.set_title(TITLES[driver])
    figure.suptitle("Turns per second (read, validate, change, save over what was read); higher is better")
    figure.legend([*lines.values()], [*lines], loc="outside lower center", ncols=3, frameon=False)
    return figure


def _scale(axes: Axes, tasks: list[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(tasks, [str(each) for each in tasks])
    axes.yaxis.set_major_formatter(FuncFormatter(_grouped))
    axes.yaxis.set_minor_formatter(FuncFormatter(_at_two_and_five))
    axes.set_xlabel("tasks at once, each on a session of its own")
    axes.set_ylabel("turns per second")
    axes.grid(visible=True, which="both", alpha=0.25)


def _latency(found: Mapping[str, Mapping[str, Mapping[str, list[float]]]]) -> Figure:
    panels = [(driver, rate, designs) for driver, rates in found.items() for rate, designs in rates.items()]
    figure = Figure(figsize=(11.2, 1.2 + 1.8 * len(panels)), layout="constrained")
    shared: Axes | None = None
    for place, (driver, rate, designs) in enumerate(panels, start=1):
        shared = axes = figure.add_subplot(len(panels), 1, place, sharex=shared)
        _percentiles(axes, designs)
        axes.set_title(f"{TITLES[driver]}: {int(rate):,} turns arrive in a second", fontsize="medium")
    marks = [Line2D([], [], color="#555555", marker=mark, linestyle="") for mark in MARKS.values()]
    figure.suptitle("Milliseconds from the arrival of a turn until it is saved; lower is better")
    labels = [f"{percent} % of the turns are not slower" for percent in MARKS]
    figure.legend(marks, labels, loc="outside lower center", ncols=len(MARKS), frameon=False)
    return figure


def _percentiles(axes: Axes, designs: Mapping[str, list[float]]) -> None:
    for height, (name, taken) in enumerate(reversed([*designs.items()])):
        colour, _ = LOOKS[name]
        axes.plot(taken, [height] * len(taken), color=colour)
        for mark, each in zip(MARKS.values(), taken, strict=True):
            axes.plot([each], [height], color=colour, marker=mark, markersize=7)
    axes.set_yticks(range(len(designs)), [*designs][::-1])
    axes.set_ylim(-0.6, len(designs) - 0.4)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(_grouped))
    axes.xaxis.set_minor_formatter(FuncFormatter(_at_two_and_five))
    axes.tick_params(axis="x", which="both", labelsize="small")
    axes.grid(visible=True, axis="x", which="both", alpha=0.25)


def _grouped(value: float, _place: object = None) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _at_two_and_five(value: float, _place: object = None) -> str:
    leading = f"{value:e}"[0]
    return _grouped(value) if leading in "25" else ""
