"""Two shapes of a release at random: open and closed objects, keys that are not always there, at any depth."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from typed_sessions.history import JsonObject

NAMES: Final = ("a", "lines", "class", "it's", "x y", "kind", "new", "old", "node", "key", "frozen", "people")
CLASSES: Final = ("Line", "New", "Frozen", "Look", "Set", "Value", "Node", "Old", "Key")
LEAVES: Final[tuple[JsonObject, ...]] = (
    {"type": "string"},
    {"type": "integer"},
    {"type": "integer", "default": 3},
    {"type": "string", "default": "x"},
    {"type": "string", "const": "c"},
    {"type": "integer", "const": 4},
    {"type": "null"},
    {"type": "number", "maximum": 5},
    {},
)


@dataclass(slots=True)
class Shapes:
    """Makes one shape after the other; all records are definitions, as Pydantic has them."""

    random: Random
    definitions: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])

    def whole(self) -> JsonObject:
        return {**self.record(2), "$defs": self.definitions}

    def record(self, depth: int) -> JsonObject:
        names = self.random.sample(NAMES, self.random.randint(0, 4))
        properties = {name: self.value(depth) for name in names}
        return {
            "type": "object",
            "properties": properties,
            "required": [name for name in names if self.random.random() < 0.6],  # most
            "additionalProperties": self.random.random() < 0.35,  # some
        }

    def value(self, depth: int) -> JsonObject:
        if depth == 0 or self.random.random() < 0.25:  # some
            return copy.deepcopy(self.random.choice(LEAVES))
        kinds: list[Callable[[], JsonObject]] = [
            lambda: {"type": "array", "items": self.value(depth - 1)},
            lambda: {"type": "object", "additionalProperties": self.value(depth - 1)},
            lambda: {"anyOf": [self.named(depth - 1), {"type": "null"}]},
            lambda: {"anyOf": [self.tagged(depth - 1, "c"), self.tagged(depth - 1, "d")]},
            *[lambda: self.named(depth - 1)] * 3,
        ]
        return self.random.choice(kinds)()

    def named(self, depth: int) -> JsonObject:
        free = [name for name in CLASSES if name not in self.definitions]
        if not free or (self.definitions and self.random.random() < 0.2):  # some
            return {"$ref": f"#/$defs/{self.random.choice([*self.definitions])}"}
        name = self.random.choice(free)
        self.definitions[name] = {}  # what is inside may refer to it
        self.definitions[name] = self.record(depth)
        return {"$ref": f"#/$defs/{name}"}

    def tagged(self, depth: int, tag: str) -> JsonObject:
        name = f"{tag.upper()}{len(self.definitions)}"
        self.definitions[name] = {}
        made = self.record(depth)
        made["properties"]["kind"] = {"type": "string", "const": tag}
        made["required"] = [*{*made["required"], "kind"}]
        self.definitions[name] = made
        return {"$ref": f"#/$defs/{name}"}


def pair(seed: int) -> tuple[JsonObject, JsonObject]:
    """An old shape and a new one, the same for the same seed."""
    random = Random(seed)  # noqa: S311 # no secret
    old = Shapes(random).whole()
    new = copy.deepcopy(old)
    for _ in range(random.randint(1, 3)):
        inner = random.choice([new, *new["$defs"].values()])
        random.choice(CHANGES)(inner, random)
    return old, new


def _add(inner: JsonObject, random: Random) -> None:
    name = random.choice(NAMES)
    inner["properties"].setdefault(name, {"type": "integer", "default": 3})
    if name not in inner["required"]:
        inner["required"].append(name)


def _add_sometimes(inner: JsonObject, random: Random) -> None:
    inner["properties"].setdefault(random.choice(NAMES), {"type": "string"})


def _drop(inner: JsonObject, random: Random) -> None:
    if inner["properties"]:
        name = random.choice([*inner["properties"]])
        del inner["properties"][name]
        inner["required"] = [each for each in inner["required"] if each != name]


def _leave_out(inner: JsonObject, random: Random) -> None:
    inner["required"] = [each for each in inner["required"] if random.random() < 0.5]  # half


def _open(inner: JsonObject, _: Random) -> None:
    inner["additionalProperties"] = not inner["additionalProperties"]


def _change(inner: JsonObject, random: Random) -> None:
    if inner["properties"]:
        name = random.choice([*inner["properties"]])
        inner["properties"][name] = {"anyOf": [inner["properties"][name], {"type": "null"}]}


def _set_constant(inner: JsonObject, random: Random) -> None:
    for each in inner["properties"].values():
        if "const" in each:
            each["const"] = random.randint(5, 9) if each["type"] == "integer" else random.choice("xyz")


CHANGES: Final = (_add, _add_sometimes, _drop, _leave_out, _open, _change, _set_constant)
