"""The shipped Alembic history, for databases that have none of their own. `typed-sessions db` calls these.

Every function blocks, on async drivers too; from async code, call it with `asyncio.to_thread`.
Its state is kept in `<table>_alembic_version`, beside the table, so it meets no other Alembic history.
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import MetaData, Table
from sqlalchemy import inspect as inspect_database
from sqlalchemy.exc import DBAPIError

from typed_sessions.eager.alembic import upcast_sessions as upcast_sessions  # noqa: PLC0414 # re-exported
from typed_sessions.errors import SettingsError, TypedSessionsError
from typed_sessions.stores.sqlalchemy import layout
from typed_sessions.stores.sqlalchemy.tables import TABLE_NAME, sessions_table
from typed_sessions.stores.sqlalchemy.urls import IN_MEMORY, VARIABLE, is_in_memory, masked, missing, parsed

Answer = TypeVar("Answer")
Question: TypeAlias = Callable[[MigrationContext], Answer]

ALEMBIC_TABLE: Final = "alembic_version"
"""Where a history of the user's own keeps its state, unless its `env.py` says otherwise."""
_NOTES: Final = "_alembic_version"
_BEING_CHANGED: Final = 1684
"""MariaDB's number (ER_WARN_I_S_SKIPPED_TABLE) for a table that another connection is changing."""
_UNFINISHED: Final = (
    "an upgrade is at work there, or broke off: see `typed-sessions db current`, and if no other upgrade is at work, "
    "drop the table and run this again"
)


class MigrationError(TypedSessionsError):
    """The layout of the database could not be changed or read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class State:
    """What a database holds of the table and of Alembic's notes, which are tables too."""

    revision: str | None
    """Of the shipped history; None if `upgrade` never ran there to its end."""
    has_table: bool
    has_notes: bool
    """Of the shipped history."""
    has_other_notes: bool
    """Of an Alembic history of the user's own, in the same schema."""

    @property
    def is_foreign(self) -> bool:
        """Whether the table is there and something else than `upgrade` made it."""
        return self.has_table and not self.has_notes

    @property
    def is_unfinished(self) -> bool:
        """Whether an `upgrade` is at work, or broke off where a database has no transactions for its layout."""
        return self.has_table and self.has_notes and self.revision is None


def upgrade(
    url: str, *, table: str = TABLE_NAME, schema: str | None = None, revision: str = "head", beside: bool = False
) -> None:
    """Bring the table of sessions to `revision`; `beside` an Alembic history of the user's own only if told so.

    Raises:
        MigrationError: the database refused or cannot be reached, holds a table that was not made here, or has an
            Alembic history of its own, whose next autogenerate would drop the table.
        SettingsError: `url` is no SQLAlchemy URL, or of a database in memory.
    """
    config = _connecting(url, table=table, schema=schema)
    with _translated(url):
        found = _ask(config, _state)
        if obstacle := _obstacle(found, table, beside=beside):
            raise MigrationError(obstacle)
        try:
            command.upgrade(config, revision)
        except DBAPIError as error:
            now = _ask(config, _state)
            if now == found:
                raise
            if now.revision == found.revision:
                raise MigrationError(f"{_answer(error, url)}; {_UNFINISHED}") from error
            command.upgrade(config, revision)  # another upgrade came first


def downgrade(url: str, *, table: str = TABLE_NAME, schema: str | None = None, revision: str = "base") -> None:
    """Take the layout back to `revision`; `base` drops the table with all its sessions, and Alembic's notes of it.

    Raises:
        MigrationError: the database refused or cannot be reached, or `upgrade` never ran there.
        SettingsError: `url` is no SQLAlchemy URL, or of a database in memory.
    """
    config = _connecting(url, table=table, schema=schema)
    if current(url, table=table, schema=schema) is None:
        raise MigrationError(
            f"the table {table} was not made by `typed-sessions db upgrade`, so there is nothing to take back; "
            f"if your own Alembic history holds it, use `alembic downgrade`"
        )
    with _translated(url):
        command.downgrade(config, revision)
        _ask(config, _forget)


def current(url: str, *, table: str = TABLE_NAME, schema: str | None = None) -> str | None:
    """The revision that the database is at; None if `upgrade` never ran there."""
    return state(url, table=table, schema=schema).revision


