"""The file of a session model: its `session_config` is changed in place."""

import ast
from collections.abc import Iterator

from typed_sessions.editing.edit import EditError, Source, Splice, class_named, parsed, statements
from typed_sessions.editing.imports import bindings, import_splices, meaning, own


def with_version(text: str, class_name: str, version: int) -> str:
    """The file with `version=` of the class's `session_config` set. Nothing else changes, not one byte.

    `class_name` is the qualified name.

    Raises:
        EditError: the version is not written there as a number.
    """
    source = parsed(text)
    call = _config(source, class_name)
    written = _keyword(call, "version")
    if written is None:
        return source.spliced(*_added(source, call, f"version={version}", after=("name",)))
    if not (isinstance(written.value, ast.Constant) and type(written.value.value) is int):
        raise EditError(
            f"line {written.lineno}: the version of {class_name} is not written as a number; "
            f"write version={version} there"
        )
    return source.spliced(Splice(source.start(written.value), source.end(written.value), str(version)))


def with_history(text: str, class_name: str, *, module: str, history_class: str) -> str:
    """The file with `history=CartHistory()` in the class's `session_config`, and its import.

    A `history=` that is there stays as it is. A history class of the same file needs no import.

    Raises:
        EditError: there is no `session_config` that can be edited, or the name of the history class is taken.
    """
    source = parsed(text)
    call = _config(source, class_name)
    if _keyword(call, "history") is not None:
        return text
    top = class_named(source, class_name.partition(".")[0])
    argument = _added(source, call, f"history={history_class}()", after=("version", "name"))
    if bindings(source).get(history_class) == own(history_class):
        return source.spliced(*argument)
    imported = import_splices(source, f"{module}.{history_class}", name=history_class, above=top)
    return source.spliced(*imported, *argument)


def _config(source: Source, class_name: str) -> ast.Call:
    """The call that makes the `session_config` of a class."""
    found = class_named(source, class_name)
    values = [value for node in statements(found.body) for value in _assigned(node)]
    if not values:
        raise EditError(
            f"line {found.lineno}: {class_name} has no session_config; "
            f'write session_config = SessionConfig(name="…") in its body'
        )
    call = values[-1]
    if isinstance(call, ast.Call) and meaning(source, call.func).rpartition(".")[2] == "SessionConfig":
        return call
    if isinstance(call, ast.Call) and _keyword(call, "version"):  # dataclasses.replace, or a function of the project
        return call
    raise EditError(
        f"line {call.lineno}: the session_config of {class_name} is not written as SessionConfig(…); write it so there"
    )


def _assigned(node: ast.stmt) -> Iterator[ast.expr]:
    match node:
        case ast.Assign(targets=[ast.Name(id="session_config")], value=value):
            yield value
        case ast.AnnAssign(target=ast.Name(id="session_config"), value=ast.expr() as value):
            yield value
        case _:
            return


def _keyword(call: ast.Call, name: str) -> ast.keyword | None:
    return next((keyword for keyword in call.keywords if keyword.arg == name), None)


def _added(source: Source, call: ast.Call, argument: str, *, after: tuple[str, ...]) -> tuple[Splice, ...]:
    """The edits that add an argument behind the first that is there of those named `after`."""
    spread = next((keyword for keyword in call.keywords if keyword.arg is None), None)
    if spread is not None:
        raise EditError(f"line {spread.lineno}: what ** passes cannot be seen; write {argument} in this call yourself")
    before = next((keyword for name in after if (keyword := _keyword(call, name))), None)
    if before is None:
        raise EditError(f'line {call.lineno}: this SessionConfig has no name; write name="…" first')
    end = source.end(before)
    following = [source.start(keyword) for keyword in call.keywords if source.start(keyword) > end]
    has_own_line = source.text[: source.start(before)].endswith(f"\n{source.indent(before.lineno)}")
    rest = source.text[end : source.line_end(before.end_lineno or before.lineno)]
    has_comma = "," in rest.partition("#")[0]
    if not has_own_line or (following and (following[0] <= end + len(rest) or not has_comma)):
        return (Splice(end, end, f", {argument}"),)
    return _on_own_line(source, before, argument, has_comma=has_comma, is_last=not following)


def _on_own_line(
    source: Source, before: ast.keyword, argument: str, *, has_comma: bool, is_last: bool
) -> tuple[Splice, ...]:
    """Below the line of an argument, so that the comment on that line stays with it."""
    end, line_end = source.end(before), source.line_end(before.end_lineno or before.lineno)
    line = f"\n{source.indent(before.lineno)}{argument}"
    if has_comma:
        return (Splice(line_end, line_end, f"{line},"),)
    if not is_last or source.text[end:line_end].partition("#")[0].strip():  # `)` on the same line
        return (Splice(end, end, f",{line}"),)
    return Splice(end, end, ","), Splice(line_end, line_end, line)
