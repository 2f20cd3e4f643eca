"""The command `typed-sessions`."""

import sys


def main() -> None:
    """Run the command line; without its extra, exit with 1 and the command that installs it."""
    try:
        from typed_sessions.cli.app import app  # noqa: PLC0415  # the extra may be missing
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in {"rich", "typer"}:
            raise
        sys.exit(f'typed-sessions: {library} is not installed: pip install "typed-sessions[cli]"')
    app()
