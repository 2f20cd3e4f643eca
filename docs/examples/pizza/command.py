"""The command line of the demo."""

import asyncio
import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from aiogram.exceptions import TelegramAPIError, TelegramUnauthorizedError
from aiogram.utils.token import TokenValidationError
from rich.console import Console
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from pizza.chat import chat
from pizza.checks import Check
from pizza.database import TABLE
from pizza.demo import Stage, two_days
from pizza.live import live
from pizza.screen import Screen
from typed_sessions import TypedSessionsError

HELP = f"""\
A pizza bot on aiogram. It plays two recorded days against a Bot API server on
loopback. Between them version 3 of the cart is deployed, while yesterday's
carts lie in the database.

  make demo                   both days, on a fresh SQLite file
  make demo ARGS=--chat       talk to day two's bot here
  TELEGRAM_TOKEN=… make demo  the same bot on Telegram itself
  make demo ARGS="--database-url postgresql+asyncpg://user:password@host/name"
  make demo ARGS="--database-url mariadb+asyncmy://user:password@host/name"

Only the table {TABLE} is made, used and, at the end, dropped.
Exits with 0 if all that was checked holds, 1 if not, 2 if it could not run."""


def parsed(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(prog="pizza", description=HELP, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--chat", action="store_true", help="talk to the bot in the terminal; Ctrl-D ends")
    parser.add_argument(
        "--database-url", type=async_url, metavar="URL", help="an async SQLAlchemy URL (default: a fresh SQLite file)"
    )
    return parser.parse_args(arguments)


def async_url(url: str) -> str:
    """Raises ArgumentTypeError, which argparse shows."""
    try:
        is_async = make_url(url).get_dialect().is_async
    except (SQLAlchemyError, ModuleNotFoundError):
        is_async = False
    if not is_async:
        raise ArgumentTypeError("give a URL with an async driver, such as postgresql+asyncpg://user@host/database")
    return url


@contextmanager
def database(url: str | None) -> Generator[str]:
    """The database that was asked for, or a fresh SQLite file for as long as the block runs."""
    if url is not None:
        yield url
        return
    with TemporaryDirectory(prefix="pizza-") as folder:
        yield f"sqlite+aiosqlite:///{Path(folder, 'pizza.db')}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and say how it ended, as an exit code."""
    options = parsed(arguments)
    screen = Screen(Console(highlight=False))
    try:
        with database(options.database_url) as url:
            return asyncio.run(run(url, screen, talk=options.chat))
    except KeyboardInterrupt:
        return 130
    except (TokenValidationError, TelegramUnauthorizedError):
        return not_run(screen, "Telegram refuses TELEGRAM_TOKEN; get one from https://t.me/BotFather, or unset it")
    except (TypedSessionsError, SQLAlchemyError, TelegramAPIError, OSError) as error:
        return not_run(screen, str(error))


def not_run(screen: Screen, why: str) -> int:
    screen.console.print(f"\nThe demo could not run: {why}", style="red", markup=False, soft_wrap=True)
    return 2


async def run(url: str, screen: Screen, *, talk: bool) -> int:
    token = os.environ.get("TELEGRAM_TOKEN")
    if talk:
        await chat(url, screen)
    elif token:
        await live(token, url, screen)
    else:
        return exit_code(await two_days(Stage(url=url, screen=screen)))
    return 0


def exit_code(checks: Sequence[Check]) -> int:
    return 0 if all(check.holds for check in checks) else 1
