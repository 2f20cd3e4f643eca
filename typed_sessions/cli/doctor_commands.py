"""The commands that findings propose, with the options that name the store which was looked at."""

import shlex
from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from typed_sessions.stores.diagnosis import Finding

NAME: Final = "typed-sessions "
OF_FILES: Final = ("typed-sessions check", "typed-sessions history")
"""These work on source files and take none of the options."""
HIDDEN: Final = "***"


def with_options(
    found: Iterable[Finding], *, database_url: str | None, table: str | None, schema: str | None
) -> list[Finding]:
    """The findings, whose commands go to the same place as the one that found them.

    Args:
        found: by `doctor`.
        database_url: as it was given; None if the environment names it. A password and a query become `***`.
        table: as it was given, or None.
        schema: as it was given, or None.
    """
    url = None if database_url is None else shown(database_url)
    given = {"--database-url": url, "--table": table, "--schema": schema}
    options = "".join(f" {name} {shlex.quote(value)}" for name, value in given.items() if value is not None)
    return [_with(each, options) for each in found]


def shown(url: str) -> str:
    """A URL as it may be printed, whatever its scheme."""
    try:
        parts = urlsplit(url)
    except ValueError:  # whose text quotes the password
        return f"{url.partition(':')[0]}://{HIDDEN}"
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    hidden = f"{name}:{HIDDEN}@{host}" if colon else f"{user}{at}{host}"
    query = HIDDEN if parts.query else ""
    return f"{parts.scheme}://{hidden}{parts.path}{'?' * bool(query)}{query}"


def _with(each: Finding, options: str) -> Finding:
    if each.command is None or not each.command.startswith(NAME) or each.command.startswith(OF_FILES):
        return each
    return replace(each, command=each.command + options)
