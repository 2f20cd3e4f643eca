from pathlib import Path

import pytest

from typed_sessions import Limits, SettingsError
from typed_sessions.settings import PREFIX, Settings

URL = "postgresql+asyncpg://shop:secret@db.example/shop"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
    monkeypatch.delenv(f"{PREFIX}SCHEMA", raising=False)


def settings_error(monkeypatch: pytest.MonkeyPatch, **variables: str) -> SettingsError:
    for name, value in variables.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    with pytest.raises(SettingsError) as caught:
        Settings()
    return caught.value


def test_every_setting_comes_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "DATABASE_URL": URL, "TABLE": "carts", "SCHEMA": "shop", "POOL_SIZE": "7", "MAX_OVERFLOW": "0",
        "POOL_TIMEOUT": "1.5", "OPERATION_TIMEOUT": "2.5", "LOCK_TIMEOUT": "3.5",
        "LOCKS": "rows", "EXCLUSIVE": "true", "PGBOUNCER": "true", "COALESCE": "false", "SQLITE_SYNCHRONOUS": "NORMAL",
        "MAX_BYTES": "1000", "WARN_BYTES": "500",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)

    settings = Settings()

    assert settings.database_url.get_secret_value() == URL
    assert (settings.table, settings.schema_name) == ("carts", "shop")
    assert (settings.pool_size, settings.max_overflow, settings.pool_timeout) == (7, 0, 1.5)
    assert (settings.operation_timeout, settings.lock_timeout) == (2.5, 3.5)
    assert (settings.pgbouncer, settings.coalesce, settings.sqlite_synchronous) == (True, False, "NORMAL")
    assert (settings.locks, settings.exclusive, settings.limits) == ("rows", True, Limits(1000, 500))
    assert len(given) == len(Settings.model_fields)


def test_only_the_address_of_the_database_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", URL)

    assert Settings().limits == Limits()


def test_a_missing_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    error = settings_error(monkeypatch)

    assert error.variables == ("TYPED_SESSIONS_DATABASE_URL",)
    assert "TYPED_SESSIONS_DATABASE_URL: it is not set; an example: sqlite+aiosqlite:///sessions.db" in str(error)


def test_an_empty_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    error = settings_error(monkeypatch, DATABASE_URL="")

    assert "TYPED_SESSIONS_DATABASE_URL: it is empty; an example: sqlite+aiosqlite:///sessions.db" in str(error)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POOL_SIZE", "many"),
        ("POOL_SIZE", "0"),
        ("MAX_OVERFLOW", "-1"),
        ("POOL_TIMEOUT", "0"),
        ("OPERATION_TIMEOUT", "-1"),
        ("LOCK_TIMEOUT", "nan"),
        ("LOCK_TIMEOUT", ""),
        ("PGBOUNCER", "perhaps"),
        ("MAX_BYTES", "1"),
        ("WARN_BYTES", "x"),
        ("TABLE", "typed sessions"),
        ("TABLE", "t" * 41),
        ("SCHEMA", ""),
    ],
)
def test_a_wrong_value_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    error = settings_error(monkeypatch, DATABASE_URL=URL, **{variable: value})

    assert error.variables == (f"TYPED_SESSIONS_{variable}",)


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    error = settings_error(monkeypatch, POOL_SIZE="x", TABLE="1")

    assert set(error.variables) == {f"{PREFIX}{name}" for name in ("DATABASE_URL", "POOL_SIZE", "TABLE")}


def test_neither_settings_nor_their_errors_show_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    error = settings_error(monkeypatch, DATABASE_URL=URL, POOL_SIZE="secret")
    monkeypatch.setenv(f"{PREFIX}POOL_SIZE", "5")

    assert "secret" not in f"{error} {error!r} {error.__cause__}"
    assert "secret" not in f"{Settings()} {Settings()!r}"


def test_a_misspelt_keyword_is_refused() -> None:
    with pytest.raises(SettingsError, match="TYPED_SESSIONS_POOLSIZE: Extra inputs are not permitted"):
        Settings(database_url=URL, poolsize=1)


def test_keywords_count_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", URL)
    address = f"sqlite+aiosqlite:///{tmp_path}/sessions.db"

    assert Settings(database_url=address, schema_name="shop").database_url.get_secret_value() == address
