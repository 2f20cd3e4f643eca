"""The updates that a bot has not taken yet."""

from collections.abc import Iterable

from typed_sessions.history import JsonObject


class Pending:
    """Updates in the order of their numbers; `confirmed` are the numbers of those that the bot took, as it did."""

    def __init__(self) -> None:
        self.confirmed: list[int] = []
        self._updates: dict[int, JsonObject] = {}

    def __len__(self) -> int:
        return len(self._updates)

    def add(self, update: JsonObject) -> None:
        self._updates[update["update_id"]] = update

    def updates(self, limit: int | None = None) -> list[JsonObject]:
        return [self._updates[number] for number in sorted(self._updates)[:limit]]

    def confirm(self, numbers: Iterable[int]) -> None:
        """The bot took these. Those that are confirmed already do not count again."""
        for number in numbers:
            if self._updates.pop(number, None) is not None:
                self.confirmed.append(number)

    def confirm_before(self, offset: int) -> None:
        """What `getUpdates` says by its offset; a negative one leaves so many of the last."""
        numbers = sorted(self._updates)
        self.confirm(numbers[:offset] if offset < 0 else [number for number in numbers if number < offset])

    def drop(self) -> None:
        """Forget all; the bot did not take them."""
        self._updates.clear()
