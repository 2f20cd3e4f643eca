"""A user's own project with an Alembic history, as `alembic init` makes it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL

from tests.empty_database import address

MODELS = """
from sqlalchemy import MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from typed_sessions.stores.sqlalchemy import sessions_table


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention={convention!r})


class Customer(Base):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(100), unique=True, index=True)


sessions_table(Base.metadata{options})
"""
RUNNER = """
import sys
from alembic.config import main
for line in sys.argv[1:]:
    main(line.split())
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with `models.py` and `migrations/`."""

    folder: Path

    @property
    def versions(self) -> Path:
        return self.folder / "migrations" / "versions"

    def revisions(self) -> list[str]:
        return [path.read_text() for path in sorted(self.versions.glob("*.py"), key=lambda path: path.stat().st_mtime)]

    def run(self, url: URL, *commands: str) -> str:
        """What Alembic's command line prints; an error is raised with it."""
        paths = [str(Path(__file__).parent.parent), str(self.folder)]
        ran = subprocess.run(
            [sys.executable, "-c", RUNNER, *commands],
            cwd=self.folder, check=False, capture_output=True, text=True,
            env=os.environ | {"DATABASE_URL": address(url), "PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
        if ran.returncode:
            raise AssertionError(ran.stdout + ran.stderr)
        return ran.stdout


def new_project(folder: Path, *, is_async: bool = False, convention: dict[str, str] | None = None,
                options: str = "") -> Project:  # fmt: skip
    """`alembic init`, then what a user edits: the URL and the metadata, with comparisons as strict as can be.

    `options` are those of `sessions_table`, as written.
    """
    migrations = folder / "migrations"
    config = Config(folder / "alembic.ini")
    command.init(config, str(migrations), template="async" if is_async else "generic")
    (folder / "models.py").write_text(MODELS.format(convention=convention or {}, options=options))
    environment = (migrations / "env.py").read_text()
    for old, new in {
        "target_metadata = None": "import os\nimport models\ntarget_metadata = models.Base.metadata\n"
        'config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"].replace("%", "%%"))',
        "connection=connection, target_metadata=target_metadata": "connection=connection, "
        f"target_metadata=target_metadata, compare_server_default=True, include_schemas={'schema=' in options}",
    }.items():
        assert old in environment
        environment = environment.replace(old, new)
    (migrations / "env.py").write_text(environment)
    return Project(folder)