def state(url: str, *, table: str = TABLE_NAME, schema: str | None = None) -> State:
    """What the database holds, whoever made it."""
    config = _connecting(url, table=table, schema=schema)
    with _translated(url):
        return _ask(config, _state)


def differences(url: str, *, table: str = TABLE_NAME, schema: str | None = None, jsonb: bool = False) -> list[str]:
    """What is otherwise than `sessions_table` lays it out, whoever made the table; [] if it is right."""
    wanted = sessions_table(MetaData(), name=table, schema=schema, jsonb=jsonb)

    def compare(context: MigrationContext) -> list[str]:
        assert context.connection is not None
        return layout.differences(context.connection, wanted)

    config = _connecting(url, table=table, schema=schema)
    with _translated(url):
        return _ask(config, compare)


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


def _connecting(url: str, *, table: str, schema: str | None) -> Config:
    """The configuration, for what connects and blocks.

    Raises:
        MigrationError: an event loop runs in this thread, where `env.py` could not run one for an async driver.
        SettingsError: `url` is no SQLAlchemy URL, or of a database in memory.
    """
    config, address = configuration(url, table=table, schema=schema), parsed(url)
    if is_in_memory(address):
        raise SettingsError({VARIABLE: IN_MEMORY})
    if address.get_dialect().is_async and _runs_in_event_loop():
        raise MigrationError("migrations block, and an event loop runs here: call it with asyncio.to_thread")
    return config


def _runs_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _ask(config: Config, question: Question[Answer]) -> Answer:
    """Answer a question on the connection that `env.py` makes, without a step of the history."""
    answers: list[Answer] = []

    def no_steps(_: object, context: MigrationContext) -> list[object]:
        answers.append(question(context))
        return []

    script = ScriptDirectory.from_config(config)
    with EnvironmentContext(config, script, fn=no_steps, dont_mutate=True):
        script.run_env()
    return answers[0]


def _state(context: MigrationContext) -> State:
    assert context.connection is not None
    inspector, schema = inspect_database(context.connection), context.version_table_schema
    return State(
        revision=context.get_current_revision(),
        has_table=inspector.has_table(context.version_table.removesuffix(_NOTES), schema),
        has_notes=inspector.has_table(context.version_table, schema),
        has_other_notes=inspector.has_table(ALEMBIC_TABLE, schema),
    )


def _forget(context: MigrationContext) -> None:
    """Drop the notes of a history that is back at its base, for Alembic leaves them behind, empty."""
    if context.get_current_revision() is None:
        assert context.connection is not None
        Table(context.version_table, MetaData(), schema=context.version_table_schema).drop(context.connection)


def _obstacle(found: State, table: str, *, beside: bool) -> str | None:
    """Why an upgrade should not begin, and what to do instead."""
    if found.is_foreign:
        return (
            f"the table {table} is there already and was not made by `typed-sessions db upgrade`; if your own Alembic "
            f"history holds it, run `alembic upgrade head`; `typed-sessions db check` compares it"
        )
    if found.is_unfinished:
        return f"the table {table} is there, but not at any revision: {_UNFINISHED}"
    if found.has_other_notes and not found.has_notes and not beside:
        return (
            f"this database has an Alembic history of its own (table {ALEMBIC_TABLE}), whose next autogenerate would "
            f"drop {table}: put the sessions' table into it with `typed-sessions db init --into <your versions "
            f"folder>`; or, if that history never autogenerates, run with `--beside` (in Python, `beside=True`)"
        )
    return None


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
        case DBAPIError(orig=BaseException(args=(number, *_))) if number == _BEING_CHANGED:
            return MigrationError(f"{_answer(error, url)}; {_UNFINISHED}")
        case _ if isinstance(error, DBAPIError | OSError) or type(error).__module__.startswith("asyncpg."):
            # SQLAlchemy 2.0 lets asyncpg's errors at connecting through as they are.
            return MigrationError(_answer(error, url))
        case _:
            return None


def _answer(error: BaseException, url: str) -> str:
    """Which database refused, and the driver's own words from beneath the wrappings."""
    origin: BaseException = error
    while deeper := getattr(origin, "orig", None) or origin.__cause__:
        origin = deeper
    words = [str(argument) for argument in origin.args if isinstance(argument, str)]
    words_of_driver = (words[-1] if words else str(origin)).strip().partition("\n")[0]
    return f"the database {masked(url)} answers: {words_of_driver}"
