"""What the quiz says, and the buttons beneath it."""

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from quiz.game import Game
from quiz.questions import ROUND, Question

HELP = "I ask, and everybody here answers. /quiz begins a game, /board shows the points, /me your own of all games."
NO_GAME = "Nobody plays here. /quiz begins a game."


class Choice(CallbackData, prefix="choice"):
    """A tap on a choice of the question at `position` in the game `number`."""

    number: int
    position: int
    choice: int


class Next(CallbackData, prefix="next"):
    """A tap that closes the question."""

    number: int
    position: int


def asks(game: Game) -> str:
    """The open question, or how the game ended."""
    if game.question is None or game.position is None:
        return f"The game is over.\n{board(game)}"
    return f"Question {game.position + 1} of {ROUND}. {game.question.text}"


def closes(question: Question) -> str:
    return f"{question.text} It is {question.answer}."


def board(game: Game) -> str:
    lines = [f"{standing.points} {standing.name}" for standing in game.board]
    return "\n".join(lines) or "Nobody has answered yet."


def keyboard(game: Game) -> InlineKeyboardMarkup | None:
    """The choices, and below them a button that goes on."""
    if game.question is None or game.position is None:
        return None
    here = {"number": game.number, "position": game.position}
    choices = [
        InlineKeyboardButton(text=text, callback_data=Choice(**here, choice=number).pack())
        for number, text in enumerate(game.question.choices)
    ]
    go_on = InlineKeyboardButton(text="Next", callback_data=Next(**here).pack())
    return InlineKeyboardMarkup(inline_keyboard=[choices, [go_on]])
