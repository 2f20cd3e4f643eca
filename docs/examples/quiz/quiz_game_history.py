"""How yesterday's games become today's."""

from quiz._frozen import quiz_game as frozen


class GameHistory(frozen.Upcasts):
    """One change since the first game. A game that is on goes on after the deploy."""

    @staticmethod
    def v1_to_v2(old: frozen.V1, /) -> frozen.V2:
        """A person's name and points stand together."""
        return {
            "number": old["number"],
            "position": old["position"],
            "answers": old["answers"],
            "players": {
                person: {"name": old["names"].get(person, "Somebody"), "points": points}
                for person, points in old["scores"].items()
            },
        }
