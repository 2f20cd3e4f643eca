"""What a measurement was made on: numbers mean little without it."""

import os
import platform
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from sqlalchemy import text

from tests.services import MARIADB, POSTGRESQL, Service, ServiceMissingError, server
from tests.sql_servers import connected

PACKAGES = ("pydantic", "SQLAlchemy", "asyncpg", "psycopg", "asyncmy", "aiosqlite")


def machine() -> dict[str, str]:
    """Cores, and the versions of all that takes part in a turn."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"cores": str(os.cpu_count()), "Python": python, "SQLite": sqlite3.sqlite_version, **dict(_versions())}


def _versions() -> Iterator[tuple[str, str]]:
    for service in (POSTGRESQL, MARIADB):
        with suppress(ServiceMissingError):
            yield service.name, _server_version(service)
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            yield package, version(package)


def _server_version(service: Service) -> str:
    question = "SHOW server_version" if service is POSTGRESQL else "SELECT version()"
    with server(service) as url, connected(url) as connection:
        return str(connection.scalar(text(question))).partition(" ")[0].partition("-")[0]
