"""`typed-sessions db`: the table of sessions, through the shipped Alembic history or the user's own."""

import logging
from pathlib import Path
from typing import Annotated, TypeAlias, TypedDict

import typer
from sqlalchemy import MetaData

from typed_sessions import migrations
from typed_sessions.cli.json_output import AsJson, print_document
from typed_sessions.cli.output import FAILED, complain, confirm, say, sentences
from typed_sessions.revision_file import write_revision
from typed_sessions.settings import Settings
from typed_sessions.stores.sqlalchemy.tables import TABLE_NAME, sessions_table
from typed_sessions.stores.sqlalchemy.urls import masked

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")

DatabaseUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="SQLAlchemy URL, sync or async: `postgresql+asyncpg://user:password@host/name`.",
        show_default="TYPED_SESSIONS_DATABASE_URL",
    ),
]
TableName: TypeAlias = Annotated[
    str | None, typer.Option(help="Name of the table.", show_default="TYPED_SESSIONS_TABLE, or typed_sessions")
]
SchemaName: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Schema of the table.", show_default="TYPED_SESSIONS_SCHEMA, or the connection's own"),
]
Jsonb: TypeAlias = Annotated[bool, typer.Option("--jsonb", help="The column `data` is JSONB on PostgreSQL.")]


class Target(TypedDict):
    """Which table of which database, as the functions of `migrations` take it."""

    url: str
    table: str
    schema: str | None


@app.callback()
def db() -> None:
    """Create, change and check the table of sessions.

    If your project has an Alembic history, `typed-sessions db init --into migrations/versions` puts the table into
    it, and `alembic upgrade head` makes it. If not, `typed-sessions db upgrade` makes it with a history of its own.

    Exit codes: 0 done, 1 refused or not as it should be, 2 wrong settings or options.
    """
    # It repeats what the server only notes, such as that MariaDB gives primary keys no name.
    logging.getLogger("asyncmy").setLevel(logging.ERROR)


