"""The shipped Alembic history, for databases that have none of their own. `typed-sessions db` calls these.

Every function blocks, on async drivers too; from async code, call it with `asyncio.to_thread`.
Its state is kept in `<table>_alembic_version`, beside the table, so it meets no other Alembic history.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TypeAlias, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import MetaData
from sqlalchemy import inspect as inspect_database
from sqlalchemy.exc import DBAPIError

from typed_sessions.errors import SettingsError, TypedSessionsError
from typed_sessions.stores.sqlalchemy import layout
from typed_sessions.stores.sqlalchemy.tables import TABLE_NAME, sessions_table
from typed_sessions.stores.sqlalchemy.urls import VARIABLE, masked, missing, parsed

Answer = TypeVar("Answer")
Question: TypeAlias = Callable[[MigrationContext], Answer]


class MigrationError(TypedSessionsError):
    """The layout of the database could not be changed or read; the message says what to do."""


def upgrade(url: str, *, table: str = TABLE_NAME, schema: str | None = None, revision: str = "head") -> None:
    """Bring the table of sessions to `revision`.

    Raises:
        MigrationError: the database refused or cannot be reached, or holds a table that was not made here.
        SettingsError: `url` is no SQLAlchemy URL.
    """
    config = configuration(url, table=table, schema=schema)
    with _translated(url):
        if _ask(config, lambda context: _is_foreign(context, config)):
            raise MigrationError(
                f"the table {table} is there already and was not made by `typed-sessions db upgrade`; if your own "
                f"Alembic history holds it, run `alembic upgrade head`; if it is left from an upgrade that broke "
                f"off, drop it first"
            )
        command.upgrade(config, revision)


def downgrade(url: str, *, table: str = TABLE_NAME, schema: str | None = None, revision: str = "base") -> None:
    """Take the layout back to `revision`; `base` drops the table with all its sessions.

    Raises:
        MigrationError: the database refused or cannot be reached, or `upgrade` never ran there.
        SettingsError: `url` is no SQLAlchemy URL.
    """
    if current(url, table=table, schema=schema) is None:
        raise MigrationError(
            f"the table {table} was not made by `typed-sessions db upgrade`, so there is nothing to take back; "
            f"if your own Alembic history holds it, use `alembic downgrade`"
        )
    with _translated(url):
        command.downgrade(configuration(url, table=table, schema=schema), revision)


def current(url: str, *, table: str = TABLE_NAME, schema: str | None = None) -> str | None:
    """The revision that the database is at; None if `upgrade` never ran there."""
    with _translated(url):
        return _ask(configuration(url, table=table, schema=schema), MigrationContext.get_current_revision)


def differences(url: str, *, table: str = TABLE_NAME, schema: str | None = None, jsonb: bool = False) -> list[str]:
    """What is otherwise than `sessions_table` lays it out, whoever made the table; [] if it is right."""
    wanted = sessions_table(MetaData(), name=table, schema=schema, jsonb=jsonb)

    def compare(context: MigrationContext) -> list[str]:
        assert context.connection is not None
        return layout.differences(context.connection, wanted)

    with _translated(url):
        return _ask(configuration(url, table=table, schema=schema), compare)


def sql(url: str, *, table: str = TABLE_NAME, schema: str | None = None, revision: str = "head") -> str:
    """The SQL that `upgrade` would run on an empty database. Connects to nothing; only the URL's dialect counts.

    `revision` may be a range such as `0001:head`, or `head:base` for the way down.
    """
    config = configuration(url, table=table, schema=schema)
    config.output_buffer = buffer = StringIO()
    run = command.downgrade if revision.endswith(":base") else command.upgrade
    with _translated(url):
        run(config, revision, sql=True)
    return buffer.getvalue()


def head() -> str | None:
    """The newest revision that this version of typed-sessions ships."""
    return ScriptDirectory(folder()).get_current_head()


def folder() -> Path:
    """Where the history lies: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "alembic"
    return installed if installed.is_dir() else package.parent / "alembic"


def configuration(url: str, *, table: str, schema: str | None) -> Config:
    """An Alembic `Config` for one's own commands on the shipped history."""
    parsed(url)
    return Config(folder() / "alembic.ini", attributes={"url": url, "table": table, "schema": schema})


def _ask(config: Config, question: Question[Answer]) -> Answer:
    """Answer a question on the connection that `env.py` makes, without changing anything."""
    answers: list[Answer] = []

    def no_steps(_: object, context: MigrationContext) -> list[object]:
        answers.append(question(context))
        return []

    script = ScriptDirectory.from_config(config)
    with EnvironmentContext(config, script, fn=no_steps, dont_mutate=True):
        script.run_env()
    return answers[0]


def _is_foreign(context: MigrationContext, config: Config) -> bool:
    if context.get_current_revision() is not None:
        return False
    assert context.connection is not None
    table, schema = config.attributes["table"], config.attributes["schema"]
    return inspect_database(context.connection).has_table(table, schema=schema)


@contextmanager
def _translated(url: str) -> Generator[None]:
    try:
        yield
    except Exception as error:
        told = _told(error, url)
        if told is None:
            raise
        raise told from error


def _told(error: Exception, url: str) -> TypedSessionsError | None:
    """The error as a sentence, if it is one of Alembic, of a driver or of the network."""
    match error:
        case CommandError():
            return MigrationError(f"{error}; see `typed-sessions db current`")
        case ModuleNotFoundError():
            return missing(error)
        case TypeError() if "keyword argument" in str(error):
            # Drivers take the query of a URL as keyword arguments of `connect`: asyncpg has no `sslmode`, for one.
            return SettingsError({VARIABLE: f"its driver does not take what stands behind the question mark: {error}"})
        case DBAPIError() | OSError():
            return MigrationError(f"the database {masked(url)} answers: {_sentence(error)}")
        case _ if type(error).__module__.startswith("asyncpg."):
            # SQLAlchemy 2.0 lets asyncpg's errors at connecting through as they are.
            return MigrationError(f"the database {masked(url)} answers: {_sentence(error)}")
        case _:
            return None


def _sentence(error: BaseException) -> str:
    """The driver's own words, from beneath the wrappings."""
    origin: BaseException = error
    while deeper := getattr(origin, "orig", None) or origin.__cause__:
        origin = deeper
    words = [str(argument) for argument in origin.args if isinstance(argument, str)]
    return (words[-1] if words else str(origin)).strip().partition("\n")[0]
