"""Build the wheel, install it in a fresh environment for each extra, and use what that extra is for.

Run by `make check`. Prints a line for each environment; exits with 1 if one of them fails.
"""

import os
import subprocess
import sys
import tempfile
import textwrap
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

ROOT = Path(__file__).parent.parent
AT_ONCE = 2
BARE = "nothing"

SAVES_IN_MEMORY = """
    import asyncio, typed_sessions
    from typed_sessions import MemoryStore, SessionConfig, SessionModel, Sessions

    class Cart(SessionModel):
        session_config = SessionConfig(name="cart", version=1)
        lines: list[str] = []

    async def main() -> None:
        sessions = Sessions(MemoryStore())
        async with sessions.open(Cart, "42") as cart:
            cart.lines.append("pizza")
        assert (await sessions.load(Cart, "42")).lines == ["pizza"]

    asyncio.run(main())
"""
CARRIES_ITS_FILES = """
    import typed_sessions
    from pathlib import Path
    package = Path(typed_sessions.__file__).parent
    assert (package / "py.typed").is_file()
    assert (package / "alembic" / "env.py").is_file()
    assert list((package / "alembic" / "versions").glob("*.py"))
    assert not list((package / "alembic").rglob("__init__.py"))
"""
ASYNC_STORE = """
    from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
    SQLAlchemyStore.from_url("{url}")
"""
SYNC_STORE = """
    from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore
    SyncSQLAlchemyStore.from_url("{url}")
"""
NAMES_ITS_EXTRA = """
    try:
        import {module}
    except ImportError as error:
        assert 'pip install "typed-sessions[{extra}]"' in str(error), error
    else:
        raise AssertionError("{module} came without the extra {extra}")
"""


