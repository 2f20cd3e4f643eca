from aiogram import Dispatcher

from typed_sessions.testing.bots import BotApi, Conversation, Person, private
from typed_sessions.testing.bots import aiogram as aiogram_bots
from typed_sessions.testing.bots import telegram as telegram_bots

ADA = Person(id=71001, first_name="Ada")


async def conversations(api: BotApi) -> None:
    Conversation(api, private(ADA))  # error: mypy[arg-type] pyright[reportArgumentType]
    Conversation(api, 71001)  # error: mypy[arg-type] pyright[reportArgumentType]
    talk = Conversation(api, ADA)
    await talk.say(5)  # error: mypy[arg-type] pyright[reportArgumentType]
    [answer] = await talk.say("hi", answers="1")  # error: mypy[arg-type] pyright[reportArgumentType]
    answer.text = "other"  # error: mypy[misc] pyright[reportAttributeAccessIssue]


async def servers(api: BotApi, dispatcher: Dispatcher) -> None:
    await api.deliver(5)  # error: mypy[arg-type] pyright[reportArgumentType]
    await api.until(True)  # error: mypy[arg-type] pyright[reportArgumentType]
    api.updates.message("Ada", "hi")  # error: mypy[arg-type] pyright[reportArgumentType]
    api.updates.channel_post("news")  # error: mypy[call-arg] pyright[reportCallIssue]
    make = api.updates
    make.typo()  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue] pyright[reportUnknownMemberType]
    telegram_bots.polled(dispatcher, api)  # error: mypy[arg-type] pyright[reportArgumentType]
    aiogram_bots.polled(api)  # error: mypy[arg-type] pyright[reportArgumentType]
