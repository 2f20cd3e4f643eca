"""The imports of a Python file: what a name stands for, and where a new import goes."""

import ast
from collections.abc import Iterator

from typed_sessions.editing.edit import EditError, Source, Splice, statements


def bindings(source: Source) -> dict[str, str]:
    """What the names of a file stand for: `{"frozen": "shop._frozen.cart", "Cart": "this file's Cart"}`.

    A relative import keeps its dots, as in `"._frozen.cart"`.
    """
    return {name: dotted for node in statements(source.tree.body) for name, dotted in _bound(node)}


def _bound(node: ast.stmt) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Import(names):
            for alias in names:
                yield alias.asname or alias.name.split(".")[0], alias.name if alias.asname else alias.name.split(".")[0]
        case ast.ImportFrom(module=module, names=names, level=level):
            for alias in names:
                yield alias.asname or alias.name, f"{'.' * level}{module or ''}.{alias.name}"
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name, own(name)
        case ast.Assign(targets=targets):
            yield from ((target.id, own(target.id)) for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name, own(name)
        case _:
            return


def own(name: str) -> str:
    """What a name stands for that the file itself defines."""
    return f"this file's {name}"


def is_same(written: str, dotted: str) -> bool:
    """True if a name stands for `dotted`. A relative import is taken at its word, as far as it goes."""
    return written == dotted or (written.startswith(".") and dotted.endswith(f".{written.lstrip('.')}"))


def meaning(source: Source, node: ast.expr) -> str:
    """The dotted name that an expression stands for: of `frozen.Upcasts` `shop._frozen.cart.Upcasts`, say.

    Empty for anything but names and attributes.
    """
    match node:
        case ast.Name(id=name):
            return bindings(source).get(name, name)
        case ast.Attribute(value=value, attr=attr):
            inner = meaning(source, value)
            return f"{inner}.{attr}" if inner else ""
        case _:
            return ""


def is_from_package(dotted: str, name: str) -> bool:
    """True if a dotted name is `name` of typed_sessions, from whichever of its modules."""
    return dotted.startswith("typed_sessions.") and dotted.rpartition(".")[2] == name


def import_of(dotted: str, *, name: str) -> str:
    """The statement that makes `shop._frozen.cart` known as `name`."""
    module, _, last = dotted.rpartition(".")
    given = last if name == last else f"{last} as {name}"
    return f"from {module} import {given}" if module else f"import {given}"


def import_splices(source: Source, dotted: str, *, name: str, above: ast.ClassDef) -> tuple[Splice, ...]:
    """The edits that make `dotted` known as `name` to a class: none if it is already.

    The import joins those of the same package in their order, else it follows the last import of the file. Never
    inside `if TYPE_CHECKING:`, where the running program would not see it.

    Raises:
        EditError: the name stands for something else.
    """
    known = _at_run_time(source).get(name)
    if known is None:
        return (_placed(source, import_of(dotted, name=name), dotted, above=above),)
    if is_same(known, dotted):
        return ()
    raise EditError(f"{name} stands for {known} in this file, and {dotted} needs the name; rename the other")


def _at_run_time(source: Source) -> dict[str, str]:
    return {name: dotted for node in source.tree.body for name, dotted in _bound(node)}


def swapped_import(source: Source, old: str, dotted: str, *, name: str, above: ast.ClassDef) -> tuple[Splice, ...]:
    """As `import_splices`, and drop the import of `old`, if its one use goes with this edit.

    A comment is never dropped, and neither is an import that stands alone, unless the new one can take its place.
    """
    added = import_splices(source, dotted, name=name, above=above)
    uses = [node for node in ast.walk(source.tree) if isinstance(node, ast.Name) and node.id == old]
    imports = [node for node in source.tree.body if isinstance(node, ast.ImportFrom)]
    found = [(node, alias) for node in imports for alias in node.names if (alias.asname or alias.name) == old]
    if len(uses) != 1 or len(found) != 1:
        return added
    node, alias = found[0]
    if len(node.names) > 1:
        return (*added, *_dropped(source, node, alias))
    place = Splice(source.start(node), source.end(node), import_of(dotted, name=name))
    return (place,) if added and "#" not in source.text[place.start : place.end] else added


def _dropped(source: Source, node: ast.ImportFrom, alias: ast.alias) -> tuple[Splice, ...]:
    place = node.names.index(alias)
    is_last = place == len(node.names) - 1
    start = source.end(node.names[place - 1]) if is_last else source.start(alias)
    end = source.end(alias) if is_last else source.start(node.names[place + 1])
    return () if "#" in source.text[start:end] else (Splice(start, end, ""),)


def _placed(source: Source, statement: str, dotted: str, *, above: ast.ClassDef) -> Splice:
    imports = [
        node
        for node in source.tree.body
        if isinstance(node, ast.Import | ast.ImportFrom) and node.lineno < above.lineno
    ]
    package, module = dotted.partition(".")[0], dotted.rpartition(".")[0]
    mates = [node for node in imports if isinstance(node, ast.ImportFrom) and _is_mate(node, package)]
    later = [node for node in mates if (node.module or "") > module]
    ordinary = [node for node in imports if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")]
    if mates and later == mates and _is_alone(source, mates[0]):
        start = source.starts[mates[0].lineno - 1]
        return Splice(start, start, f"{statement}\n")
    if mates:
        earlier = [node for node in mates if node not in later]
        return _below(source, (earlier or mates)[-1], f"\n{statement}")
    if ordinary:
        return _below(source, ordinary[-1], f"\n\n{statement}")
    return _first(source, statement)


def _is_mate(node: ast.ImportFrom, package: str) -> bool:
    return node.level == 0 and (node.module or "").split(".")[0] == package


def _is_alone(source: Source, node: ast.stmt) -> bool:
    return source.line(node.lineno)[: node.col_offset].strip() == "" and not source.line(node.lineno).startswith(
        "\ufeff"
    )


def _below(source: Source, node: ast.stmt, text: str) -> Splice:
    place = _line_end_below(source, node)
    return Splice(place, place, text)


def _line_end_below(source: Source, node: ast.stmt) -> int:
    """The end of the line on which a statement ends, and with it all that share this line."""
    end = node.end_lineno or node.lineno
    for other in source.tree.body:
        if node.lineno < other.lineno <= end or other.lineno == end:
            end = max(end, other.end_lineno or end)
    return source.line_end(end)


def _first(source: Source, statement: str) -> Splice:
    """Below the docstring and `from __future__`, if the file has them, else below the comments at its top."""
    future = [node for node in source.tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    documented = source.tree.body[:1] if ast.get_docstring(source.tree, clean=False) is not None else []
    head = future or documented
    if head:
        return _below(source, head[-1], f"\n\n{statement}")
    line = 1
    while line < len(source.starts) and source.line(line).startswith("#"):
        line += 1
    place = source.starts[line - 1]
    return Splice(place, place, f"{statement}\n" if source.text[place:].strip() else statement)
