"""What is asked."""

from dataclasses import dataclass

ROUND = 5
"""Questions in a game."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its choices, and which of them is right, counted from 0."""

    text: str
    choices: tuple[str, ...]
    right: int

    @property
    def answer(self) -> str:
        return self.choices[self.right]


QUESTIONS = (
    Question("Which planet has the shortest year?", ("Venus", "Mercury", "Mars"), 1),
    Question("How many sides has a heptagon?", ("6", "7", "8"), 1),
    Question("Which metal is liquid at room temperature?", ("Mercury", "Tin", "Silver"), 0),
    Question("Who wrote the first program for a machine?", ("Alan Turing", "Grace Hopper", "Ada Lovelace"), 2),
    Question("What is the capital of Australia?", ("Sydney", "Canberra", "Perth"), 1),
    Question("How many bones has a shark?", ("none", "206", "320"), 0),
    Question("Which is the smallest prime?", ("1", "2", "3"), 1),
    Question("What do bees make wax from?", ("pollen", "resin", "honey"), 2),
    Question("Which ocean is the deepest?", ("Atlantic", "Indian", "Pacific"), 2),
    Question("Which year had no leap day?", ("1900", "2000", "2024"), 0),
)


def asked(game: int, position: int) -> Question:
    """The question at a position of the so-manieth game, both counted from 0: each game goes on where one ended."""
    return QUESTIONS[(game * ROUND + position) % len(QUESTIONS)]
