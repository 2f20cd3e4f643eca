"""What may import what, and how to see that something does. The rules themselves stand in the tests."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = "typed_sessions"
ROOT = Path(__file__).parent.parent
SOURCE = ROOT / PACKAGE
FACADE = ""

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "key", "record", "clock", "limits"}),
    frozenset({"model", "history", "settings", "json_kinds", "sorted_set"}),
    frozenset({"codec", "upcast", "problems", "storable", "round_trip", "unknown", "shapes"}),
    frozenset(
        {
            "events",
            "hooks",
            "merge",
            "observer",
            "opened",
            "plan",
            "quarantined",
            "stores.protocol",
            "stores.by_url",
            "stores.diagnosis",
        }
    ),
    frozenset(
        {
            "blocking",
            "cleaning",
            "engine",
            "group",
            "quarantine",
            "session",
            "sessions",
            "sync",
            "sync_cleaning",
            "sync_upkeep",
            "turn",
            "turnstile",
            "upkeep",
            "watched",
        }
    ),
    frozenset({"stores"}),
    frozenset({FACADE}),
    frozenset(
        {
            "integrations",
            "importing",
            "migrations",
            "revision_file",
            "transfer",
            "project",
            "editing",
            "drafting",
            "eager",
            "mypy_plugin",
        }
    ),
    frozenset({"testing", "checking"}),
    frozenset({"revising"}),
    frozenset({"cli"}),
)
"""From the bottom up; a package stands for all that is in it and not named itself."""

OPTIONAL: Mapping[str, frozenset[str]] = {
    "sqlalchemy": frozenset(
        {"stores.sqlalchemy", "integrations.takeover", "migrations", "eager", "importing", "revision_file", "cli"}
    ),
    "alembic": frozenset({"stores.sqlalchemy", "migrations", "eager", "revision_file", "cli"}),
    "pydantic_settings": frozenset({"settings"}),
    "aiogram": frozenset({"integrations.aiogram", "testing.bots.aiogram"}),
    "fastapi": frozenset({"integrations.fastapi"}),
    "flask": frozenset({"integrations.flask"}),
    "itsdangerous": frozenset({"integrations.takeover"}),
    "litestar": frozenset({"integrations.litestar"}),
    "msgspec": frozenset({"integrations.takeover", "integrations.litestar"}),
    "starlette": frozenset({"integrations.fastapi"}),
    "starsessions": frozenset({"integrations.starsessions"}),
    "aiohttp": frozenset({"testing.bots"}),
    "bson": frozenset({"importing", "stores.mongo"}),
    "pymongo": frozenset({"importing", "stores.mongo"}),
    "opentelemetry": frozenset({"integrations.otel"}),
    "redis": frozenset({"importing", "stores.redis"}),
    "telegram": frozenset({"integrations.telegram", "testing.bots.telegram"}),
    "anyio": frozenset({"testing"}),
    "pytest": frozenset({"testing"}),
    "hypothesis": frozenset({"testing"}),
    "jsonschema": frozenset({"testing"}),
    "mypy": frozenset({"mypy_plugin"}),
    "rich": frozenset({"cli"}),
    "typer": frozenset({"cli"}),
    "aiosqlite": frozenset({"stores.sqlalchemy"}),
    "asyncmy": frozenset({"stores.sqlalchemy"}),
    "asyncpg": frozenset({"stores.sqlalchemy"}),
    "psycopg": frozenset({"stores.sqlalchemy"}),
    "pymysql": frozenset({"stores.sqlalchemy"}),
}
"""Libraries that not everybody has or wants to load, and the places that may import them."""

STORE_CHECK = re.compile(r"isinstance\(\s*(self\.)?_?store\b")
MACHINE_PATH = re.compile(r"(?<![\w.:/}-])/(root|home|work|opt|Users|mnt|srv)/\w[\w./-]*")


@dataclass(frozen=True, slots=True)
class Import:
    """One name that a module imports, and whether that happens as soon as the module is loaded."""

    name: str
    at_once: bool


def modules() -> dict[str, str]:
    """The source of every module of the package by its dotted name, the package's own name left out."""
    return {module_name(path.relative_to(SOURCE)): path.read_text() for path in sorted(SOURCE.rglob("*.py"))}


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str) -> list[Import]:
    """What a module imports when it runs: `if TYPE_CHECKING:` does not count."""
    return list(_imports(ast.parse(source).body, at_once=True))


