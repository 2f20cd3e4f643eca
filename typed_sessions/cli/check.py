"""`typed-sessions check`: whether the session models are as they were frozen, for CI and before a commit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from typed_sessions.checking.findings import Finding
from typed_sessions.checking.inspection import Inspected, Inspection, inspected
from typed_sessions.cli.output import FAILED, sentences
from typed_sessions.cli.shape_changes import change_json, change_lines
from typed_sessions.history import JsonObject
from typed_sessions.project.project import TABLE, Project, find_project

FORMAT = 1
"""Of `--json`; it counts up when a key goes or changes its meaning."""


@sentences()
def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="The sessions to look at; without one, all.", show_default=False),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="A git ref, such as `origin/main`: what the lock there holds is released and must not change.",
            show_default="against in [tool.typed-sessions]",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False,
) -> None:
    """Compare the session models with their frozen shapes; exit with 1 if anything is not as it should be.

    It looks for shapes that changed without a new version, for steps that are missing or unfinished, for stale
    generated files and for an edited lock. It runs no step: type checkers and `check_golden` look into them. Nothing is
    written.

    Example, in CI: `typed-sessions check --against origin/main`
    """
    project = find_project(Path.cwd())
    ref = against if against is not None else project.against
    found = inspected(project, against=ref)
    found = found.about(names) if names else found
    if as_json:
        typer.echo(json.dumps(as_object(found, ref), indent=2, ensure_ascii=False))
    else:
        console = Console()
        for line in report(found):
            console.print(line, soft_wrap=True)
        if not (names or found.failures or project.models) and found.sessions:
            console.print(_pin(found, project), soft_wrap=True)
    if found.failures:
        raise typer.Exit(FAILED)


def as_object(found: Inspection, against: str | None) -> JsonObject:
    """What `--json` prints; the page `docs/command-line.md` describes it."""
    return {
        "format": FORMAT,
        "is_fine": not found.failures,
        "against": against,
        "sessions": [
            {
                "name": session.name,
                "model": session.location,
                "version": session.version,
                "head": session.head,
                "is_fine": found.is_complete and not any(each.is_failure for each in found.of(session.name)),
            }
            for session in found.sessions
        ],
        "not_checked": list(found.hidden),
        "findings": [
            {
                "session": finding.session,
                "kind": finding.kind,
                "is_failure": finding.is_failure,
                "sentence": finding.sentence,
                "next_step": finding.next_step,
                "path": finding.path,
                "line": finding.line,
                "changes": [change_json(change) for change in finding.changes],
            }
            for finding in found.findings
        ],
    }


def report(found: Inspection) -> Iterator[Text]:
    """The lines for people: what concerns no session, then each session, then the sum and the next step."""
    for finding in found.of(None):
        yield Text.assemble(*_mark([finding]), finding.kind)
        yield from _lines(finding)
    seen = {session.name: session for session in found.sessions}
    for name in sorted({*seen, *(each.session for each in found.findings if each.session is not None)}):
        yield _headline(name, seen.get(name), found.of(name), is_complete=found.is_complete)
        for finding in found.of(name):
            yield from _lines(finding)
    if found.hidden:
        yield Text.assemble("      not checked: ", (", ".join(found.hidden), "bold"))
    yield Text()
    yield _sum(found)


def _pin(found: Inspection, project: Project) -> Text:
    pin = found.discovery.pin()
    return Text(f"found by looking through {project.root}; to spare that, in {TABLE}: {pin}", style="dim")


def _headline(name: str, session: Inspected | None, findings: tuple[Finding, ...], *, is_complete: bool) -> Text:
    version = "" if session is None else f"  version {session.version}"
    if not is_complete:
        return Text.assemble("      ", (name, "bold"), f"{version}, not checked")
    return Text.assemble(*_mark(findings), (name, "bold"), version)


def _mark(findings: list[Finding] | tuple[Finding, ...]) -> tuple[tuple[str, str], ...]:
    if any(finding.is_failure for finding in findings):
        return (("FAIL  ", "bold red"),)
    return (("warn  ", "yellow"),) if findings else (("ok    ", "green"),)


def _lines(finding: Finding) -> Iterator[Text]:
    place = f"{finding.place}: " if finding.place else ""
    yield Text.assemble("      ", (place, "cyan"), (finding.sentence, "red" if finding.is_failure else "yellow"))
    for line in change_lines(finding.changes):
        yield Text.assemble("        ", line)
    yield Text.assemble(("      next: ", "dim"), finding.next_step)


def _sum(found: Inspection) -> Text:
    warnings = len(found.findings) - len(found.failures)
    looked = f"{_counted(len(found.sessions), 'session model')} looked at"
    counts = f"{_counted(len(found.failures), 'failure')}, {_counted(warnings, 'warning')}"
    if not found.failures:
        return Text(f"{looked}: {counts}", style="green")
    is_said = len({each.next_step for each in found.findings}) == 1
    return Text.assemble((f"{looked}: {counts}", "red"), "" if is_said else f"; next: {_next(found.failures[0])}")


def _next(finding: Finding) -> str:
    """The next step; where it is no command, with the place."""
    is_command = finding.next_step.startswith("typed-sessions ") or not finding.place
    return finding.next_step if is_command else f"{finding.place}: {finding.next_step}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
