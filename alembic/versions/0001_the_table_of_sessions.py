"""The table of sessions.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    table: str = context.config.attributes["table"]
    schema: str | None = context.config.attributes["schema"]
    op.create_table(
        table,
        sa.Column("model", text(64), nullable=False),
        sa.Column("key", text(255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("min_reader", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("owner", text(255), nullable=True),
        sa.Column("created_at", moment(), nullable=False),
        sa.Column("updated_at", moment(), nullable=False),
        sa.Column("expires_at", moment(), nullable=True),
        sa.PrimaryKeyConstraint("model", "key", name=op.f(f"pk_{table}")),
        schema=schema,
        mysql_engine="InnoDB",
        mysql_default_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_default_charset="utf8mb4",
    )
    op.create_index(op.f(f"ix_{table}_expires_at"), table, ["expires_at"], schema=schema)
    op.create_index(op.f(f"ix_{table}_owner"), table, ["owner"], schema=schema)


def downgrade() -> None:
    # The indexes go with it, and so nothing is left half done where DDL has no transactions.
    op.drop_table(context.config.attributes["table"], schema=context.config.attributes["schema"])


def text(length: int) -> sa.String:
    exact = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(exact, "mysql", "mariadb")


def moment() -> sa.DateTime:
    return sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
