"""The draft of a step: all that follows from the two shapes is filled in, and `...` stands where a human decides."""

import textwrap
from collections.abc import Iterator, Mapping

from typed_sessions.drafting.conversion import Conversion, Helper, Same, Undecided
from typed_sessions.drafting.layout import WIDTH, Expression, laid_out
from typed_sessions.editing.imports import import_of
from typed_sessions.history import JsonObject
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.nodes import Node, root_of

_NOTHING: Mapping[str, str] = {}


def drafted_step(
    old: JsonObject,
    new: JsonObject,
    *,
    source: int,
    message: str = "",
    frozen: str = "frozen",
    old_types: Mapping[str, str] = _NOTHING,
    new_types: Mapping[str, str] = _NOTHING,
) -> str:
    """The method that carries version `source` to the next, indented by four spaces, for the history class.

    `old` and `new` are shapes as `stored_schema` gives them, `message` becomes the docstring, and `frozen` is the
    name of the generated module. `old_types` and `new_types` name the generated TypedDict of a definition
    (`{"Node": "V1Node"}`); they are needed for a type that contains itself, whose conversion is a function.
    """
    below = f"{frozen}.V{source}", f"{frozen}.V{source + 1}"
    before, after = root_of(old), root_of(new)
    types = _types(before, old_types, frozen, below[0]), _types(after, new_types, frozen, below[1])
    first = Conversion(*types)
    first.converted(before, after, "old")  # finds what is gone, so that no default hides that it moved
    conversion = Conversion(*types, gone=tuple(first.found))
    lines = [
        "    @staticmethod",
        f"    def v{source}_to_v{source + 1}(old: {below[0]}, /) -> {below[1]}:",
        *_docstring(message),
        *_body(before, after, conversion),
    ]
    return "\n".join(lines) + "\n"


def drafted_history(frozen_module: str, class_name: str, step: str = "") -> str:
    """A whole history file. `step` is its first step; without one the class is empty, for version 1."""
    module = frozen_module.rpartition(".")[2]
    return (
        f'"""The steps by which older versions of the session {module} become the next."""\n\n'
        f"{import_of(frozen_module, name='frozen')}\n\n\n"
        f"class {class_name}(frozen.Upcasts):\n"
        f'    """What is stored is never changed in place: each step makes the next version of it."""\n'
        + (f"\n{step}" if step else "")
    )


def _types(root: Node, names: Mapping[str, str], frozen: str, whole: str) -> dict[str, str]:
    """How the step speaks of each definition: the root's own by the name of the version."""
    types = {name: f"{frozen}.{typed}" for name, typed in names.items()}
    return types if root.definition is None else {root.definition: whole, **types}


def _docstring(message: str) -> Iterator[str]:
    words = message.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if not words:
        return
    closed = f'{words[:-1]}\\"' if words.endswith('"') and not words.endswith('\\"') else words
    lines = [part for line in closed.splitlines() for part in (textwrap.wrap(line, WIDTH - 16) or [""])]
    if len(lines) == 1:
        yield f'        """{lines[0]}"""'
        return
    yield f'        """{lines[0]}'
    yield from (f"        {line}".rstrip() for line in lines[1:])
    yield '        """'


def _body(old: Node, new: Node, conversion: Conversion) -> Iterator[str]:
    if is_same(old, new):
        yield "        return ...  # the shape is the same: what changed in meaning?"
        return
    made = conversion.converted(old, new, "old")
    for helper in conversion.helpers.values():
        if helper is not None:
            yield from _function(helper)
    match made:
        case Same():
            yield "        return {**old}"
        case Undecided(comment):
            yield f"        return ...  # {comment}"
        case _:
            yield _returned(made, 2)


def _function(helper: Helper) -> Iterator[str]:
    yield f"        def {helper.name}(old: {helper.old_type}, /) -> {helper.new_type}:"
    yield _returned(helper.body, 3)
    yield ""


def _returned(expression: Expression, depth: int) -> str:
    return f"{'    ' * depth}return {laid_out(expression, depth=depth, before=len('return '), after=0)}"
