"""The draft of a step: all that follows from the two shapes is filled in, and `...` stands where a human decides."""

import textwrap
from collections.abc import Iterator, Mapping

from typed_sessions.drafting.conversion import Conversion
from typed_sessions.drafting.fitting import shown
from typed_sessions.drafting.layout import DOCSTRING_WIDTH, comment_lines, commented, laid_out, quoted
from typed_sessions.drafting.outcome import Body, Undecided
from typed_sessions.drafting.records import Pair
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
    first.step(before, after)  # finds what is gone, so that no default hides that it moved
    conversion = Conversion(*types, gone=tuple(first.found), taken=first.taken | {frozen})
    lines = [
        "    @staticmethod",
        f"    def v{source}_to_v{source + 1}(old: {below[0]}, /) -> {below[1]}:",
        *_docstring(message),
        *_body(before, after, conversion, below[1]),
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
    """A summary that fits on a line, and below an empty line the rest."""
    printable = "\n".join(
        "".join(each if each.isprintable() else " " for each in line) for line in message.splitlines()
    )
    words = printable.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if not words:
        return
    closed = f'{words[:-1]}\\"' if words.endswith('"') and not words.endswith('\\"') else words
    first, _, rest = closed.partition("\n")
    summary, *over = _wrapped(first)
    if not over and not rest.strip():
        yield f'        """{summary}"""'
        return
    below = [*over, *(part for line in rest.strip("\n").split("\n") for part in _wrapped(line))]
    yield f'        """{summary}'
    yield from (f"        {line}".rstrip() for line in ["", *below])
    yield '        """'


def _wrapped(line: str) -> list[str]:
    # A word is not broken, because it may be an escape.
    return textwrap.wrap(line, DOCSTRING_WIDTH, break_long_words=False, break_on_hyphens=False) or [""]


def _body(old: Node, new: Node, conversion: Conversion, new_type: str) -> Iterator[str]:
    if is_same(old, new):
        yield "        return ...  # the shape is the same: what changed in meaning?"
        return
    made = conversion.step(old, new)
    for helper in conversion.helpers.values():
        yield f"        def {helper.name}(old: {helper.old_type}, /) -> {helper.new_type}:"
        yield from _statements(helper.body, helper.new_type, 3)
        yield ""
    if isinstance(made, Body):
        yield from _gone(old.resolved(), new.resolved())
    yield from _statements(made, new_type, 2)


def _gone(old: Node, new: Node) -> Iterator[str]:
    """Says what of the session itself is not stored any more, so that a reviewer sees the loss."""
    before = old.properties()
    names = [f"{name} ({shown(before[name])})" for name in Pair(old, new).gone]
    if names:
        yield from (f"        {line}" for line in comment_lines(f"gone: {', '.join(names)}", depth=2))


def _statements(body: Body | Undecided, new_type: str, depth: int) -> Iterator[str]:
    indent = "    " * depth
    if isinstance(body, Undecided):
        yield f"{indent}{commented('return ...', body.comment, depth=depth)}"
        return
    start = f"new: {new_type} = " if body.fills else "return "
    yield f"{indent}{start}{laid_out(body.made, depth=depth, before=len(start), after=0)}"
    for fill in body.fills:
        target = f"new[{quoted(fill.name)}] = "
        value = laid_out(fill.value, depth=depth + 1, before=len(target), after=0)
        yield f"{indent}if {quoted(fill.name)} in old:"
        yield f"{indent}    {commented(f'{target}{value}', fill.comment, depth=depth + 1)}"
    if body.fills:
        yield f"{indent}return new"
