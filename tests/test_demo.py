"""The pizza demo ends well on every database, and badly as soon as something is lost."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from aiogram.client.telegram import TelegramAPIServer
from pizza.bot_api import BotApi
from pizza.checks import Check
from pizza.command import exit_code, main
from pizza.database import TABLE, connected, rows
from pizza.demo import Night, Stage, two_days
from pizza.live import live
from pizza.recording import bursts, recorded
from pizza.screen import Screen
from rich.console import Console
from sqlalchemy import URL, inspect, text

from typed_sessions.migrations import upgrade

DEMO = Path(__file__).parent.parent / "docs" / "examples" / "pizza"
HIDDEN = {"TELEGRAM_TOKEN", "FORCE_COLOR", "COLUMNS"}


def run(*arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the demo as `make demo` does, with these lines typed."""
    command = [sys.executable, str(DEMO), *arguments]
    inherited = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return subprocess.run(command, input=typed, env=inherited, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'pizza.db'}"


@pytest.fixture
def screen() -> Screen:
    return Screen(Console(file=StringIO(), width=80))


def shown(screen: Screen) -> str:
    assert isinstance(screen.console.file, StringIO)
    return screen.console.file.getvalue()


def broken(checks: Sequence[Check]) -> str:
    """The sentences that do not hold, each with what contradicts it."""
    return "\n".join("\n".join([check.sentence, *check.contradictions]) for check in checks if not check.holds)


async def tables(url: str) -> list[str]:
    async with connected(url) as connection:
        return await connection.run_sync(lambda sync: inspect(sync).get_table_names())


def after_sql(statement: str) -> Night:
    """A night in which this happens to the table."""

    async def night(url: str) -> None:
        async with connected(url) as connection:
            await connection.execute(text(statement))

    return night


@pytest.fixture(scope="module")
def played() -> "subprocess.CompletedProcess[str]":
    return run()


def test_the_demo_plays_both_days_and_everything_holds(played: "subprocess.CompletedProcess[str]") -> None:
    assert (played.returncode, played.stderr) == (0, "")
    assert "All 39 updates were taken from the server" in played.stdout
    assert "Upcast when they were read:" in played.stdout
    assert "✗" not in played.stdout


def test_a_pipe_gets_plain_lines_that_fit_a_terminal(played: "subprocess.CompletedProcess[str]") -> None:
    lines = played.stdout.splitlines()

    assert max(map(len, lines)) <= 80
    assert not any("\x1b" in line for line in lines)


@pytest.mark.parametrize("driver", ["postgresql+asyncpg", "postgresql+psycopg"])
async def test_both_days_hold_on_postgresql(postgresql_url: URL, driver: str, screen: Screen) -> None:
    url = postgresql_url.set(drivername=driver).render_as_string(hide_password=False)

    assert broken(await two_days(Stage(url=url, screen=screen))) == ""
    assert not [table for table in await tables(url) if table.startswith(TABLE)]


async def test_both_days_hold_on_mariadb(mariadb_url: URL, screen: Screen) -> None:
    url = mariadb_url.set(drivername="mariadb+asyncmy").render_as_string(hide_password=False)

    assert broken(await two_days(Stage(url=url, screen=screen))) == ""
    assert not [table for table in await tables(url) if table.startswith(TABLE)]


async def test_other_tables_of_the_database_are_left_alone(url: str, screen: Screen) -> None:
    async with connected(url) as connection:
        await connection.execute(text("CREATE TABLE typed_sessions (precious TEXT)"))

    await two_days(Stage(url=url, screen=screen))

    assert await tables(url) == ["typed_sessions"]


async def test_what_a_killed_demo_left_is_replaced(url: str, screen: Screen) -> None:
    await asyncio.to_thread(upgrade, url, table=TABLE)

    assert broken(await two_days(Stage(url=url, screen=screen))) == ""


async def test_the_carts_are_of_both_versions_in_the_end(url: str, screen: Screen) -> None:
    evening: dict[str, int] = {}

    async def night(url: str) -> None:
        evening.update({row.key: row.version for row in await rows(url)})

    await two_days(Stage(url=url, screen=screen, night=night))

    assert set(evening.values()) == {1}
    assert shown(screen).count("1 → 3") == 3


async def test_a_pizza_that_is_lost_overnight_is_noticed(url: str, screen: Screen) -> None:
    night = after_sql(f"""UPDATE {TABLE} SET data = replace(data, '"marinara",', '')""")  # noqa: S608 # a constant

    checks = await two_days(Stage(url=url, screen=screen, night=night))

    assert "marinara" in broken(checks)
    assert exit_code(checks) == 1
    assert "✗ Day two" in shown(screen)


