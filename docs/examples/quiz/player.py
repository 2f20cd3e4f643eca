"""What a person has reached, in whatever chat."""

from quiz.game import Verdict
from typed_sessions import SessionConfig, SessionModel


class Player(SessionModel):
    """The lifetime score of a person. Its owner is that person, so `/forget` deletes it."""

    session_config = SessionConfig(name="quiz_player")

    points: int = 0
    right: int = 0
    answered: int = 0

    def count(self, verdict: Verdict) -> None:
        if verdict.counts:
            self.answered += 1
            self.right += verdict.points > 0
            self.points += verdict.points
