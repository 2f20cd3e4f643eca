"""Runs the history of the table of sessions, on sync and async drivers, and offline.

The caller hands in `url`, `table` and `schema` as `Config.attributes`; what is missing comes from the environment.
"""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import URL, Connection, create_engine, make_url, pool
from sqlalchemy.ext.asyncio import create_async_engine

from typed_sessions.settings import Settings


def target() -> dict[str, Any]:
    """Which database, table and schema; the revisions read it from `Config.attributes` too."""
    attributes = context.config.attributes
    if "url" not in attributes:
        settings = Settings()
        attributes.update(
            url=settings.database_url.get_secret_value(), table=settings.table, schema=settings.schema_name
        )
    return attributes


def configuration() -> dict[str, Any]:
    attributes = target()
    return {"version_table": f"{attributes['table']}_alembic_version", "version_table_schema": attributes["schema"]}


def run_offline(url: URL) -> None:
    context.configure(url=url, literal_binds=True, **configuration())
    with context.begin_transaction():
        context.run_migrations()


def run_on(connection: Connection) -> None:
    context.configure(connection=connection, **configuration())
    with context.begin_transaction():
        context.run_migrations()


async def run_async(url: URL) -> None:
    engine = create_async_engine(url, poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run_on)
    finally:
        await engine.dispose()


def run_sync(url: URL) -> None:
    with create_engine(url, poolclass=pool.NullPool).connect() as connection:
        run_on(connection)


def run() -> None:
    url = make_url(target()["url"])
    if context.is_offline_mode():
        run_offline(url)
    elif url.get_dialect().is_async:
        asyncio.run(run_async(url))
    else:
        run_sync(url)


run()