def _imports(nodes: Iterable[ast.AST], *, at_once: bool) -> Iterator[Import]:
    for node in nodes:
        match node:
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                yield from _imports(node.orelse, at_once=at_once)
            case ast.Import(names):
                yield from (Import(alias.name, at_once) for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from (Import(f"{module}.{alias.name}", at_once) for alias in names)
            case ast.ImportFrom():
                yield Import(f"{PACKAGE}.relative_import", at_once)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _imports(node.body, at_once=False)
            case _:
                yield from _imports(ast.iter_child_nodes(node), at_once=at_once)


def own_imports(source: str, known: Iterable[str], *, at_once: bool = False) -> set[str]:
    """The modules of the package that a source imports; only those `at_once`, if so asked."""
    found = (item.name for item in imports(source) if item.at_once or not at_once)
    return {_module(name, frozenset(known)) for name in found if name.split(".")[0] == PACKAGE}


def _module(name: str, known: frozenset[str]) -> str:
    """The module that an imported name is, or is from."""
    inner = name.partition(".")[2]
    return inner if inner in known else inner.rpartition(".")[0]


def layer(module: str) -> int | None:
    """The number of a module's layer, or None if it was given none."""
    for place in _places(module):
        for number, names in enumerate(LAYERS):
            if place in names:
                return number
    return None


def _places(module: str) -> Iterator[str]:
    """The module, then the packages that it lies in. The facade holds nothing but itself."""
    parts = module.split(".")
    return (".".join(parts[:length]) for length in range(len(parts), 0, -1))


def upward_imports(sources: Mapping[str, str]) -> list[str]:
    """Imports of a higher layer, as sentences."""
    pairs = [(name, other) for name, source in sources.items() for other in own_imports(source, sources)]
    return sorted(
        f"{name or PACKAGE} imports {other or PACKAGE}"
        for name, other in pairs
        if (layer(other) or 0) > (layer(name) or 0)
    )


def cycle(sources: Mapping[str, str]) -> list[str]:
    """Modules that import each other while they are loaded; empty if there are none."""
    graph = {name: own_imports(source, sources, at_once=True) for name, source in sources.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def strays(sources: Mapping[str, str]) -> list[str]:
    """Optional libraries that are imported outside their places, as sentences."""
    found = [(name, item.name.split(".")[0]) for name, source in sources.items() for item in imports(source)]
    return sorted(
        f"{name or PACKAGE} imports {library}"
        for name, library in found
        if library in OPTIONAL and not OPTIONAL[library].intersection(_places(name))
    )


def facade_faults(source: str) -> list[str]:
    """What does not belong in a facade, and an `__all__` that is missing or out of order.

    A name whose module is slow to load may come by way of `__getattr__`.
    """
    body = ast.parse(source).body
    faults = [f"line {node.lineno}: {type(node).__name__}" for node in body if not _belongs_in_a_facade(node)]
    listed = [
        ast.literal_eval(node.value) for node in body if isinstance(node, ast.Assign) and _assigns(node, "__all__")
    ]
    is_sorted = len(listed) == 1 and listed[0] == sorted(listed[0])
    return faults if is_sorted else [*faults, "__all__ is missing or not sorted"]


def _belongs_in_a_facade(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(ast.Constant()) | ast.ImportFrom() | ast.FunctionDef("__getattr__"):
            return True
        case ast.If(test=ast.Name("TYPE_CHECKING"), orelse=[]):
            return True
        case _:
            return _assigns(node, "__all__") or _assigns(node, "__version__")


def _assigns(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name


def long_functions(source: str, limit: int) -> list[str]:
    """Functions of more than `limit` lines, without decorators and docstring."""
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [node.name for node in functions if _length(node) > limit]


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    documented = node.body[0] if ast.get_docstring(node) else None
    docstring = (documented.end_lineno or 0) - documented.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def machine_paths(text: str, *more: str) -> list[str]:
    """Paths that exist on somebody's machine only; `more` are further texts that must not occur."""
    return [found.group() for found in MACHINE_PATH.finditer(text)] + [path for path in more if path in text]