@app.command()
@sentences()
def upgrade(  # noqa: PLR0917 # they are options, given by name
    database_url: DatabaseUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
    revision: Annotated[str, typer.Option(help="Where to go.")] = "head",
    beside: Annotated[
        bool, typer.Option("--beside", help="Do so beside an Alembic history of your own that never autogenerates.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create the table, or bring it to the layout of this version.

    A database with an Alembic history of its own is refused, for its next autogenerate would drop the table.

    Example: `typed-sessions db upgrade --database-url sqlite:///sessions.db`
    """
    target = target_of(database_url, table, schema)
    migrations.upgrade(**target, revision=revision, beside=beside)
    say_current(target, as_json=as_json)


@app.command()
@sentences()
def downgrade(  # noqa: PLR0917 # they are options, given by name
    database_url: DatabaseUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
    revision: Annotated[str, typer.Option(help="Where to go; `base` drops the table.")] = "base",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take the layout back. This drops data, and asks before it does.

    Example: `typed-sessions db downgrade --revision 0001`
    """
    target = target_of(database_url, table, schema)
    if not yes:
        confirm(f"Take {named(target)} back to {revision} and lose the data?")
    migrations.downgrade(**target, revision=revision)
    say_current(target, as_json=as_json)


@app.command()
@sentences()
def current(
    database_url: DatabaseUrl = None, table: TableName = None, schema: SchemaName = None, as_json: AsJson = False
) -> None:
    """Print the revision that the database is at.

    Example: `typed-sessions db current`
    """
    say_current(target_of(database_url, table, schema), as_json=as_json)


@app.command()
@sentences()
def check(
    database_url: DatabaseUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
    jsonb: Jsonb = False,
    as_json: AsJson = False,
) -> None:
    """Compare the table with the layout that this version needs; exit with 1 if it differs.

    Example, before a deploy: `typed-sessions db check && systemctl restart shop-bot`
    """
    target = target_of(database_url, table, schema)
    found = migrations.differences(**target, jsonb=jsonb)
    if as_json:
        print_document({**place(target), "is_fine": not found, "differences": [*found]})
    if found:
        complain(f"{named(target)} is not as this version needs it:")
        complain("\n".join(f"  - {difference}" for difference in found))
        complain(remedy(migrations.current(**target)))
        raise typer.Exit(FAILED)
    if not as_json:
        say(f"{named(target)} is as this version needs it")


@app.command()
@sentences()
def sql(
    database_url: DatabaseUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
    revision: Annotated[str, typer.Option(help="Where to go, or a range such as `0001:head`, `head:base`.")] = "head",
) -> None:
    """Print the SQL of `upgrade` without running it, for those whose database only a person may change.

    Only the kind of database in the URL counts; it is not connected to.

    Example: `typed-sessions db sql --database-url postgresql+asyncpg:// > sessions.sql`
    """
    typer.echo(migrations.sql(**target_of(database_url, table, schema), revision=revision), nl=False)


@app.command()
@sentences()
def init(
    into: Annotated[Path, typer.Option(help="The folder of your own revisions.", metavar="DIR")],
    table: TableName = None,
    schema: SchemaName = None,
    jsonb: Jsonb = False,
    as_json: AsJson = False,
) -> None:
    """Write a revision that creates the table into your own Alembic history, on top of its head.

    Example: `typed-sessions db init --into migrations/versions`
    """
    target = target_of("sqlite://", table, schema)  # any: nothing is connected to
    wanted = sessions_table(MetaData(), name=target["table"], schema=target["schema"], jsonb=jsonb)
    written = write_revision(wanted, into=into)
    if as_json:
        print_document({"file": str(written)})
        return
    say(f"wrote {written}\n")
    say(next_steps(target, jsonb=jsonb))


def target_of(database_url: str | None, table: str | None, schema: str | None) -> Target:
    """The table that the environment names; an option that was given comes before its variable."""
    given = {"database_url": database_url, "table": table, "schema_name": schema}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    return Target(url=settings.database_url.get_secret_value(), table=settings.table, schema=settings.schema_name)


def named(target: Target) -> str:
    return f"{target['table']} in {masked(target['url'])}"


def place(target: Target) -> dict[str, object]:
    return {"database": masked(target["url"]), "table": target["table"], "schema": target["schema"]}


def say_current(target: Target, *, as_json: bool) -> None:
    found = migrations.state(**target)
    if as_json:
        known = {"revision": found.revision, "head": migrations.head()}
        states = {"has_table": found.has_table, "is_foreign": found.is_foreign, "is_unfinished": found.is_unfinished}
        print_document({**place(target), **known, **states})
        return
    say(f"{named(target)} is {described(found)}")


def described(found: migrations.State) -> str:
    if found.is_foreign:
        return "there, made by another Alembic history; `typed-sessions db check` compares it"
    if found.is_unfinished:
        return "unfinished: an upgrade is at work there, or broke off"
    if found.revision is None:
        return "at no revision; `typed-sessions db upgrade` makes it"
    return f"at revision {found.revision}{' (head)' if found.revision == migrations.head() else ''}"


def remedy(revision: str | None) -> str:
    """What mends a table that differs, given the revision of the shipped history that it is at."""
    if revision == migrations.head():
        return (
            "Its history is at head, so somebody changed it by hand: put that back (`typed-sessions db sql` prints how "
            "it should be)"
        )
    return (
        "Run `typed-sessions db upgrade`; if your project has its own Alembic history, "
        "`typed-sessions db init --into DIR`, then `alembic upgrade head`"
    )


def next_steps(target: Target, *, jsonb: bool) -> str:
    table, schema = target["table"], target["schema"]
    given = {"name": table if table != TABLE_NAME else None, "schema": schema, "jsonb": jsonb or None}
    options = "".join(f", {name}={value!r}" for name, value in given.items() if value is not None)
    schemas = "\nand to env.py, for the schema: context.configure(..., include_schemas=True)\n" if schema else ""
    return (
        "Add these lines to your models, with the metadata that your env.py gives to Alembic as target_metadata:\n\n"
        "  from typed_sessions.stores.sqlalchemy import sessions_table\n"
        f"  sessions_table(Base.metadata{options})\n"
        f"{schemas}\n"
        "then make the table:\n\n"
        "  alembic upgrade head"
    )
