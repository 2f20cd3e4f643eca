"""The bot: what people do, and what becomes of it."""

from aiogram import Dispatcher, Router
from aiogram.filters import Command
from aiogram.methods import AnswerCallbackQuery, SendMessage
from aiogram.types import CallbackQuery, Message

from quiz.game import Game, Verdict
from quiz.player import Player
from quiz.texts import HELP, NO_GAME, Choice, Next, asks, board, closes, keyboard
from typed_sessions import Sessions
from typed_sessions.integrations.aiogram import SessionBinding, SessionMiddleware, per_bot, per_thread, per_user

games = SessionBinding(Game, key=per_bot(per_thread))
"""One for each topic of a forum and for each other chat. It goes along when a group becomes a supergroup."""

players = SessionBinding(Player, key=per_user)
"""One for each person, who owns it."""


async def begin(message: Message, game: Game) -> SendMessage:
    """Begin a game, or ask the open question again. What is returned is sent after the game was saved."""
    if game.question is None:
        game.begin()
    return message.answer(asks(game), reply_markup=keyboard(game))


async def answer(query: CallbackQuery, game: Game, player: Player, callback_data: Choice) -> AnswerCallbackQuery:
    """Count an answer, for the game and for the person's life, in one transaction."""
    if not game.is_open(callback_data.number, callback_data.position):
        return query.answer(Verdict.LATE.value)
    verdict = game.take(query.from_user.id, query.from_user.first_name, callback_data.choice)
    player.count(verdict)
    return query.answer(verdict.value)


async def go_on(query: CallbackQuery, game: Game, callback_data: Next) -> AnswerCallbackQuery | SendMessage:
    """Close the question. Of two who tap at once, in whatever processes, one comes too late."""
    question = game.question
    if question is None or not game.is_open(callback_data.number, callback_data.position):
        return query.answer(Verdict.LATE.value)
    if not isinstance(query.message, Message):
        return query.answer("That message is too old; say /quiz.")
    game.go_on()
    await query.answer()
    return query.message.answer(f"{closes(question)}\n{asks(game)}", reply_markup=keyboard(game))


async def show(message: Message, game: Game | None) -> SendMessage:
    """Nothing is made where nobody ever played."""
    return message.answer(NO_GAME if game is None else board(game))


async def me(message: Message, player: Player) -> SendMessage:
    return message.answer(f"{player.points} points: {player.right} of {player.answered} answers were right.")


async def forget(message: Message, sessions: Sessions) -> SendMessage:
    """Delete whatever belongs to the person, in every model."""
    deleted = await sessions.delete_owner(message.from_user.id) if message.from_user else 0
    return message.answer(f"Forgotten: {deleted} of your records.")


async def welcome(message: Message) -> SendMessage:
    """Ask for no session: none is read."""
    return message.answer(HELP)


def quiz(sessions: Sessions) -> Dispatcher:
    """The bot on sessions that are `exclusive`, so that its turns are counted one by one in all processes."""
    router = Router()
    games.on(router.message, Command("quiz"))(begin)
    games.on(router.message, Command("board"))(show)
    games.on(router.callback_query, Choice.filter())(answer)
    games.on(router.callback_query, Next.filter())(go_on)
    players.on(router.message, Command("me"))(me)
    router.message.register(forget, Command("forget"))
    router.message.register(welcome, Command("start", "help"))
    dispatcher = Dispatcher(sessions=sessions)
    dispatcher.include_router(router)
    SessionMiddleware(sessions).bind(games).bind(players).setup(dispatcher)
    return dispatcher
