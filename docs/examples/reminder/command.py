"""The command line."""

import asyncio
import os
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence

from telegram.error import InvalidToken
from telegram.ext import Application

from reminder.bot import Bot, reminder_bot
from reminder.demo import demo
from typed_sessions import Sessions, TypedSessionsError

URL = "sqlite+aiosqlite:///reminder.db"
HELP = f"""\
A bot on python-telegram-bot that reminds people.

  python docs/examples/reminder --demo    a minute of it here, without Telegram

On Telegram itself, with the table made first:

  export TYPED_SESSIONS_DATABASE_URL={URL}
  typed-sessions db upgrade
  TELEGRAM_TOKEN=… python docs/examples/reminder"""


def parsed(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(prog="reminder", description=HELP, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--demo", action="store_true", help="talk to the bot on loopback, on a fresh SQLite file")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bot and say how it ended, as an exit code."""
    token = os.environ.get("TELEGRAM_TOKEN")
    if parsed(arguments).demo:
        asyncio.run(demo())
        return 0
    if not token:
        print(HELP)
        return 2
    try:
        live(token)
    except (TypedSessionsError, InvalidToken) as error:
        print(f"The bot could not run: {error}")
        return 2
    return 0


def live(token: str) -> None:
    """Poll Telegram until Ctrl-C. The environment says where the sessions are.

    Raises:
        SettingsError: it does not say so.
        SchemaMismatchError: there is no table; the message names the command that makes it.
        InvalidToken: Telegram refuses the token.
    """
    sessions = Sessions.from_settings()

    async def close(_: Bot) -> None:
        await sessions.close()

    builder = Application.builder().token(token).post_shutdown(close)  # pyright: ignore[reportUnknownMemberType]  # a parameter of it is generic in nothing
    reminder_bot(builder, sessions).run_polling()
