"""`typed-sessions import grammy-…`: the sessions of a grammY bot."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from typed_sessions.cli.import_command import Asked, command, optional
from typed_sessions.importing import Versions
from typed_sessions.importing.entry import Reader
from typed_sessions.importing.files import GrammyFolder, JsonFile
from typed_sessions.importing.grammy import ORDER, GrammyKeys, GrammySource
from typed_sessions.importing.postgresql import PostgresqlTable
from typed_sessions.integrations.places import Part

app = typer.Typer()

DOUBT: Final = (
    "with --separator nobody knows which part of a key is the user, to whom the session belongs; say what they are, "
    "as in --parts user,chat, or let the sessions belong to nobody: --no-owner"
)

MongoSource: TypeAlias = Annotated[
    str, typer.Argument(metavar="URL|FILE", help="`mongodb://host:27017`, or a file that `mongoexport` wrote.")
]
RedisUrl: TypeAlias = Annotated[str, typer.Argument(metavar="URL", help="`redis://user:password@host:6379/0`.")]


@dataclass(frozen=True, slots=True)
class Grammy:
    """How keys and versions of grammY's become ours."""

    keys: GrammyKeys
    versions: Versions

    def asked(self, reader: Reader) -> Asked:
        keys = self.keys
        nothing = f"no key begins with {keys.prefix!r}; correct --prefix" if keys.prefix else ""
        return Asked(
            GrammySource(reader, keys), self.versions, nothing=nothing, doubt=DOUBT if _is_doubtful(keys) else ""
        )


def _is_doubtful(keys: GrammyKeys) -> bool:
    return bool(keys.separator) and not keys.parts


def grammy(
    *,
    prefix: Annotated[
        str, typer.Option(metavar="TEXT", help="Only keys that begin so; it is taken off.", show_default="none")
    ] = "",
    separator: Annotated[
        str, typer.Option(metavar="TEXT", help="Split keys at it into parts.", show_default="a key is one part")
    ] = "",
    parts: Annotated[
        str,
        typer.Option(
            metavar="PARTS",
            help="What the parts are: `user,chat`, or others of bot, connection, chat, thread, user. "
            "The keys are those of a `PlaceKey` then.",
            show_default="what they are is not known",
        ),
    ] = "",
    bot_id: Annotated[int | None, typer.Option(metavar="N", help="Put this bot in front of the keys.")] = None,
    version_offset: Annotated[
        int, typer.Option(metavar="N", help="What is added to grammY's version to make it one of ours.")
    ] = 1,
    map_version: Annotated[
        list[str] | None, typer.Option(metavar="V=N", help="Our version for one of grammY's; may be repeated.")
    ] = None,
) -> Grammy:
    """The options of every command about grammY."""
    exact = dict(map(_pair, map_version or ()))
    keys = GrammyKeys(prefix, separator, bot_id, _parts(parts, has_bot=bot_id is not None))
    return Grammy(keys, Versions(offset=version_offset, exact=exact))


def _parts(text: str, *, has_bot: bool) -> tuple[Part, ...]:
    known: dict[str, Part] = {part: part for part in ORDER if part != "bot" or not has_bot}
    named = [each.strip() for each in text.split(",")] if text else []
    found: tuple[Part, ...] = tuple(known[each] for each in named if each in known)
    if len(set(found)) != len(named):
        raise typer.BadParameter(
            f"{text!r} is not like user,chat: some of {', '.join(known)}, each once", param_hint="--parts"
        )
    return found


def _pair(text: str) -> tuple[int, int]:
    theirs, _, ours = text.partition("=")
    try:
        return int(theirs), int(ours)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not like 3=2", param_hint="--map-version") from None


@command(app, "grammy-file", grammy)
def grammy_file(
    options: Grammy,
    path: Annotated[Path, typer.Argument(help="The folder of the sessions, or a JSON file that has them all.")],
) -> Asked:
    """Import what `@grammyjs/storage-file` keeps, or a JSON file of sessions by their keys.

    The `__d`, `v` and `e` of grammY's `enhanceStorage` are understood: data of version `v` goes through the history
    of the session model, and what has expired is left out.

    Example: `typed-sessions import grammy-file sessions/ --into cart --dry-run`
    """
    return options.asked(JsonFile(path) if path.is_file() else GrammyFolder(path))


@command(app, "grammy-redis", grammy)
def grammy_redis(options: Grammy, url: RedisUrl) -> Asked:
    """Import what `@grammyjs/storage-redis` keeps.

    Without `--prefix` all keys of the database are looked at. Keys are found by SCAN, so the server goes on working.

    Example: `typed-sessions import grammy-redis redis://localhost/0 --prefix cart: --into cart`
    """
    return options.asked(optional("redis:RedisTexts")(optional("redis:RedisServer")(url), options.keys.prefix))


@command(app, "grammy-postgresql", grammy)
def grammy_postgresql(
    options: Grammy,
    url: Annotated[str, typer.Argument(metavar="URL", help="`postgresql://user:password@host/name`.")],
    source_table: Annotated[str, typer.Option(metavar="NAME", help="The `tableName` of the adapter.")] = "sessions",
) -> Asked:
    """Import what `@grammyjs/storage-psql` keeps.

    Example: `typed-sessions import grammy-postgresql postgresql://localhost/bot --into cart --report bad.jsonl`
    """
    return options.asked(PostgresqlTable(url, source_table))


@command(app, "grammy-mongodb", grammy)
def grammy_mongodb(
    options: Grammy,
    source: MongoSource,
    source_database: Annotated[str, typer.Option(metavar="NAME", help="The database in MongoDB.")] = "test",
    collection: Annotated[str, typer.Option(metavar="NAME", help="The collection.")] = "sessions",
) -> Asked:
    """Import what `@grammyjs/storage-mongodb` keeps.

    Example: `mongoexport -d bot -c sessions -o sessions.json; typed-sessions import grammy-mongodb sessions.json
    --into cart`
    """
    return options.asked(optional("mongodb:MongoValues")(documents(source, source_database, collection)))


def documents(source: str, database: str, collection: str) -> Iterable[object]:
    """A collection of the server, if it is a URL, else a file of `mongoexport`."""
    found: Iterable[object] = (
        optional("mongodb:MongoCollection")(source, database, collection)
        if "://" in source
        else optional("mongodb:MongoExport")(Path(source))
    )
    return found
