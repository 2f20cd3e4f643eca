"""Updates are posted to webhooks as Telegram posts them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramConflictError
from aiohttp import FormData, MultipartWriter, web

from typed_sessions import JsonObject
from typed_sessions.testing.bots import BotApi, Person, private
from typed_sessions.testing.bots.aiogram import bot_of
from typed_sessions.testing.bots.changes import Changes

ADA = Person(id=71001, first_name="Ada")
PATIENCE = 20  # seconds; far below the minute that a post may take
SECRET = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 # the name of the header


class Worker:
    """A process of a bot: it takes updates while its door is open, once it has refused as many as it should."""

    def __init__(self, *, refusals: int = 0) -> None:
        self.taken: list[JsonObject] = []
        self.secrets: list[str | None] = []
        self.refusals = refusals
        self.at_once = 0
        self.most_at_once = 0
        self.changes = Changes()
        self.open = asyncio.Event()
        self.open.set()

    async def take(self, request: web.Request) -> web.Response:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await self.changes.notify()
        await self.open.wait()
        self.at_once -= 1
        if self.refusals:
            self.refusals -= 1
            return web.Response(status=500)
        self.taken.append(await request.json())
        self.secrets.append(request.headers.get(SECRET))
        return self.response()

    def response(self) -> web.Response:
        return web.Response()


class JsonWorker(Worker):
    def response(self) -> web.Response:
        return web.json_response({"method": "sendMessage", "chat_id": ADA.id, "text": "hello"})


class MultipartWorker(Worker):
    def response(self) -> web.Response:
        body = MultipartWriter("form-data")
        for name, value in {"method": "sendMessage", "chat_id": str(ADA.id), "text": "hello"}.items():
            body.append(value).set_content_disposition("form-data", name=name)
        return web.Response(body=body)


class ChatterWorker(Worker):
    def response(self) -> web.Response:
        return web.json_response({"method": "sendMessage", "chat_id": 1, "text": "to nobody"})


@asynccontextmanager
async def served(worker: Worker) -> AsyncGenerator[str]:
    application = web.Application()
    application.router.add_post("/hook", worker.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield "http://{}:{}/hook".format(*runner.addresses[0])
    await runner.cleanup()


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    """Ada has opened the chat; what is refused is posted again at once, four times."""
    async with BotApi(pauses=(0, 0, 0, 0)) as api:
        api.open(private(ADA), ADA)
        yield api


@pytest.fixture
async def bot(api: BotApi) -> AsyncIterator[Bot]:
    async with bot_of(api) as bot:
        yield bot


async def said(api: BotApi, *texts: str) -> None:
    await api.deliver(*(api.updates.message(ADA, text) for text in texts))


async def test_an_update_is_posted_with_the_secret(api: BotApi, bot: Bot) -> None:
    async with served(worker := Worker()) as url:
        await bot.set_webhook(url, secret_token="s3cret")  # noqa: S106 # of this test
        await said(api, "hi")
        await api.until(lambda: api.confirmed == [1])

    assert [update["message"]["text"] for update in worker.taken] == ["hi"]
    assert worker.secrets == ["s3cret"]


async def test_what_waited_before_the_webhook_was_set_is_posted_too(api: BotApi, bot: Bot) -> None:
    await said(api, "one", "two")

    async with served(worker := Worker()) as url:
        await bot.set_webhook(url)
        await api.until(lambda: len(api.confirmed) == 2)

    assert sorted(update["update_id"] for update in worker.taken) == [1, 2]


async def test_what_is_dropped_is_not_posted(api: BotApi, bot: Bot) -> None:
    await said(api, "one")

    async with served(worker := Worker()) as url:
        await bot.set_webhook(url, drop_pending_updates=True)
        await said(api, "two")
        await api.until(lambda: len(api.confirmed) == 1)

    assert [update["update_id"] for update in worker.taken] == [2]


async def test_a_refused_update_is_posted_again(api: BotApi) -> None:
    async with served(worker := Worker(refusals=3)) as url:
        api.post_to(url)
        await said(api, "hi")
        await api.until(lambda: api.confirmed == [1])

    assert [update["update_id"] for update in worker.taken] == [1]


async def test_an_update_that_is_never_taken_is_given_up_and_waits(api: BotApi, bot: Bot) -> None:
    async with served(worker := Worker(refusals=99)) as url:
        await bot.set_webhook(url)
        await said(api, "hi")
        await api.until(lambda: worker.refusals == 94)
        info = await bot.get_webhook_info()

    assert (info.pending_update_count, info.url, api.confirmed) == (1, url, [])
    assert info.last_error_message is not None
    assert "500" in info.last_error_message


async def test_an_update_that_was_given_up_is_posted_when_a_webhook_is_set_anew(api: BotApi) -> None:
    async with served(worker := Worker(refusals=5)) as url:
        api.post_to(url)
        await said(api, "hi")
        await api.until(lambda: worker.refusals == 0)
        api.post_to(url)
        await api.until(lambda: api.confirmed == [1])

    assert len(worker.taken) == 1


async def test_a_process_that_does_not_listen_is_passed_over(api: BotApi) -> None:
    async with served(Worker()) as gone:
        pass
    async with served(worker := Worker()) as url:
        api.post_to(gone, url)
        await said(api, "hi")
        await api.until(lambda: api.confirmed == [1])

    assert len(worker.taken) == 1


async def test_several_processes_get_updates_in_turn(api: BotApi) -> None:
    first, second = Worker(), Worker()
    async with served(first) as one, served(second) as two:
        api.post_to(one, two)
        await said(api, *"abcdef")
        await api.until(lambda: len(api.confirmed) == 6)

    assert (len(first.taken), len(second.taken)) == (3, 3)


async def test_updates_are_posted_at_once_up_to_the_limit(api: BotApi, bot: Bot) -> None:
    worker = Worker()
    worker.open.clear()
    async with served(worker) as url:
        await bot.set_webhook(url, max_connections=3)
        await said(api, *"abcdef")
        await worker.changes.until(lambda: worker.at_once == 3)
        worker.open.set()
        await api.until(lambda: len(api.confirmed) == 6)

    assert worker.most_at_once == 3


@pytest.mark.parametrize("worker", [JsonWorker, MultipartWorker])
async def test_a_method_in_the_response_is_done(api: BotApi, worker: type[Worker]) -> None:
    async with served(worker()) as url:
        api.post_to(url)
        await said(api, "hi")
        await api.until(lambda: len(api.answers) == 1)

    assert [(answer.method, answer.chat_id, answer.text) for answer in api.answers] == [
        ("sendMessage", ADA.id, "hello")
    ]


async def test_a_method_in_the_response_that_is_refused_is_a_call_only(api: BotApi) -> None:
    async with served(ChatterWorker()) as url:
        api.post_to(url)
        await said(api, "hi")
        await api.until(lambda: len(api.calls) == 1)

    assert (api.calls[0].refusal, api.answers) == ("Bad Request: chat not found", [])


async def test_while_a_webhook_is_set_the_bot_cannot_poll(bot: Bot) -> None:
    async with served(Worker()) as url:
        await bot.set_webhook(url)

        with pytest.raises(TelegramConflictError, match="can't use getUpdates method while webhook is active"):
            await bot.get_updates()


async def test_without_the_webhook_the_bot_polls_again(api: BotApi, bot: Bot) -> None:
    async with served(worker := Worker()) as url:
        await bot.set_webhook(url)
        await bot.delete_webhook()
        await said(api, "hi")

        assert [update.update_id for update in await bot.get_updates()] == [1]

    assert worker.taken == []


async def test_what_waits_for_its_turn_is_not_posted_once_the_webhook_is_gone(api: BotApi, bot: Bot) -> None:
    worker = Worker()
    worker.open.clear()
    async with served(worker) as url:
        await bot.set_webhook(url, max_connections=1)
        await said(api, "one", "two")
        await worker.changes.until(lambda: worker.at_once == 1)
        await bot.delete_webhook()
        worker.open.set()
        await api.until(lambda: len(api.confirmed) == 1)

        assert [update.update_id for update in await bot.get_updates()] == [2]

    assert [update["update_id"] for update in worker.taken] == [1]


async def test_a_server_that_ends_breaks_off_what_is_on_its_way() -> None:
    worker = Worker()
    worker.open.clear()
    async with served(worker) as url:
        async with asyncio.timeout(PATIENCE), BotApi() as api:
            api.post_to(url)
            await said(api, "hi")
            await worker.changes.until(lambda: worker.at_once == 1)
        worker.open.set()

    assert api.confirmed == []


@pytest.mark.parametrize("secret", ["", "with space", "a" * 257])
async def test_a_secret_that_telegram_does_not_allow_is_refused(bot: Bot, secret: str) -> None:
    with pytest.raises(TelegramBadRequest, match="secret_token"):
        await bot.set_webhook("http://127.0.0.1:1", secret_token=secret or "ü")


async def test_an_uploaded_file_in_a_response_is_its_name(api: BotApi) -> None:
    class Photographer(Worker):
        def response(self) -> web.Response:
            form = FormData({"method": "sendPhoto", "chat_id": str(ADA.id), "photo": "attach://file"})
            form.add_field("file", b"image", filename="pizza.jpg")
            return web.Response(body=form())

    async with served(Photographer()) as url:
        api.post_to(url)
        await said(api, "hi")
        await api.until(lambda: len(api.answers) == 1)

    assert api.answers[0].arguments["file"] == "pizza.jpg"
