"""Settings from the environment."""

from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from typed_sessions.errors import SettingsError
from typed_sessions.limits import MAX_BYTES, WARN_BYTES, Limits

PREFIX = "TYPED_SESSIONS_"
EXAMPLE_URL = "sqlite+aiosqlite:///sessions.db"


class Settings(BaseSettings):
    """What an operator may set, by environment variables `TYPED_SESSIONS_…` or by keyword.

    Raises:
        SettingsError: a value is missing or wrong; the message names each variable.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, populate_by_name=True)

    database_url: SecretStr = Field(min_length=1)
    """SQLAlchemy URL: `sqlite+aiosqlite:///sessions.db`, `postgresql+asyncpg://…`, `mariadb+asyncmy://…`; or one of
    Redis (`redis://…`, `redis+cluster://…`) or MongoDB (`mongodb://…/name`)."""
    table: str = Field(default="typed_sessions", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,39}$")
    """Name of the table; at most 40 characters, so that the names of its indexes fit PostgreSQL's 63. Of the collection
    in MongoDB; in Redis what all keys begin with."""
    schema_name: str | None = Field(default=None, validation_alias=f"{PREFIX}SCHEMA", min_length=1)
    """Schema (PostgreSQL) or database (MariaDB) of the table; None for the connection's own."""
    pool_size: int = Field(default=5, ge=1)
    """Connections kept open."""
    max_overflow: int = Field(default=5, ge=0)
    """Connections opened above `pool_size` under load."""
    pool_timeout: float = Field(default=5.0, gt=0)
    """Seconds to wait for a free connection before `StoreUnavailableError`."""
    operation_timeout: float = Field(default=10.0, gt=0)
    """Seconds that one load or save may take before `StoreUnavailableError`."""
    pgbouncer: bool = False
    """Whether PostgreSQL is behind pgbouncer in transaction mode, where no prepared statement holds."""
    coalesce: bool = True
    """Whether loads and saves that come at the same time share statements and commits (asyncio only)."""
    sqlite_synchronous: Literal["FULL", "NORMAL"] = "FULL"
    """SQLite: with NORMAL the last saves before a power cut may be lost, with FULL none is."""
    locks: Literal["auto", "rows"] = "auto"
    """What keeps exclusive turns apart: the server's own locks where it has some, or rows of the table."""
    lock_timeout: float = Field(default=30.0, gt=0)
    """Seconds to wait for another turn on the same key before `LockTimeoutError`."""
    exclusive: bool = False
    """Let turns on one key run one after another in all processes, by locks of the database."""
    max_bytes: int = Field(default=MAX_BYTES, ge=2)
    """Bytes of JSON that a session may take, unless its `SessionConfig` says otherwise."""
    warn_bytes: int = Field(default=WARN_BYTES, ge=2)
    """Bytes of JSON from which a save is logged as a warning."""

    def __init__(self, **values: object) -> None:
        try:
            super().__init__(**values)  # type: ignore[arg-type]  # pydantic checks each value
        except ValidationError as error:
            # `from None`: the cause would print the wrong value, which may be a URL with a password.
            raise SettingsError({variable(problem["loc"]): reason(problem) for problem in error.errors()}) from None

    @property
    def limits(self) -> Limits:
        """How large a session may be."""
        return Limits(self.max_bytes, self.warn_bytes)


def variable(location: tuple[int | str, ...]) -> str:
    """The environment variable behind the place of a validation error."""
    name = str(location[0]) if location else "?"
    return name if name.startswith(PREFIX) else PREFIX + name.upper()


def reason(problem: ErrorDetails) -> str:
    """What is wrong, with a value to copy where a value is needed. Only the URL has no default."""
    match problem["type"], problem["loc"]:
        case "missing", _:
            return f"it is not set; an example: {EXAMPLE_URL}"
        case "too_short", ("database_url",):
            return f"it is empty; an example: {EXAMPLE_URL}"
        case _:
            return problem["msg"]
