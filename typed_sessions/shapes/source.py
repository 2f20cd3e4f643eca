"""The Python source of a frozen history: closed TypedDicts of every version, and the abstract steps between them."""

import io
import keyword
import re
import tokenize
from collections.abc import Iterator, Mapping
from typing import Final

from typed_sessions.shapes.canonical import fingerprint
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion
from typed_sessions.shapes.nodes import Node, reachable, root_of
from typed_sessions.shapes.types import notes, type_text

STUBS: Final = "typed_sessions_frozen"
"""The package of stubs, in stubs mode."""

_WORDS: Final = frozenset({"Any", "Literal", "NotRequired", "bool", "dict", "float", "int", "list", "str"})
"""What annotations are made of: a field of this name would hide it from those below."""
_HEAD: Final = '''\
"""Frozen shapes of the session "{name}". Written by `typed-sessions revision`; do not edit."""

# ruff: noqa
# fmt: off
# isort: skip_file
'''
_IMPORTS: Final = (
    ("abc", ("ABC", "abstractmethod")),
    ("collections.abc", ("Mapping",)),
    ("typing", ("Any", "ClassVar", "Literal")),
    ("typing_extensions", ("NotRequired", "TypedDict")),
    ("typed_sessions", ("History",)),
)
_RUNTIME: Final = """
# pyright: reportMissingModuleSource=false

from pathlib import Path
from typing import TYPE_CHECKING

from typed_sessions.shapes.thaw import thaw

if TYPE_CHECKING:
{names}
else:
    globals().update(thaw(__name__, "{name}", Path(__file__).parent / "{lock}"))
"""


def module_name(session: str) -> str:
    """The name of the generated module of a session, whose own name may hold dots and dashes."""
    name = re.sub(r"\W", "_", session)
    return f"{name}_" if keyword.iskeyword(name) else name


def module_source(history: FrozenHistory) -> str:
    """The generated module of a history, `_frozen/<name>.py`; as a stub, it is `typed_sessions_frozen/<name>.pyi`."""
    records = _Records(history)
    body = "\n\n".join(f"{part}\n" for part in [*records.sources, _upcasts(history)])
    return f"{_HEAD.format(name=history.name)}\nfrom __future__ import annotations\n{_imports(body)}\n\n{body}"


def _imports(body: str) -> str:
    """Those that a module needs, for strict type checkers mind the others."""
    tokens = [(token.type, token.string) for token in tokenize.generate_tokens(io.StringIO(body).readline)]
    # The types of keys that are no identifiers stand in strings.
    used = {text for kind, text in tokens if kind == tokenize.NAME}
    used |= {word for kind, text in tokens if kind == tokenize.STRING for word in re.findall(r"\w+", text)}
    groups: list[str] = []
    for module, names in _IMPORTS:
        needed = [name for name in names if name in used]
        gap = "\n" if module in ("abc", "typing_extensions", "typed_sessions") else ""
        groups += [f"{gap}from {module} import {', '.join(needed)}\n"] if needed else []
    return "".join(groups)


def runtime_source(history: FrozenHistory, *, lock: str) -> str:
    """What stands in place of the generated module where the types lie in a stub.

    Args:
        history: the history.
        lock: the path of `sessions.lock` from the folder of this module, with `/`.
    """
    stub = f"{STUBS}.{module_name(history.name)}"
    names = [f"    from {stub} import {name} as {name}" for name in exported(history)]
    runtime = _RUNTIME.format(names="\n".join(names), name=history.name, lock=lock)
    return _HEAD.format(name=history.name) + runtime


def exported(history: FrozenHistory) -> list[str]:
    """The names that a generated module defines."""
    return ["Upcasts", *sorted(_Records(history).names)]


def record_names(history: FrozenHistory, version: int) -> Mapping[str, str]:
    """What the TypedDicts of a version are called, by the names of the definitions in its schema."""
    return _Records(history).of[version]


