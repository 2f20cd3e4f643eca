"""The game that is played in a chat or in a topic of a forum, without a word of Telegram."""

from enum import Enum

from pydantic import BaseModel

from quiz.questions import ROUND, Question, asked
from quiz.quiz_game_history import GameHistory
from typed_sessions import SessionConfig, SessionModel


class Verdict(Enum):
    """What became of an answer, in the words that its person reads."""

    FIRST = "Right, and first: 2 points!"
    RIGHT = "Right: 1 point."
    WRONG = "That is wrong."
    TWICE = "You have answered already."
    LATE = "That question is closed."

    @property
    def points(self) -> int:
        return {Verdict.FIRST: 2, Verdict.RIGHT: 1}.get(self, 0)

    @property
    def counts(self) -> bool:
        """Whether it is an answer at all."""
        return self not in (Verdict.TWICE, Verdict.LATE)


class Standing(BaseModel):
    """A person in this game."""

    name: str
    points: int = 0


class Game(SessionModel):
    """The game of a chat or topic; the keys of `answers` and `players` are the ids of the persons."""

    session_config = SessionConfig(name="quiz_game", version=2, history=GameHistory())

    number: int = 0
    """How many games were begun here."""
    position: int | None = None
    """Of the open question in this game; None while nobody plays."""
    answers: dict[int, int] = {}
    """What each person chose at the open question."""
    players: dict[int, Standing] = {}

    @property
    def question(self) -> Question | None:
        """The open question."""
        return None if self.position is None else asked(self.number - 1, self.position)

    @property
    def board(self) -> list[Standing]:
        """The best first."""
        return sorted(self.players.values(), key=lambda standing: (-standing.points, standing.name))

    def begin(self) -> None:
        self.number += 1
        self.position = 0
        self.answers = {}
        self.players = {}

    def is_open(self, number: int, position: int) -> bool:
        """Whether this very question is open."""
        return (self.number, self.position) == (number, position)

    def take(self, person: int, name: str, choice: int) -> Verdict:
        """Count an answer to the open question. The first right one gets a point more."""
        if self.question is None:
            return Verdict.LATE
        if person in self.answers:
            return Verdict.TWICE
        is_right = choice == self.question.right
        is_first = self.question.right not in self.answers.values()
        verdict = (Verdict.FIRST if is_first else Verdict.RIGHT) if is_right else Verdict.WRONG
        self.answers[person] = choice
        self.players.setdefault(person, Standing(name=name)).points += verdict.points
        return verdict

    def go_on(self) -> None:
        """Close the open question: the next one, or the end of the game."""
        if self.position is not None:
            self.position = self.position + 1 if self.position + 1 < ROUND else None
        self.answers = {}