class WrongError(Exception):
    """A check that failed; the text says which and how."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment with the wheel in it, and a folder to work in."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def make(self, requirement: str) -> None:
        finished(sys.executable, "-m", "venv", "--without-pip", str(self.folder))
        finished(sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet", requirement)

    def runs(self, script: str) -> None:
        # `-I`, lest the checkout or the user's own packages stand in for what the wheel lacks.
        finished(self.python, "-I", "-c", textwrap.dedent(script), folder=self.folder)

    def cli(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """What the installed command prints."""
        command = str(self.folder / "bin" / "typed-sessions")
        return finished(command, *arguments, folder=self.folder, code=code, **variables)


def finished(*command: str, folder: Path = ROOT, code: int = 0, **variables: str) -> str:
    """The output of a command. Raises WrongError if it ends with another exit code."""
    done = subprocess.run(
        command,
        check=False, cwd=folder, env={**os.environ, **variables}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode != code:
        raise WrongError(f"{' '.join(command)}\nexit code {done.returncode}, not {code}:\n{done.stdout}")
    return done.stdout


def bare(environment: Environment) -> None:
    environment.runs(SAVES_IN_MEMORY)
    environment.runs(CARRIES_ITS_FILES)
    environment.runs(SYNC_STORE.format(url="sqlite://"))
    environment.runs("from typed_sessions.integrations.asgi import CsrfMiddleware, SessionMiddleware")
    for extra in ("aiogram", "telegram", "fastapi", "litestar", "flask", "starsessions"):
        environment.runs(NAMES_ITS_EXTRA.format(module=f"typed_sessions.integrations.{extra}", extra=extra))
    environment.runs(NAMES_ITS_EXTRA.format(module="typed_sessions.integrations.takeover.starlette", extra="takeover"))
    environment.runs("import typed_sessions.integrations.takeover.django")
    environment.runs(NAMES_ITS_EXTRA.format(module="typed_sessions.importing.redis", extra="importing"))
    environment.runs(NAMES_ITS_EXTRA.format(module="typed_sessions.testing.bots", extra="testing"))
    for extra in ("redis", "mongo"):
        environment.runs(NAMES_ITS_EXTRA.format(module=f"typed_sessions.stores.{extra}", extra=extra))
    environment.runs(NAMES_ITS_EXTRA.format(module="typed_sessions.integrations.otel", extra="otel"))
    contains(environment.cli("--help", code=1), 'pip install "typed-sessions[cli]"')


def cli(environment: Environment) -> None:
    contains(environment.cli("--help"), "db")
    url = f"sqlite:///{environment.folder / 'sessions.db'}"
    environment.cli("db", "upgrade", TYPED_SESSIONS_DATABASE_URL=url)
    environment.cli("db", "check", TYPED_SESSIONS_DATABASE_URL=url)


def contains(text: str, part: str) -> None:
    # Rich may break a line within the part.
    if part not in " ".join(text.split()):
        raise WrongError(f"this does not say {part!r}:\n{text}")


def script(source: str, **values: str) -> Callable[[Environment], None]:
    return lambda environment: environment.runs(source.format(**values))


def all_at_once(environment: Environment) -> None:
    for name, check in CHECKS.items():
        if name not in (BARE, "all"):
            check(environment)


CHECKS: dict[str, Callable[[Environment], None]] = {
    BARE: bare,
    "aiosqlite": script(ASYNC_STORE, url="sqlite+aiosqlite://"),
    "asyncpg": script(ASYNC_STORE, url="postgresql+asyncpg://nobody@localhost/nothing"),
    "psycopg": script(ASYNC_STORE + SYNC_STORE, url="postgresql+psycopg://nobody@localhost/nothing"),
    "asyncmy": script(ASYNC_STORE, url="mariadb+asyncmy://nobody@localhost/nothing"),
    "pymysql": script(SYNC_STORE, url="mariadb+pymysql://nobody@localhost/nothing"),
    "redis": script(
        "from typed_sessions.stores.redis import RedisStore, SyncRedisStore\n"
        "SyncRedisStore.from_url('redis://localhost')"
    ),
    "mongo": script(
        "from typed_sessions.stores.mongo import MongoStore, SyncMongoStore\n"
        "SyncMongoStore.from_url('mongodb://localhost/shop').close()"
    ),
    "otel": script("import typed_sessions.integrations.otel"),
    "aiogram": script("import typed_sessions.integrations.aiogram"),
    "telegram": script("import typed_sessions.integrations.telegram"),
    "fastapi": script("import typed_sessions.integrations.fastapi"),
    "litestar": script("import typed_sessions.integrations.litestar"),
    "flask": script("import typed_sessions.integrations.flask"),
    "starsessions": script("import typed_sessions.integrations.starsessions"),
    "takeover": script("from typed_sessions.integrations.takeover import flask, flask_session, starlette"),
    "importing": script("import typed_sessions.importing.mongodb, typed_sessions.importing.redis"),
    "testing": script(
        "import typed_sessions.testing.bots, typed_sessions.testing.plugin\n"
        "from typed_sessions.testing import StoreContract, fuzz_history"
    ),
    "cli": cli,
    "all": all_at_once,
}
"""What each extra is for."""


def build(folder: Path) -> Path:
    finished(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT))
    return next(folder.glob("*.whl"))


def extras() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return list(project["optional-dependencies"])


def fault(wheel: Path, extra: str, folder: Path) -> str | None:
    """What is wrong with the wheel with that extra. Prints a line about it."""
    environment, begun = Environment(folder), time.monotonic()
    try:
        environment.make(str(wheel) if extra == BARE else f"{wheel}[{extra}]")
        CHECKS[extra](environment)
        found = None
    except WrongError as error:
        found = str(error)
    print(f"wheel with {extra}: {'wrong' if found else 'ok'} ({time.monotonic() - begun:.0f} s)", flush=True)
    return found


def main() -> int:
    names = [BARE, *extras()]
    if set(names) != set(CHECKS):
        print(f"say what each extra is for in CHECKS: {sorted(set(names) ^ set(CHECKS))}")
        return 1
    with tempfile.TemporaryDirectory(prefix="typed-sessions-") as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        wheel = build(Path(folder))
        found = list(pool.map(fault, repeat(wheel), names, [Path(folder, name) for name in names]))
    print("\n".join(filter(None, found)), end="")
    return int(any(found))


if __name__ == "__main__":
    sys.exit(main())