class _Records:
    """The TypedDicts of all versions. Those inside are shared between versions while they do not change."""

    def __init__(self, history: FrozenHistory) -> None:
        self.names: set[str] = set()
        self.sources: list[str] = []
        self.of: dict[int, Mapping[str, str]] = {}
        self._known: dict[tuple[str, str], str] = {}
        for version in history.versions:
            self._add(version)

    def _add(self, version: FrozenVersion) -> None:
        top = root_of(version.schema)
        title = f"V{version.version}"
        here: dict[str, str] = {}
        self.of[version.version] = here
        self.names.add(title)
        if top.definition is not None:
            here[top.definition] = title
        new = [name for name in self._inner(top) if name not in here and self._is_new(top, name, title, here)]
        named = _Names(here)
        self.sources += [_record(here[name], top.at(top.definitions[name]), named) for name in new]
        self.sources.append(_record(title, top.resolved(), named))

    def _inner(self, top: Node) -> Iterator[str]:
        """The definitions of records, those that others use first."""
        for name, schema in reversed(reachable(top).items()):
            if top.at(schema).resolved().is_record:
                yield name

    def _is_new(self, top: Node, definition: str, title: str, here: dict[str, str]) -> bool:
        base = _identifier(definition)
        place = top.at({"$ref": f"#/$defs/{definition}"})
        same = (base, fingerprint(place))
        if same in self._known:
            here[definition] = self._known[same]
            return False
        name = here[definition] = self._known[same] = self._free(title + base)
        self.names.add(name)
        return True

    def _free(self, wanted: str) -> str:
        name, count = wanted, 2
        while name in self.names:
            name, count = f"{wanted}_{count}", count + 1
        return name


class _Names:
    """What the records of one version are called."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def __call__(self, node: Node) -> str:
        assert node.definition is not None  # Pydantic defines every record but the top
        return self._names[_last(node)]


def _last(node: Node) -> str:
    """The definition of the record itself, behind those that only refer to it."""
    name = node.definition
    assert name is not None
    further = node.at(node.definitions[name])
    return name if further.definition is None else _last(further)


def _record(title: str, node: Node, named: _Names) -> str:
    fields = {name: (_field_type(node, name, child, named), notes(child)) for name, child in node.properties().items()}
    closed = "" if node.is_open else ", closed=True"
    if all(map(_fits_a_class, fields)):
        lines = [f"    {name}: {text}{_comment(said)}" for name, (text, said) in fields.items()]
        return "\n".join([f"class {title}(TypedDict{closed}):", *(lines or ["    pass"])])
    lines = [f'        {name!r}: "{_quoted(text)}",{_comment(said)}' for name, (text, said) in fields.items()]
    return "\n".join([f"{title} = TypedDict(", f"    {title!r},", "    {", *lines, f"    }}{closed},", ")"])


def _fits_a_class(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("__") and name not in _WORDS


def _field_type(record: Node, name: str, node: Node, named: _Names) -> str:
    text = type_text(node, named)
    return text if record.is_required(name) else f"NotRequired[{text}]"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _comment(said: list[str]) -> str:
    # A format is any text, and must not end the line.
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: ascii(found[0])[1:-1], "; ".join(said))
    return f"  # {text}" if text else ""


def _upcasts(history: FrozenHistory) -> str:
    readers = ", ".join(f"{each.version}: {each.min_reader}" for each in history.versions)
    shapes = ", ".join(f"{each.version}: V{each.version}" for each in history.versions)
    lines = [
        "class Upcasts(History, ABC):",
        f'    """The steps of "{history.name}" from version to version; write each in a subclass."""',
        "",
        f"    name: ClassVar[str | None] = {history.name!r}",
        f"    oldest: ClassVar[int] = {history.oldest}",
        f"    head: ClassVar[int | None] = {history.head}",
        f"    min_reader: ClassVar[Mapping[int, int]] = {{{readers}}}",
        f"    shapes: ClassVar[Mapping[int, type]] = {{{shapes}}}",
    ]
    return "\n".join([*lines, *(line for each in history.versions[1:] for line in _step(each.version - 1))])


def _step(source: int) -> list[str]:
    return [
        "",
        "    @staticmethod",
        "    @abstractmethod",
        f"    def v{source}_to_v{source + 1}(old: V{source}, /) -> V{source + 1}: ...",
    ]


def _identifier(text: str) -> str:
    """A class name in CamelCase of the name of a definition, such as `Page_int_` or `shop__cart__Line`."""
    parts = re.split(r"[^0-9A-Za-z\u0080-\U0010ffff]+", text.rpartition("__")[2] or text)
    return "".join(part[:1].upper() + part[1:] for part in parts) or "Part"
