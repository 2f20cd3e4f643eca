"""The callback data cache, a row for each keyboard and each callback query."""

from typing import Any, TypeAlias

from typed_sessions.integrations.telegram.persistence.forms import KeyboardForm, QueryForm
from typed_sessions.integrations.telegram.persistence.rows import Rows, Writing
from typed_sessions.integrations.telegram.persistence.spots import Spot, Wanted
from typed_sessions.integrations.telegram.persistence.values import Values

CallbackData: TypeAlias = tuple[list[tuple[str, float, dict[str, Any]]], dict[str, str]]
"""As python-telegram-bot has it: keyboards, each with its id, its last use and its buttons; and the keyboard of each
callback query."""


class CallbackRows:
    """Stores of the cache what changed, so that several processes have their keyboards side by side."""

    def __init__(self, rows: Rows, values: Values) -> None:
        self._rows = rows
        self._keyboards = KeyboardForm(values)
        self._queries = QueryForm()
        self._last: dict[Spot[Any], object] = {}

    async def load(self, bot_id: int) -> CallbackData | None:
        """All that is stored; None if there is nothing.

        Raises:
            As `Rows.load`.
        """
        keyboards = await self._rows.load(self._keyboards, (bot_id,))
        queries = await self._rows.load(self._queries, (bot_id,))
        # The cache is filled in this order, and forgets what came first.
        oldest_first = sorted(keyboards.items(), key=lambda item: item[1][0])
        data: CallbackData = (
            [(key.parts[-1], *keyboard) for key, keyboard in oldest_first],
            {key.parts[-1]: keyboard for key, keyboard in queries.items()},
        )
        self._last = self._spots(bot_id, data)
        return data if self._last else None

    def put(self, bot_id: int, data: CallbackData) -> Writing:
        """Want this cache stored from now on; awaiting the answer writes what differs from the last."""
        before, self._last = self._last, self._spots(bot_id, data)
        changed = [Wanted(spot, live) for spot, live in self._last.items() if before.get(spot) != live]
        gone = [Wanted(spot, None) for spot in before.keys() - self._last.keys()]
        return self._rows.put(*changed, *gone)

    def _spots(self, bot_id: int, data: CallbackData) -> dict[Spot[Any], object]:
        keyboards, queries = data
        spots: dict[Spot[Any], object] = {
            Spot(self._keyboards, (bot_id, name)): (accessed, buttons) for name, accessed, buttons in keyboards
        }
        return spots | {Spot(self._queries, (bot_id, name)): keyboard for name, keyboard in queries.items()}
