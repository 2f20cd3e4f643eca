"""Random operations."""

from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

from tests.histories.models import FIELDS

Kind: TypeAlias = Literal["turn", "exclusive", "update", "group", "load", "load pair", "delete", "move", "prune"]
Step: TypeAlias = Literal["left", "right", "deep", "pair", "save", "pause", "touch", "raise", "delete", "rotate"]

PHASE = 150
"""Operations of a task after which it goes on to other keys, so that histories stay short."""

KINDS: dict[Kind, int] = {
    "turn": 47, "exclusive": 10, "update": 8, "group": 11,
    "load": 7, "load pair": 9, "delete": 4, "move": 2, "prune": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Args:
        name: unlike that of any other.
        kind: what it does; a `turn` opens a session and takes the `steps` inside the block.
        model: the name of the session model.
        key: the text of the key.
        to: another key, to move or rotate to.
        steps: a field is appended to, or what the step says is done.
        sessions: the number of the `Sessions` to do it with.
        patience: after how many pauses it is cancelled, if that is not None.
    """

    name: str
    kind: Kind
    model: str = "basket"
    key: str = "a"
    to: str = "b"
    steps: tuple[Step, ...] = ()
    sessions: int = 0
    patience: int | None = None


@dataclass(frozen=True, slots=True)
class Menu:
    """What is not on a program: kinds, if the store does not promise them; cancellation, which threads have not."""

    without: frozenset[Kind] = frozenset()
    cancels: bool = True


def operation(random: Random, task: str, number: int, menu: Menu) -> Operation:
    """The operation of this number in the program of a task."""
    kinds: list[Kind] = [kind for kind in KINDS if kind not in menu.without]
    kind = random.choices(kinds, [KINDS[kind] for kind in kinds])[0]
    model = random.choice(("basket",) * 6 + ("brief",) * 3 + (() if kind in {"delete", "move"} else ("one", "two")))
    keys = [f"{letter}{number // PHASE}" for letter in "abc"]
    key, to = random.sample(keys, 2)
    return Operation(
        name=f"{task}.{number}",
        kind=kind,
        model=model,
        key=keys[0] if kind in {"group", "load pair", "exclusive"} or random.random() < 0.4 else key,
        to=to,
        steps=_steps(random, kind, _lasts(model, menu)),
        sessions=random.randrange(3),
        patience=random.randint(1, 8) if menu.cancels and random.random() < 0.06 else None,
    )


def _lasts(model: str, menu: Menu) -> tuple[Step, ...]:
    """How a turn may end other than well. Twins stay where they are, so that they can be compared."""
    if model in {"one", "two"}:
        return ("raise",)
    return ("raise", "delete") if "move" in menu.without else ("raise", "delete", "rotate")


def _steps(random: Random, kind: Kind, lasts: tuple[Step, ...]) -> tuple[Step, ...]:
    last = random.choice(lasts) if random.random() < 0.2 else None
    match kind:
        case "turn" | "exclusive":
            steps: list[Step] = [_step(random) for _ in range(random.randint(1, 4))]
            return (
                (*steps, last, random.choice(FIELDS)) if last == "rotate" else (*steps, last) if last else tuple(steps)
            )
        case "group":
            return ("pair", "raise") if last == "raise" else ("pair",)
        case "update":
            return (random.choice(FIELDS),)
        case _:
            return ()


def _step(random: Random) -> Step:
    steps: list[Step] = [*FIELDS, "save", "pause", "touch"]
    return random.choices(steps, (5, 4, 3, 2, 6, 1))[0]
