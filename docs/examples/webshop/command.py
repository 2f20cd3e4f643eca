"""The command line."""

import asyncio
import os
import socket
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence

import uvicorn

from typed_sessions import Sessions, Settings, TypedSessionsError
from typed_sessions.integrations.fastapi import Cookie
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from webshop import app, day_one
from webshop.demo import demo

HOST = "127.0.0.1"
URL = "sqlite+aiosqlite:///webshop.sqlite3"
VARIABLE = "TYPED_SESSIONS_DATABASE_URL"
HELP = f"""\
A tea shop on FastAPI.

  python docs/examples/webshop              open it on http://{HOST}:8000
  python docs/examples/webshop --day-one    the same shop a day earlier
  python docs/examples/webshop --demo       a visit without a browser, told step by step

Its sessions are in webshop.sqlite3 in the current folder, or where
{VARIABLE} says. There the table must be:

  typed-sessions db upgrade

Things to try:

  - Fill a cart, log in as ada (assam-at-four) or grace (mint-at-nine):
    the cart is still there, and the cookie is another one.
  - Open the cart in two tabs and change it in both. For two processes, start
    a second one with --port 8001: it has the same carts.
  - Fill a cart on day one, stop the shop, start day two: load the page again.
  - Log in with two browsers, and log out everywhere."""


def parsed(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(prog="webshop", description=HELP, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--demo", action="store_true", help="a visit without a browser, on a fresh SQLite file")
    parser.add_argument("--day-one", action="store_true", help="open the shop as it was before the deploy")
    parser.add_argument("--port", type=int, default=8000, help="0: any that is free (default: %(default)s)")
    parser.add_argument(
        "--behind-https", action="store_true", help="a web server in front of it speaks HTTPS: send secure cookies only"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the shop and say how it ended, as an exit code."""
    options = parsed(arguments)
    try:
        if options.demo:
            asyncio.run(demo())
        else:
            serve(options, prepared())
    except KeyboardInterrupt:
        return 130
    except TypedSessionsError as error:
        print(f"The shop could not open: {error}")
        return 2
    except OSError:
        print(f"The shop could not open: port {options.port} of {HOST} is taken; choose another with --port")
        return 2
    return 0


def prepared() -> str:
    """The URL of a database that has the table.

    Raises:
        SchemaMismatchError: it has none; the message names the command that makes it.
    """
    if VARIABLE not in os.environ:
        upgrade(URL)
        return URL
    url = Settings().database_url.get_secret_value()
    asyncio.run(verify(url))
    return url


async def verify(url: str) -> None:
    store = SQLAlchemyStore.from_url(url)
    try:
        await store.verify()
    finally:
        await store.close()


def serve(options: Namespace, url: str) -> None:
    """Serve until Ctrl-C. Any number of processes may do so on one database."""
    # Exclusive: what two tabs do at once is done one after another, though two processes serve them.
    sessions = Sessions(SQLAlchemyStore.from_url(url), exclusive=True)
    shop = day_one.shop if options.day_one else app.shop
    application = shop(sessions, cookie=Cookie(secure=options.behind_https))
    with socket.create_server((HOST, options.port)) as listener:
        print(f"Open on http://{HOST}:{listener.getsockname()[1]}", flush=True)
        uvicorn.Server(uvicorn.Config(application, log_level="warning")).run(sockets=[listener])
