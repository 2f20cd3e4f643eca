"""What `typed-sessions import` says at the end, and the file that keeps the entries that could not be imported."""

import base64
import json
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import typer

from typed_sessions.importing import Bad, Tally
from typed_sessions.model import SessionConfig

OPTION = "--report"


class Report:
    """A file with a line of JSON for each entry that could not be imported. Without a file, nothing is kept."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file

    def add(self, bad: Sequence[Bad]) -> None:
        """Write down some entries."""
        if self._file is not None:
            self._file.writelines(f"{line(each)}\n" for each in bad)
            self._file.flush()


@contextmanager
def reporting(path: Path | None) -> Generator[Report]:
    """The report. It holds keys and data, so that only its owner may read it, and replaces no other.

    Without an entry in it there is no file at the end.

    Raises:
        BadParameter: there is such a file already, or none can be made.
    """
    if path is None:
        yield Report(None)
        return
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise typer.BadParameter(f"{path} is there already; name another, or move it away", param_hint=OPTION) from None
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error.strerror}", param_hint=OPTION) from None
    with os.fdopen(number, "w", encoding="utf-8") as file:
        try:
            yield Report(file)
        finally:
            if not file.tell():
                path.unlink(missing_ok=True)


def line(bad: Bad) -> str:
    """An entry as JSON: its name, the reason, and what was stored: as text, or in base64 if it is none."""
    try:
        original = {"original": bad.original.decode()}
    except UnicodeDecodeError:
        original = {"base64": base64.b64encode(bad.original).decode()}
    return json.dumps({"source": bad.name, "reason": bad.reason, **original})


def as_object(config: SessionConfig, tally: Tally) -> dict[str, object]:
    """What was done, or would be, for `--json`. `there` is the version in the source, null if it has none."""
    return {
        "model": config.name,
        "version": config.version,
        "read": tally.read,
        "imported": tally.imported,
        "replaced": tally.replaced,
        "already_there": tally.already_there,
        "expired": tally.expired,
        "left_out": tally.left_out,
        "rejected": tally.bad,
        "reasons": dict(tally.reasons.most_common()),
        "versions": [
            {"there": there, "read_as": version, "sessions": count}
            for (there, version), count in sorted(tally.versions.items(), key=_by_version)
        ],
    }


def _by_version(each: tuple[tuple[int | None, int], int]) -> tuple[int, int]:
    (there, version), _ = each
    return there or 0, version


def summary(config: SessionConfig, tally: Tally, nothing: str, *, dry_run: bool, is_kept: bool) -> Iterator[str]:
    """What was done, or would be. `nothing` is said if there was nothing to do."""
    would = "would be " if dry_run else ""
    yield f"{config.name}: {tally.imported:,} of {tally.read:,} {would}imported as version {config.version}"
    if nothing and not tally.read:
        yield f"  {nothing}"
    if tally.replaced:
        yield f"  {tally.replaced:,} {would}replaced"
    if tally.already_there:
        yield f"  {tally.already_there:,} already there, left as they are"
    if tally.expired:
        yield f"  {tally.expired:,} expired, left out"
    if tally.left_out:
        yield f"  {tally.left_out:,} of another kind or without data, left out"
    for (stored, version), count in sorted(tally.versions.items(), key=_by_version):
        if stored is not None or version != config.version or len(tally.versions) > 1:
            what = "without a version" if stored is None else f"of version {stored} there"
            yield f"  {count:,} {what}, read as version {version}"
    if tally.bad:
        yield f"  {tally.bad:,} cannot be imported" + ("" if is_kept else " (--report FILE keeps them)") + ":"
        yield from (f"    {each}" for each in tally.lines())