async def test_a_cart_that_is_lost_overnight_is_noticed(url: str, screen: Screen) -> None:
    checks = await two_days(Stage(url=url, screen=screen, night=after_sql(f"DELETE FROM {TABLE}")))  # noqa: S608 # a constant

    assert "was not upcast" in broken(checks)
    assert "was changed" in broken(checks)


async def test_a_customer_that_changes_overnight_is_noticed(url: str, screen: Screen) -> None:
    night = after_sql(f"""UPDATE {TABLE} SET data = replace(data, '"71001001"', '"1"')""")  # noqa: S608 # a constant

    checks = await two_days(Stage(url=url, screen=screen, night=night))

    assert "71001001 was not upcast" in broken(checks)


@pytest.mark.filterwarnings("default")
async def test_orders_that_overwrite_each_other_are_noticed(url: str, screen: Screen) -> None:
    checks = await two_days(Stage(url=url, screen=screen, serialize=False, patience=2))

    assert "got 0 answers" in broken(checks)
    assert "must hold" in broken(checks)


def test_the_recording_has_a_group_and_several_private_chats() -> None:
    events = [*recorded("day_one"), *recorded("day_two")]

    assert sorted({event.chat.type for event in events}) == ["private", "supergroup"]
    assert len({event.chat.id for event in events}) == 4


@pytest.mark.parametrize("day", ["day_one", "day_two"])
def test_on_each_day_ten_orders_arrive_in_one_chat_at_once(day: str) -> None:
    burst = max(bursts(recorded(day)), key=len)

    assert len(burst) == 10
    assert len({event.chat.id for event in burst}) == 1


@pytest.mark.parametrize("day", ["day_one", "day_two"])
def test_the_recording_is_compact_json_in_the_form_of_the_bot_api(day: str) -> None:
    lines = (DEMO / "updates" / f"{day}.jsonl").read_text("utf-8").splitlines()

    assert lines == [json.dumps(json.loads(line), separators=(",", ":")) for line in lines]


def test_a_chat_in_the_terminal_is_answered_line_by_line() -> None:
    talked = run("--chat", typed="/add margherita 2\n\n/cart\n/order\nBake!\n/cart\n")

    assert (talked.returncode, talked.stderr) == (0, "")
    assert "Added 2 x margherita: 2 pizzas, 16 EUR." in talked.stdout
    assert "Shall we bake? [Bake!]" in talked.stdout
    assert "In the oven: 2 pizzas, 16 EUR." in talked.stdout
    assert "In the cart: nothing yet." in talked.stdout


def test_a_chat_without_a_word_ends_at_once() -> None:
    assert run("--chat").returncode == 0


def test_help_teaches_every_way_to_run_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    text = capsys.readouterr().out
    assert all(word in text for word in ("--chat", "--database-url", "TELEGRAM_TOKEN", TABLE, "Exits with 0"))


@pytest.mark.parametrize("url", ["nonsense", "sqlite:///pizza.db", "oracle+nodriver://host/name"])
def test_a_url_that_cannot_work_is_refused_with_one_that_can(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--database-url", url])

    assert "such as postgresql+asyncpg://user@host/database" in capsys.readouterr().err


def test_a_database_that_does_not_answer_ends_the_demo_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--database-url", "postgresql+asyncpg://pizza:secret@127.0.0.1:1/pizza"]) == 2

    out = capsys.readouterr().out
    assert "The demo could not run: the database postgresql+asyncpg://pizza:***@127.0.0.1:1/pizza" in out
    assert "secret" not in out


def test_a_token_that_is_none_ends_the_demo_with_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", "nonsense")

    assert main([]) == 2
    assert "Telegram refuses TELEGRAM_TOKEN; get one from https://t.me/BotFather" in capsys.readouterr().out


async def test_with_a_token_the_bot_polls_until_it_is_stopped(url: str, screen: Screen) -> None:
    async with BotApi() as telegram:
        server = TelegramAPIServer.from_base(telegram.url)
        bot = asyncio.create_task(live(telegram.token, url, screen, server))
        await telegram.deliver(recorded("day_two")[0].json)
        await telegram.until(lambda: len(telegram.answers) == 1)
        signal.raise_signal(signal.SIGTERM)
        await bot

    assert "Write to https://t.me/typed_pizza_bot" in shown(screen)
    assert telegram.answers[0].text == "In the cart: nothing yet. Total 0 EUR."
