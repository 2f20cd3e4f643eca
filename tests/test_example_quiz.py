"""Games with the example quiz bot, over HTTP, on a real Dispatcher, in one process and in several."""

import asyncio
import os
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from quiz.bot import quiz
from quiz.command import main
from quiz.game import Game, Standing, Verdict
from quiz.player import Player
from quiz.questions import QUESTIONS, ROUND
from quiz.texts import HELP, NO_GAME

from tests.architecture import ROOT
from tests.empty_database import address, empty_database
from typed_sessions import JsonObject, Sessions
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing import assert_upcasts, check_golden, fuzz_history
from typed_sessions.testing.bots import Answer, BotApi, Chat, Conversation, Person, forum, group, supergroup
from typed_sessions.testing.bots.aiogram import polled

EXAMPLE = ROOT / "docs" / "examples" / "quiz"
SECRET = "a-secret-of-the-web-server"  # noqa: S105 # of this test only
ADA = Person(id=71001, first_name="Ada")
GRACE = Person(id=71002, first_name="Grace")
CROWD = [Person(id=72000 + number, first_name=f"Guest {number}") for number in range(30)]
PUB = group(-77, "Pub quiz")
SUPERPUB = supergroup(-1_000_000_000_077, "Pub quiz")
FORUM = forum(-1_000_000_000_078, "Quiz forum")
FIRST, SECOND = QUESTIONS[:2]
PATIENCE = 60.0

Crowded = tuple[BotApi, Sessions]


