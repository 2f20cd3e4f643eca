"""The Alembic revision that puts the table of sessions into a user's own history."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from alembic.autogenerate import render_op_text
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import CreateIndexOp, CreateTableOp, MigrateOperation
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import rev_id
from sqlalchemy import Table
from sqlalchemy.engine.default import DefaultDialect

from typed_sessions.migrations import MigrationError, folder

MESSAGE: Final = "create the table of typed sessions"
_INDENT: Final = " " * 4


def write_revision(table: Table, *, into: Path) -> Path:
    """Write a revision that creates `table` on top of the history in the directory `into`; its path.

    It is rendered by Alembic's autogenerate and depends on nothing of ours, so it does the same for ever.

    Raises:
        MigrationError: there is no such directory, its revisions cannot be read, have several heads, or one of
            them creates the table already. Nothing was written.
    """
    if not into.is_dir():
        raise MigrationError(
            f"there is no directory {into}; give the folder of your revisions, such as migrations/versions "
            f"(`alembic init migrations` makes one)"
        )
    script = _history(into)
    for path in sorted(into.glob("*.py")):
        if _creates(path, table):
            raise MigrationError(f"{path} creates the table {table.fullname} already; run `alembic upgrade head`")
    return _generated(script, table)


def _history(into: Path) -> ScriptDirectory:
    script = ScriptDirectory(folder(), version_locations=[into], messaging_opts={"quiet": True})
    try:
        heads = script.get_heads()
    except Exception as error:  # Alembic runs the user's files to read them, so this may be anything
        raise MigrationError(f"the revisions in {into} cannot be read: {error}") from error
    if len(heads) > 1:
        raise MigrationError(
            f"the revisions in {into} have {len(heads)} heads ({', '.join(heads)}); "
            f"join them with `alembic merge heads`, then run this again"
        )
    return script


def _generated(script: ScriptDirectory, table: Table) -> Path:
    context = AutogenContext(
        MigrationContext.configure(dialect=DefaultDialect()),
        opts={"sqlalchemy_module_prefix": "sa.", "alembic_module_prefix": "op.", "user_module_prefix": None},
    )
    steps: list[MigrateOperation] = [CreateTableOp.from_table(table)]
    steps += [CreateIndexOp.from_index(index) for index in sorted(table.indexes, key=lambda index: str(index.name))]
    upgrades = _rendered(context, steps)
    downgrades = _rendered(context, [step.reverse() for step in reversed(steps)])
    revision = script.generate_revision(
        rev_id(), MESSAGE, upgrades=upgrades, downgrades=downgrades, imports="\n".join(sorted(context.imports))
    )
    assert revision is not None  # it is None only without a file, and one was just written
    return Path(revision.path)


def _rendered(context: AutogenContext, steps: list[MigrateOperation]) -> str:
    lines = "\n".join(render_op_text(context, step) for step in steps)
    return lines.replace("\n", f"\n{_INDENT}")


def _creates(path: Path, table: Table) -> bool:
    return any((name, schema) == (table.name, table.schema) for name, schema in _created(ast.parse(path.read_bytes())))


def _created(module: ast.Module) -> Iterator[tuple[object, object]]:
    """The names and schemas of the tables that a revision creates, as far as they are written out."""
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(attr="create_table"), args=[ast.Constant(value=name), *_]):
                schemas = [keyword.value for keyword in node.keywords if keyword.arg == "schema"]
                yield name, schemas[0].value if schemas and isinstance(schemas[0], ast.Constant) else None
            case _:
                pass
