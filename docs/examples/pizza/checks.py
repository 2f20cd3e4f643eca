"""What must be so after the two days, checked on what the server received and what the database holds."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pizza.database import Row
from pizza.menu import MENU
from pizza.recording import Event
from typed_sessions.testing.bots import Answer

ADD = re.compile(r"/add(?:@\w+)? (\w+)(?: (\d+))?\Z")
FAVOURITE = re.compile(r"/favourite (\w+)\Z")

Carts = dict[int, Counter[str]]
"""The pizzas of each chat."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the shop: what was said, what the bot did, what lay in the database that evening."""

    events: Sequence[Event]
    answers: Sequence[Answer]
    confirmed: Sequence[int]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Check:
    """A sentence, and what contradicts it."""

    sentence: str
    contradictions: Sequence[str]

    @property
    def holds(self) -> bool:
        return not self.contradictions


def checks(one: Day, two: Day) -> list[Check]:
    both = [*one.events, *two.events]
    seen = {event.chat.id for event in two.events}
    upcast = [row for row in one.rows if row.id in seen]
    asleep = [row for row in one.rows if row.id not in seen]
    return [
        Check(f"All {len(both)} updates were taken from the server", [*unconfirmed(one), *unconfirmed(two)]),
        Check(f"All {len(asking(both))} that ask for an answer got one", [*unanswered(one), *unanswered(two)]),
        Check(f"Day one: {size(one.events)} pizzas were asked for and stored", lost(one.events, one.rows)),
        Check(f"Day two: {size(two.events)} more, on top of yesterday's, less the order", lost(both, two.rows)),
        Check(f"{len(upcast)} carts of version 1 were upcast when they were read", not_upcast(upcast, two.rows)),
        Check(f"{len(asleep)} cart that nobody opened is as it was, byte for byte", changed(asleep, two.rows)),
    ]


def asking(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.text is not None]


def unconfirmed(day: Day) -> list[str]:
    taken = Counter(day.confirmed)
    return [f"update {event.update_id} was not taken" for event in day.events if taken[event.update_id] != 1]


def unanswered(day: Day) -> list[str]:
    counts = [(event, sum(map(event.is_answered_by, day.answers))) for event in asking(day.events)]
    return [f"{event.person.first_name}'s {event.text!r} got {count} answers" for event, count in counts if count != 1]


def size(events: Iterable[Event]) -> int:
    """How many pizzas were put into carts, over all chats."""
    return sum(sum(cart.values()) for cart in expected(event for event in events if event.query_id is None).values())


def expected(events: Iterable[Event]) -> Carts:
    """What the carts must hold: the events one after another, in plain Python, with no bot and no database."""
    carts: Carts = {}
    favourites: dict[int, str] = {}
    for event in events:
        cart = carts.setdefault(event.chat.id, Counter())
        text = event.text or ""
        if (added := ADD.match(text)) and added[1] in MENU:
            cart[added[1]] += int(added[2] or 1)
        elif chosen := FAVOURITE.match(text):
            favourites[event.person.id] = chosen[1]
        elif text == "/usual" and event.person.id in favourites:
            cart[favourites[event.person.id]] += 1
        elif event.query_id is not None:
            cart.clear()
    return carts


def stored(rows: Iterable[Row]) -> Carts:
    return {row.id: pizzas_of(row) for row in rows if row.model == "cart"}


def pizzas_of(row: Row) -> Counter[str]:
    """What a stored cart holds, of either version."""
    if row.version == 1:
        return Counter(row.fields["items"])
    return Counter({line["sku"]: line["qty"] for line in row.fields["lines"]})


def lost(events: Iterable[Event], rows: Iterable[Row]) -> list[str]:
    carts, found = expected(events), stored(rows)
    return [
        f"chat {chat} must hold {dict(cart)}, and the database holds {dict(found.get(chat, {}))}"
        for chat, cart in carts.items()
        if cart != found.get(chat, Counter())
    ]


def not_upcast(yesterday: Sequence[Row], today: Iterable[Row]) -> list[str]:
    rows = by_place(today)
    wrong = [row for row in yesterday if not is_upcast(row, rows.get((row.model, row.key)))]
    return [f"{row.key} was not upcast" for row in wrong] if yesterday else ["there was none"]


def is_upcast(old: Row, new: Row | None) -> bool:
    customer = int(old.fields["user"]) if old.fields["user"] else None
    return (
        new is not None
        and (old.version, new.version) == (1, 3)
        and new.revision > old.revision
        and (new.fields["customer_id"], new.fields["currency"]) == (customer, "EUR")
    )


def changed(yesterday: Sequence[Row], today: Iterable[Row]) -> list[str]:
    rows = by_place(today)
    return [f"{row.key} was changed" for row in yesterday if rows.get((row.model, row.key)) != row]


def by_place(rows: Iterable[Row]) -> Mapping[tuple[str, str], Row]:
    return {(row.model, row.key): row for row in rows}