@pytest.fixture(scope="module", params=["sqlite+aiosqlite", "postgresql+asyncpg"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with empty_database(request.param, request, tmp_path_factory.mktemp("quiz")) as url:
        upgrade(address(url))
        yield address(url)


@pytest.fixture
async def sessions(url: str) -> AsyncIterator[Sessions]:
    async with exclusive(url) as sessions:
        yield sessions
        await forget_all(sessions)


def exclusive(url: str) -> Sessions:
    return Sessions(SQLAlchemyStore.from_url(url), exclusive=True)


async def forget_all(sessions: Sessions) -> None:
    for model in (Game, Player):
        for key in [key async for key in sessions.keys(model)]:
            await sessions.delete(model, key)


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api


@pytest.fixture
async def running(api: BotApi, sessions: Sessions) -> AsyncIterator[BotApi]:
    async with polled(quiz(sessions), api):
        yield api


@pytest.fixture(scope="module")
async def crowded(url: str) -> AsyncIterator[Crowded]:
    """The bot in two processes; it takes a while to start them, so each test has a chat of its own."""
    async with BotApi() as api, exclusive(url) as sessions, processes(api, url, count=2):
        yield api, sessions
        await forget_all(sessions)


async def text(talk: Conversation, said: str) -> str:
    [answer] = await talk.say(said)
    return answer.text


async def tapped(talk: Conversation, button: str) -> str:
    [answer] = await talk.tap(button)
    return answer.text


async def game_in(api: BotApi, sessions: Sessions, chat: Chat) -> Game:
    return await sessions.load(Game, (api.bot.id, chat.id, chat.thread_id or 0))


async def test_everybody_in_the_group_answers(running: BotApi, sessions: Sessions) -> None:
    ada, grace = Conversation(running, ADA, PUB), Conversation(running, GRACE, PUB)
    [asked] = await ada.say("/quiz")

    said = [await tapped(talk, FIRST.answer) for talk in (grace, ada)]

    assert asked.text == f"Question 1 of {ROUND}. {FIRST.text}"
    assert [button.text for button in asked.buttons] == [*FIRST.choices, "Next"]
    assert said == [Verdict.FIRST.value, Verdict.RIGHT.value]
    assert (await game_in(running, sessions, PUB)).board == [
        Standing(name="Grace", points=2),
        Standing(name="Ada", points=1),
    ]


async def test_only_the_first_answer_of_a_person_counts(running: BotApi) -> None:
    ada = Conversation(running, ADA, PUB)
    await ada.say("/quiz")

    said = [await tapped(ada, choice) for choice in (FIRST.choices[0], FIRST.answer)]

    assert said == [Verdict.WRONG.value, Verdict.TWICE.value]
    assert await text(ada, "/board") == "0 Ada"


async def test_a_game_goes_on_to_its_end(running: BotApi) -> None:
    ada = Conversation(running, ADA, PUB)
    await ada.say("/quiz")
    for question in QUESTIONS[:ROUND]:
        await ada.tap(question.answer)
        await ada.tap("Next", answers=2)

    assert (
        ada.answers[-1].text
        == f"{QUESTIONS[ROUND - 1].text} It is {QUESTIONS[ROUND - 1].answer}.\nThe game is over.\n10 Ada"
    )
    assert QUESTIONS[ROUND].text in await text(ada, "/quiz")


async def test_a_tap_on_an_old_question_does_not_count(running: BotApi, sessions: Sessions) -> None:
    ada = Conversation(running, ADA, PUB)
    [asked] = await ada.say("/quiz")
    await ada.tap("Next", answers=2)

    [answer] = await ada.send(tap(running, ADA, asked, FIRST.answer))

    assert answer.text == Verdict.LATE.value
    assert (await game_in(running, sessions, PUB)).players == {}


async def test_topics_of_a_forum_play_games_of_their_own(running: BotApi) -> None:
    birds, stars = (Conversation(running, ADA, FORUM.topic(number)) for number in (5, 6))
    await birds.say("/quiz")
    await birds.tap("Next", answers=2)

    assert FIRST.text in await text(stars, "/quiz")
    assert SECOND.text in await text(birds, "/quiz")


async def test_a_lifetime_score_goes_from_chat_to_chat(running: BotApi) -> None:
    here, there = Conversation(running, ADA, PUB), Conversation(running, ADA, FORUM.topic(5))
    for talk in (here, there):
        await talk.say("/quiz")
        await talk.tap(FIRST.answer)
    await here.tap("Next", answers=2)
    await here.tap(SECOND.choices[0])

    assert await text(Conversation(running, ADA), "/me") == "4 points: 2 of 3 answers were right."


async def test_a_person_is_forgotten(running: BotApi, sessions: Sessions) -> None:
    ada, grace = Conversation(running, ADA, PUB), Conversation(running, GRACE, PUB)
    await ada.say("/quiz")
    for talk in (ada, grace):
        await talk.tap(FIRST.answer)

    assert await text(ada, "/forget") == "Forgotten: 1 of your records."
    assert [key.parts async for key in sessions.keys(Player)] == [(str(GRACE.id),)]


async def test_looking_makes_no_game(running: BotApi, sessions: Sessions) -> None:
    ada = Conversation(running, ADA, PUB)

    assert [await text(ada, said) for said in ("/board", "/help")] == [NO_GAME, HELP]
    assert [key async for key in sessions.keys(Game)] == []


@pytest.mark.parametrize("is_in_order", [True, False])
async def test_a_game_goes_along_to_the_supergroup(running: BotApi, sessions: Sessions, *, is_in_order: bool) -> None:
    before, after = Conversation(running, ADA, PUB), Conversation(running, ADA, SUPERPUB)
    await before.say("/quiz")
    await before.tap(FIRST.answer)
    news = [running.updates.migrate_to_chat(ADA, PUB, SUPERPUB), running.updates.migrate_from_chat(ADA, PUB, SUPERPUB)]
    for update in news if is_in_order else reversed(news):
        await after.send(update, answers=0)

    assert await text(after, "/board") == "2 Ada"
    assert FIRST.text in await text(after, "/quiz")
    assert await game_in(running, sessions, PUB) == Game()


async def test_a_restart_in_the_middle_of_a_question_loses_nothing(api: BotApi, url: str, sessions: Sessions) -> None:
    ada, grace = Conversation(api, ADA, PUB), Conversation(api, GRACE, PUB)
    async with polled(quiz(sessions), api):
        await ada.say("/quiz")
        await ada.tap(FIRST.answer)

    async with exclusive(url) as anew, polled(quiz(anew), api):
        said = [await tapped(talk, FIRST.answer) for talk in (ada, grace)]

    assert said == [Verdict.TWICE.value, Verdict.RIGHT.value]


async def test_thirty_people_answer_at_once_in_two_processes(crowded: Crowded) -> None:
    api, sessions = crowded
    [asked] = await Conversation(api, ADA, PUB).say("/quiz")

    said = await at_once(api, [tap(api, person, asked, choice_of(person)) for person in CROWD * 2])

    assert sorted(said) == sorted([
        Verdict.FIRST.value, *[Verdict.RIGHT.value] * 9, *[Verdict.WRONG.value] * 20, *[Verdict.TWICE.value] * 30,
    ])  # fmt: skip
    game = await game_in(api, sessions, PUB)
    assert (len(game.answers), sum(standing.points for standing in game.players.values())) == (30, 11)
    for person in CROWD:
        player = await sessions.load(Player, person.id)
        assert (player.answered, player.points) == (1, game.players[person.id].points)


async def test_of_thirty_who_go_on_at_once_one_does(crowded: Crowded) -> None:
    api, sessions = crowded
    [asked] = await Conversation(api, ADA, FORUM.topic(5)).say("/quiz")

    said = await at_once(api, [tap(api, person, asked, "Next") for person in CROWD], more=1)

    assert said.count(Verdict.LATE.value) == 29
    assert (await game_in(api, sessions, FORUM.topic(5))).position == 1


def choice_of(person: Person) -> str:
    """Every third knows it."""
    return FIRST.choices[(person.id - CROWD[0].id) % len(FIRST.choices)]


def tap(api: BotApi, person: Person, asked: Answer, button: str) -> JsonObject:
    """A tap on a button of a message that may not be the last."""
    data = next(each.callback_data for each in asked.buttons if each.text == button)
    return api.updates.callback_query(person, data or "", message=asked.result)


async def at_once(api: BotApi, updates: Sequence[JsonObject], *, more: int = 0) -> list[str]:
    """What the bot answered to updates that came together; to some with `more` than one answer."""
    before = len(api.answers)
    async with asyncio.timeout(PATIENCE):
        await api.deliver(*updates)
        await api.until(lambda: len(api.answers) >= before + len(updates) + more)
    return [answer.text for answer in api.answers[before:]]


@asynccontextmanager
async def processes(api: BotApi, url: str, *, count: int) -> AsyncGenerator[None]:
    """The bot in so many processes behind a webhook, until they are told to stop, and do."""
    workers = [await started(api, url) for _ in range(count)]
    try:
        api.post_to(*[await address_of(worker) for worker in workers], secret_token=SECRET)
        yield
        for worker in workers:
            worker.terminate()
            _, errors = await asyncio.wait_for(worker.communicate(), PATIENCE)
            assert (worker.returncode, errors.decode()) == (0, "")
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.kill()
                await worker.communicate()


async def started(api: BotApi, url: str) -> Process:
    command = [sys.executable, str(EXAMPLE), "--listen", "127.0.0.1:0", "--api", api.url]
    told = {"TELEGRAM_TOKEN": api.token, "WEBHOOK_SECRET": SECRET, "TYPED_SESSIONS_DATABASE_URL": url}
    return await asyncio.create_subprocess_exec(*command, env={**bare(), **told}, stdout=PIPE, stderr=PIPE)


async def address_of(worker: Process) -> str:
    """Where the process says that it listens."""
    assert worker.stdout
    line = (await asyncio.wait_for(worker.stdout.readline(), PATIENCE)).decode()
    assert line.startswith("Listening on "), line
    return line.removeprefix("Listening on ").strip()


def bare() -> dict[str, str]:
    """The environment without what is said to the bot by it."""
    told = ("TYPED_SESSIONS_", "TELEGRAM_", "WEBHOOK_")
    return {name: value for name, value in os.environ.items() if not name.startswith(told)}


def run(*arguments: str, told: Mapping[str, str] = {}) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(EXAMPLE), *arguments]
    return subprocess.run(command, env={**bare(), **told}, capture_output=True, text=True, timeout=60, check=False)


def test_yesterdays_game_goes_on() -> None:
    old = {"number": 1, "position": 0, "answers": {"71001": 1}, "names": {"71001": "Ada"}, "scores": {"71001": 2}}

    new = Game(number=1, position=0, answers={71001: 1}, players={71001: Standing(name="Ada", points=2)})
    assert_upcasts(Game, old, version=1, to=new)


def test_every_old_version_arrives() -> None:
    check_golden(Game)
    fuzz_history(Game)


def test_the_frozen_history_is_whole() -> None:
    command = [str(Path(sys.executable).with_name("typed-sessions")), "check"]
    checked = subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, timeout=60, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")
    assert "2 session models looked at: 0 failures, 0 warnings" in checked.stdout


def test_the_demo_plays_a_game_with_a_restart_in_it() -> None:
    played = run("--demo")

    assert (played.returncode, played.stderr) == (0, "")
    assert "  bot  The game is over.\n  bot  6 Grace\n" in played.stdout
    assert played.stdout.endswith("bot  2 points: 1 of 5 answers were right.\n")


def test_without_a_token_it_says_how_to_run_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TELEGRAM_TOKEN", raising=False)

    assert main([]) == 2
    assert "typed-sessions db upgrade" in capsys.readouterr().out


def test_without_a_table_it_says_what_makes_it(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'quiz.db'}"
    tried = run(told={"TELEGRAM_TOKEN": "7009001:loopback", "TYPED_SESSIONS_DATABASE_URL": url})

    assert tried.returncode == 2
    assert "typed-sessions db upgrade" in tried.stdout
