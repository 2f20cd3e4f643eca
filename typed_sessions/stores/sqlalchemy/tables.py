"""How sessions lie in a database: the table and nothing but the table."""

from typing import Final

from sqlalchemy import JSON, BigInteger, Column, DateTime, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import conv

TABLE_NAME: Final = "typed_sessions"
MODEL_LENGTH: Final = 64
KEY_LENGTH: Final = 255
OWNER_LENGTH: Final = 255

_MYSQL: Final = ("mysql", "mariadb")


def sessions_table(
    metadata: MetaData, *, name: str = TABLE_NAME, schema: str | None = None, jsonb: bool = False
) -> Table:
    """Put the table of sessions on `metadata`, so that your own Alembic autogenerate knows it.

    It has stock column types only, and names for its constraints and indexes that a `naming_convention` of yours
    leaves alone. `schema=None` means the metadata's own. With `jsonb=True`, `data` is JSONB on PostgreSQL, for
    those who index inside it: JSONB keeps neither the order of keys nor the bytes as written.
    """
    return Table(
        name,
        metadata,
        Column("model", _text(MODEL_LENGTH), nullable=False),
        Column("key", _text(KEY_LENGTH), nullable=False),
        Column("version", Integer, nullable=False),
        Column("min_reader", Integer, nullable=False),
        Column("revision", BigInteger, nullable=False),
        Column("data", _json(jsonb=jsonb), nullable=False),
        Column("owner", _text(OWNER_LENGTH), nullable=True),
        Column("created_at", _moment(), nullable=False),
        Column("updated_at", _moment(), nullable=False),
        Column("expires_at", _moment(), nullable=True),
        PrimaryKeyConstraint("model", "key", name=conv(f"pk_{name}")),
        Index(conv(f"ix_{name}_expires_at"), "expires_at"),
        Index(conv(f"ix_{name}_owner"), "owner"),
        schema=schema,
        mysql_engine="InnoDB",
        mysql_default_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_default_charset="utf8mb4",
    )


def _text(length: int) -> String:
    # Keys compare byte for byte: MySQL's and MariaDB's default collations take `a` for `A` and `e` for `é`.
    return String(length).with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), *_MYSQL)


def _moment() -> DateTime:
    # Their plain DATETIME drops the microseconds.
    return DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), *_MYSQL)


def _json(*, jsonb: bool) -> JSON:
    if not jsonb:
        return JSON()
    binary = postgresql.JSONB()
    # Off PostgreSQL, Alembic writes it down as `astext_type=Text()` without an import of `Text`, and the revision
    # does not run. SQLAlchemy asks the JSON in front of a variant for it, never the variant.
    binary.astext_type = None  # type: ignore[assignment]  # as if it had not been set
    return JSON().with_variant(binary, "postgresql")
