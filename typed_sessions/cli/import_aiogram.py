"""`typed-sessions import aiogram-…`: the states and data of aiogram's FSM."""

from enum import StrEnum
from typing import Annotated, Final

import typer

from typed_sessions.cli.import_command import Asked, command, optional
from typed_sessions.cli.import_grammy import MongoSource, RedisUrl, documents
from typed_sessions.importing.aiogram import FsmKeys
from typed_sessions.integrations.places import PlaceKey, per_bot, per_chat, per_thread, per_user, per_user_in_chat

app = typer.Typer()


class Key(StrEnum):
    """The keys that the session model of a bot may have."""

    PER_CHAT = "per_chat"
    PER_USER = "per_user"
    PER_USER_IN_CHAT = "per_user_in_chat"
    PER_THREAD = "per_thread"


KEYS: Final = {
    Key.PER_CHAT: per_chat,
    Key.PER_USER: per_user,
    Key.PER_USER_IN_CHAT: per_user_in_chat,
    Key.PER_THREAD: per_thread,
}


def fsm(
    *,
    data_only: Annotated[
        Key | None,
        typer.Option(
            help="Import the data without the state, under keys as this function makes them.",
            show_default="states and data, under the keys of `TypedStorage`",
        ),
    ] = None,
    bot_id: Annotated[int | None, typer.Option(metavar="N", help="The bot, if the keys do not hold it.")] = None,
    add_bot: Annotated[bool, typer.Option("--per-bot", help="With --data-only: keys as of `per_bot`.")] = False,
    key_prefix: Annotated[str, typer.Option(metavar="TEXT", help="`prefix` of your DefaultKeyBuilder.")] = "fsm",
    key_separator: Annotated[str, typer.Option(metavar="TEXT", help="`separator` of it.")] = ":",
    with_bot_id: Annotated[bool, typer.Option("--with-bot-id", help="As the DefaultKeyBuilder has it.")] = False,
    with_business: Annotated[
        bool, typer.Option("--with-business-connection-id", help="As the DefaultKeyBuilder has it.")
    ] = False,
    with_destiny: Annotated[bool, typer.Option("--with-destiny", help="As the DefaultKeyBuilder has it.")] = False,
    destiny: Annotated[str, typer.Option(metavar="NAME", help="The destiny to import.")] = "default",
) -> FsmKeys:
    """The options of every command about aiogram."""
    return FsmKeys(
        prefix=key_prefix,
        separator=key_separator,
        bot_id=bot_id,
        with_bot_id=with_bot_id,
        with_business_connection_id=with_business,
        with_destiny=with_destiny,
        destiny=destiny,
        key=place_key(data_only, is_per_bot=add_bot),
    )


def place_key(name: Key | None, *, is_per_bot: bool) -> PlaceKey | None:
    """What makes the keys; None for those of `TypedStorage`.

    Raises:
        BadParameter: `--per-bot` was given without `--data-only`.
    """
    if name is None:
        if is_per_bot:
            raise typer.BadParameter(
                "the keys of TypedStorage hold the bot anyway; leave it out", param_hint="--per-bot"
            )
        return None
    return per_bot(KEYS[name]) if is_per_bot else KEYS[name]


@command(app, "aiogram-redis", fsm)
def aiogram_redis(keys: FsmKeys, url: RedisUrl) -> Asked:
    """Import what aiogram's `RedisStorage` keeps.

    Into the model of a `TypedStorage` go the states and the data: `typed_sessions.integrations.aiogram.fsm:FsmState`
    is the one that it has by itself. Give the options of your `DefaultKeyBuilder`, if it has any.

    Example: `typed-sessions import aiogram-redis redis://localhost/0 --bot-id 42 --into checkout`
    """
    nothing = f"nothing to import has a key that begins with {keys.prefix + keys.separator!r}; correct --key-prefix"
    return Asked(optional("aiogram_redis:AiogramRedis")(optional("redis:RedisServer")(url), keys), nothing=nothing)


@command(app, "aiogram-mongodb", fsm)
def aiogram_mongodb(
    keys: FsmKeys,
    source: MongoSource,
    source_database: Annotated[str, typer.Option(metavar="NAME", help="The database in MongoDB.")] = "aiogram_fsm",
    collection: Annotated[str, typer.Option(metavar="NAME", help="The collection.")] = "states_and_data",
) -> Asked:
    """Import what aiogram's `PyMongoStorage` or `MongoStorage` keeps.

    Example: `typed-sessions import aiogram-mongodb mongodb://localhost:27017 --bot-id 42 --into checkout`
    """
    return Asked(optional("aiogram_mongodb:AiogramMongo")(documents(source, source_database, collection), keys))
