"""The command line."""

import asyncio
import os
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence

from aiogram.exceptions import TelegramUnauthorizedError
from aiogram.utils.token import TokenValidationError

from quiz.demo import demo
from quiz.live import polling, webhook
from typed_sessions import TypedSessionsError

URL = "sqlite+aiosqlite:///quiz.db"
TELEGRAM = "https://api.telegram.org"
HELP = f"""\
A quiz bot for groups, on aiogram.

  python docs/examples/quiz --demo    a game here, without Telegram

On Telegram itself, with the table made first:

  export TYPED_SESSIONS_DATABASE_URL={URL}
  typed-sessions db upgrade
  TELEGRAM_TOKEN=… python docs/examples/quiz

In many processes, behind a web server that hands them the updates in turn; each
says where it listens, and one call of setWebhook names the web server:

  TELEGRAM_TOKEN=… WEBHOOK_SECRET=… python docs/examples/quiz --listen 127.0.0.1:8081"""


def parsed(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(prog="quiz", description=HELP, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--demo", action="store_true", help="play a game on loopback, on a fresh SQLite file")
    parser.add_argument("--listen", metavar="HOST:PORT", help="serve a webhook there instead of polling; port 0: any")
    parser.add_argument("--api", default=TELEGRAM, metavar="URL", help="a Bot API server of your own")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bot and say how it ended, as an exit code."""
    options = parsed(arguments)
    token = os.environ.get("TELEGRAM_TOKEN", "")
    if not (options.demo or token):
        print(HELP)
        return 2
    try:
        asyncio.run(run(options, token))
    except KeyboardInterrupt:
        return 130
    except (TypedSessionsError, TokenValidationError, TelegramUnauthorizedError) as error:
        print(f"The bot could not run: {error}")
        return 2
    return 0


async def run(options: Namespace, token: str) -> None:
    if options.demo:
        await demo()
    elif options.listen:
        host, _, port = options.listen.rpartition(":")
        await webhook(token, options.api, host=host, port=int(port), secret=os.environ.get("WEBHOOK_SECRET"))
    else:
        await polling(token, options.api)
