"""Conversations with the example bot that reminds people, over HTTP, on a real Application."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from reminder.bot import Bot, reminder_bot
from reminder.command import main
from reminder.conversation import TOO_LATE, WHAT, WHEN
from reminder.draft import Draft
from reminder.jobs import RETRY, Context, Queue
from reminder.reminders import Reminder, Reminders
from reminder.waits import wait_of
from telegram.ext import Job

from tests.architecture import ROOT
from tests.empty_database import address, empty_database
from typed_sessions import Sessions
from typed_sessions.clock import utc_now
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing import SettableClock, assert_upcasts, check_golden, fuzz_history
from typed_sessions.testing.bots import BotApi, Conversation, Person, group, supergroup
from typed_sessions.testing.bots.telegram import builder_of, polled

EXAMPLE = ROOT / "docs" / "examples" / "reminder"
ADA = Person(id=71001, first_name="Ada")
GRACE = Person(id=71002, first_name="Grace")
GROUP = group(-77)
SUPERGROUP = supergroup(-1_000_000_000_077)
TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture(params=["sqlite+aiosqlite", "postgresql+asyncpg"])
async def sessions(request: pytest.FixtureRequest, tmp_path: Path, clock: SettableClock) -> AsyncIterator[Sessions]:
    with empty_database(request.param, request, tmp_path) as url:
        await asyncio.to_thread(upgrade, address(url))
        async with Sessions(SQLAlchemyStore.from_url(address(url)), clock=clock) as sessions:
            yield sessions


@pytest.fixture
async def api(clock: SettableClock) -> AsyncIterator[BotApi]:
    async with BotApi(clock=clock) as api:
        yield api


@pytest.fixture
def bot(api: BotApi, sessions: Sessions, clock: SettableClock) -> Bot:
    return reminder_bot(builder_of(api), sessions, clock=clock)


@pytest.fixture
async def running(bot: Bot, api: BotApi) -> AsyncIterator[Bot]:
    async with polled(bot, api):
        yield bot


@pytest.fixture
def ada(api: BotApi) -> Conversation:
    return Conversation(api, ADA)


def restarted(api: BotApi, sessions: Sessions, clock: SettableClock) -> AbstractAsyncContextManager[None]:
    """The bot of the next process on the same database."""
    return polled(reminder_bot(builder_of(api), sessions, clock=clock), api)


async def text(talk: Conversation, said: str) -> str:
    [answer] = await talk.say(said)
    return answer.text


def jobs(bot: Bot) -> list[Job[Context]]:
    queue: Queue | None = bot.job_queue
    return list(queue.jobs()) if queue else []


async def in_book(api: BotApi, sessions: Sessions, chat: int = ADA.id) -> list[str]:
    """What a chat waits for, read from the database."""
    return [each.text for each in (await sessions.load(Reminders, (api.bot.id, chat))).waiting]


@pytest.mark.usefixtures("running")
async def test_a_reminder_in_one_line_is_saved_when_it_is_promised(
    ada: Conversation, sessions: Sessions, clock: SettableClock
) -> None:
    assert await text(ada, "/remind 10m the tea") == "I will, at 01.03. 12:10:00 UTC. It is number 1."
    assert await sessions.load(Reminders, (ada.api.bot.id, ADA.id)) == Reminders(
        last_number=1,
        waiting=[Reminder(number=1, text="the tea", due=clock.now.replace(microsecond=0) + TEN_MINUTES)],
    )


async def test_its_job_sends_it_and_drops_it(running: Bot, ada: Conversation, sessions: Sessions) -> None:
    await ada.say("/remind 10m the tea")

    [job] = jobs(running)
    await job.run(running)

    assert ada.answers[-1].text == "⏰ the tea"
    assert await in_book(ada.api, sessions) == []


async def test_a_near_one_comes_by_itself(sessions: Sessions) -> None:
    async with BotApi() as api, polled(reminder_bot(builder_of(api), sessions, clock=utc_now), api):
        answers = await Conversation(api, ADA).say("/remind 1s the tea", answers=2)

    assert answers[-1].text == "⏰ the tea"


@pytest.mark.usefixtures("running")
async def test_a_reminder_is_asked_for_bit_by_bit(ada: Conversation, sessions: Sessions) -> None:
    said = [await text(ada, each) for each in ("/remind", "the train", "soon")]
    [promise] = await ada.tap("1h30m")

    assert said == [WHAT, WHEN, WHEN]
    assert promise.text.startswith("I will, at 01.03. 13:30:00 UTC.")
    assert await in_book(ada.api, sessions) == ["the train"]
    assert [key async for key in sessions.keys(Draft)] == []


@pytest.mark.usefixtures("running")
async def test_an_expired_draft_begins_anew(ada: Conversation, clock: SettableClock, sessions: Sessions) -> None:
    await ada.say("/remind")
    await ada.say("the train")
    clock.advance(TEN_MINUTES)

    assert await text(ada, "1h") == f"{TOO_LATE} {WHAT}"
    assert await text(ada, "the next train") == WHEN
    assert "number 1" in await text(ada, "1h")
    assert await in_book(ada.api, sessions) == ["the next train"]


@pytest.mark.usefixtures("running")
async def test_a_cancelled_draft_is_gone(ada: Conversation, sessions: Sessions) -> None:
    await ada.say("/remind")
    await ada.say("the train")

    assert await text(ada, "/cancel") == "Never mind."
    assert [key async for key in sessions.keys(Draft)] == []
    assert await in_book(ada.api, sessions) == []


@pytest.mark.usefixtures("running")
async def test_two_people_in_a_group_have_a_draft_each(api: BotApi, sessions: Sessions) -> None:
    ada, grace = Conversation(api, ADA, GROUP), Conversation(api, GRACE, GROUP)
    for talk, said in ((ada, "/remind"), (grace, "/remind"), (ada, "the tea"), (grace, "the train")):
        await talk.say(said)

    await grace.say("2h")
    await ada.say("1h")

    assert await in_book(api, sessions, GROUP.id) == ["the train", "the tea"]


async def test_a_restart_keeps_what_was_promised(
    bot: Bot, ada: Conversation, sessions: Sessions, clock: SettableClock
) -> None:
    async with polled(bot, ada.api):
        await ada.say("/remind 10m the tea")
        await ada.say("/remind 2h the train")
    later = reminder_bot(builder_of(ada.api), sessions, clock=clock)
    clock.advance(TEN_MINUTES / 2)

    async with polled(later, ada.api):
        restored = jobs(later)
        assert await text(ada, "/list") == "1. the tea, 01.03. 12:10:00 UTC\n2. the train, 01.03. 14:00:00 UTC"

    assert sorted(wait_for(job) for job in restored) == pytest.approx([5 * 60, 115 * 60], abs=30)


def wait_for(job: Job[Context]) -> float:
    """Seconds from now until the job is due."""
    return (job.next_t - utc_now()).total_seconds() if job.next_t else 0.0


async def test_a_restart_in_the_middle_of_a_conversation_keeps_its_place(
    bot: Bot, ada: Conversation, sessions: Sessions, clock: SettableClock
) -> None:
    async with polled(bot, ada.api):
        await ada.say("/remind")
        await ada.say("the train")

    async with restarted(ada.api, sessions, clock):
        assert "number 1" in await text(ada, "1h")

    assert await in_book(ada.api, sessions) == ["the train"]


async def test_what_fell_due_while_the_bot_was_down_comes_when_it_starts(
    bot: Bot, ada: Conversation, sessions: Sessions, clock: SettableClock
) -> None:
    async with polled(bot, ada.api):
        await ada.say("/remind 10m the tea")
    clock.advance(TEN_MINUTES * 2)

    async with asyncio.timeout(5), restarted(ada.api, sessions, clock):
        await ada.api.until(lambda: ada.answers[-1].text == "⏰ the tea")

    assert await in_book(ada.api, sessions) == []


async def test_another_bot_on_the_database_does_not_send_it(
    bot: Bot, ada: Conversation, sessions: Sessions, clock: SettableClock
) -> None:
    async with polled(bot, ada.api):
        await ada.say("/remind 10m the tea")
    async with BotApi(Person(id=7009002, first_name="Other", is_bot=True)) as elsewhere:
        other = reminder_bot(builder_of(elsewhere), sessions, clock=clock)
        async with polled(other, elsewhere):
            assert jobs(other) == []


async def test_a_forgotten_one_is_not_sent(running: Bot, ada: Conversation) -> None:
    await ada.say("/remind 10m the tea")
    [job] = jobs(running)
    assert await text(ada, "/forget 1") == "Forgotten: 1."
    before = len(ada.answers)

    await job.run(running)

    assert ada.answers[before:] == []
    assert await text(ada, "/list") == "You wait for nothing."


@pytest.mark.usefixtures("running")
async def test_what_is_not_there_cannot_be_forgotten(ada: Conversation) -> None:
    assert await text(ada, "/forget 7") == "Which number? /list shows them."
    assert await text(ada, "/forget") == "Which number? /list shows them."


@pytest.mark.usefixtures("running")
async def test_looking_makes_no_session(ada: Conversation, sessions: Sessions) -> None:
    await ada.say("/list")

    assert [key async for key in sessions.keys(Reminders)] == []


async def test_one_that_could_not_be_sent_is_kept_and_sent_a_minute_later(
    running: Bot, ada: Conversation, sessions: Sessions
) -> None:
    await ada.say("/remind 10m the tea")
    ada.api.refuse_next("sendMessage", "Internal Server Error", code=500)

    await jobs(running)[0].run(running)

    assert await in_book(ada.api, sessions) == ["the tea"]
    assert wait_for(jobs(running)[-1]) == pytest.approx(RETRY.total_seconds(), abs=30)


async def test_nothing_is_kept_for_a_person_who_blocked_the_bot(
    running: Bot, ada: Conversation, sessions: Sessions
) -> None:
    await ada.say("/remind 10m the tea")
    await ada.say("/remind 20m the train")
    ada.api.refuse_next("sendMessage", "Forbidden: bot was blocked by the user", code=403)

    await jobs(running)[0].run(running)

    assert await in_book(ada.api, sessions) == []


@pytest.mark.usefixtures("running")
async def test_an_edited_message_makes_no_second_reminder(ada: Conversation, sessions: Sessions) -> None:
    await ada.say("/remind 10m the tea")
    await ada.send(ada.api.updates.edited_message(ADA, "/remind 10m the teas", message_id=1), answers=0)

    assert await text(ada, "/list") == "1. the tea, 01.03. 12:10:00 UTC"
    assert await in_book(ada.api, sessions) == ["the tea"]


async def test_reminders_of_a_group_go_along_to_its_supergroup(running: Bot, api: BotApi, sessions: Sessions) -> None:
    ada = Conversation(api, ADA, GROUP)
    await ada.say("/remind 10m the tea")
    [old] = jobs(running)
    there = Conversation(api, ADA, SUPERGROUP)
    await ada.send(api.updates.migrate_to_chat(ADA, GROUP, SUPERGROUP), answers=0)
    await there.send(api.updates.migrate_from_chat(ADA, GROUP, SUPERGROUP), answers=0)
    assert await text(there, "/list") == "1. the tea, 01.03. 12:10:00 UTC"

    for job in {old, *jobs(running)}:
        await job.run(running)

    assert [answer.text for answer in api.answers if answer.text.startswith("⏰")] == ["⏰ the tea"]
    assert there.answers[-1].text == "⏰ the tea"
    assert await in_book(api, sessions, SUPERGROUP.id) == []


@pytest.mark.usefixtures("running")
async def test_who_asks_for_help_gets_it(ada: Conversation) -> None:
    assert "/remind 10m tea" in await text(ada, "/start")


@pytest.mark.usefixtures("running")
async def test_a_person_is_forgotten_in_every_model(ada: Conversation, sessions: Sessions) -> None:
    for said in ("/remind 10m the tea", "/remind", "the train"):
        await ada.say(said)

    await sessions.delete_owner(ADA.id)

    assert [key async for key in sessions.keys(Reminders)] == []
    assert [key async for key in sessions.keys(Draft)] == []


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        (" 2D ", 172800),
        ("", None),
        ("0m", None),
        ("999d", None),
        ("a", None),
    ],
)
def test_how_long_to_wait_is_read_as_people_write_it(said: str, seconds: int | None) -> None:
    assert wait_of(said) == (None if seconds is None else timedelta(seconds=seconds))


def test_yesterdays_reminders_wait_on() -> None:
    old = {"waiting": [{"text": "the tea", "due": "2026-03-01T12:10:00"}]}
    due = datetime.fromisoformat("2026-03-01T12:10:00+00:00")

    new = Reminders(last_number=1, waiting=[Reminder(number=1, text="the tea", due=due)])
    assert_upcasts(Reminders, old, version=1, to=new)


def test_every_old_version_arrives() -> None:
    check_golden(Reminders)
    fuzz_history(Reminders)


def test_the_frozen_history_is_whole() -> None:
    command = [str(Path(sys.executable).with_name("typed-sessions")), "check"]
    checked = subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, timeout=60, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")
    assert "2 session models looked at: 0 failures, 0 warnings" in checked.stdout


def test_the_demo_reminds_before_and_after_a_restart() -> None:
    command = [sys.executable, str(EXAMPLE), "--demo"]
    played = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (played.returncode, played.stderr) == (0, "")
    assert played.stdout.count("bot  ⏰ the tea") == 1
    assert played.stdout.endswith("bot  ⏰ the train\n")


def test_without_a_token_it_says_how_to_run_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TELEGRAM_TOKEN", raising=False)

    assert main([]) == 2
    assert "typed-sessions db upgrade" in capsys.readouterr().out


def test_without_a_database_it_says_what_to_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", "7009001:loopback")
    for name in [name for name in os.environ if name.startswith("TYPED_SESSIONS_")]:
        monkeypatch.delenv(name)

    assert main([]) == 2
    assert "TYPED_SESSIONS_DATABASE_URL: it is not set" in capsys.readouterr().out
