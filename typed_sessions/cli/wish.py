"""What `typed-sessions revision` can be asked for: its options, and which of them go together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Name: TypeAlias = Annotated[str | None, typer.Argument(help="The session, by the name in its session_config.")]
Message: TypeAlias = Annotated[str, typer.Option("--message", "-m", help="What changed, in a line.")]
Every: TypeAlias = Annotated[bool, typer.Option("--all", help="Every session that changed, with one message.")]
Empty: TypeAlias = Annotated[
    bool,
    typer.Option("--empty", help="A new version though the shape is the same: what is stored means something else."),
]
Amend: TypeAlias = Annotated[
    bool, typer.Option("--amend", help="Freeze the newest version again, which nobody has deployed yet.")
]
Rebase: TypeAlias = Annotated[
    bool,
    typer.Option("--rebase", help="In or after a merge or rebase: renumber your version behind the other branch's."),
]
Against: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="REF",
        help="With --rebase and --amend: a git ref, such as `origin/main`, whose versions are released.",
        show_default="against in [tool.typed-sessions]",
    ),
]
Squash: TypeAlias = Annotated[
    bool, typer.Option("--squash", help="Give up the versions below --before, with their steps and samples.")
]
Before: TypeAlias = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="With --squash: the oldest version that stays.")
]
ReadableFrom: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, help="Code from version N on may read it: it needs none of the fields that are gone."
    ),
]
Stubs: TypeAlias = Annotated[
    Path | None, typer.Option(help="Put the types into stubs in this folder.", metavar="DIR", file_okay=False)
]
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for. `before` is that of a squash."""

    name: str | None
    message: str
    against: str | None
    is_all: bool
    is_empty: bool
    is_amendment: bool
    is_rebase: bool
    before: int | None
    readable_from: int | None

    def check(self, *, is_squash: bool) -> None:
        """Refuse options that do not go together.

        Raises:
            BadParameter: they do not.
        """
        if is_squash != (self.before is not None):
            raise typer.BadParameter("give --squash and --before N together: versions below N are given up")
        kinds = {"--all": self.is_all, "--empty": self.is_empty, "--amend": self.is_amendment,
                 "--rebase": self.is_rebase, "--squash": is_squash}  # fmt: skip
        given = [option for option, is_given in kinds.items() if is_given]
        if len(given) > 1:
            raise typer.BadParameter(f"{given[0]} and {given[1]} do not go together")
        if self.readable_from is not None and (given or self.name is None):
            raise typer.BadParameter(
                f"give --readable-from with the name of a session, not with {given[0] if given else 'none'}"
            )
        if self.name is None and given and given[0] in {"--empty", "--amend", "--squash"}:
            raise typer.BadParameter(f"say which session: {given[0]} is for one")
        if self.name is not None and self.is_all:
            raise typer.BadParameter("give a name or --all, not both")


def refuse_rest(rest: Sequence[str]) -> None:
    """Refuse arguments that have no place.

    Raises:
        BadParameter: there are some; most likely a message was given without quotes.
    """
    if rest:
        raise typer.BadParameter(
            f'unexpected: {" ".join(rest)}; one session can be named, and a message goes into quotes: -m "what changed"'
        )
