"""One session model against what is frozen of it."""

from collections.abc import Iterator

from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

from typed_sessions.checking.findings import Finding, FindingKind
from typed_sessions.checking.lineage import was_frozen
from typed_sessions.history import JsonObject
from typed_sessions.project.discovery import Declared
from typed_sessions.project.project import Project
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.changes import ITEMS, VALUES, ShapeChange, alternative, changes
from typed_sessions.shapes.lock import FrozenHistory
from typed_sessions.shapes.nodes import Node, root_of
from typed_sessions.shapes.stored import stored_schema
from typed_sessions.sorted_set import SORTED


def model_findings(
    declared: Declared, history: FrozenHistory | None, project: Project, *, is_released: bool = True
) -> Iterator[Finding]:
    """What is wrong with a session model: not frozen, drifted from its frozen head, another version; and warnings.

    A head that is known not to be released (`is_released`) may be frozen anew, instead of being followed by another.
    """
    if not declared.model.__pydantic_complete__:
        return  # discovery told why
    about = _About(declared, project)
    try:
        schema = stored_schema(declared.model)
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        yield about.finding("shape", f"its shape cannot be told: {reason}", "give the field a type that JSON has")
        return
    if history is None and was_frozen(declared):
        yield about.finding("not-frozen", about.loss, f"git checkout HEAD -- {project.shown(project.lock)}")
    elif history is None:
        yield about.finding("not-frozen", "it is not frozen yet", about.revision("first version"))
    else:
        yield from _against_head(about, history, schema, is_released=is_released)
        yield from _readers(declared, history, about)
    yield from _warnings(about, root_of(schema))


class _About:
    """Makes the findings about one model."""

    def __init__(self, declared: Declared, project: Project) -> None:
        self.declared = declared
        self.version = declared.model.session_config.version
        self._path = project.shown(declared.path)
        self._lock = project.lock

    @property
    def loss(self) -> str:
        """What became of the frozen shapes."""
        gone = f"{self._lock.name} lacks it" if self._lock.is_file() else f"{self._lock.name} is gone"
        return f"{gone}, although the class has version {self.version} and was frozen"

    def finding(
        self, kind: FindingKind, sentence: str, next_step: str, differences: tuple[ShapeChange, ...] = ()
    ) -> Finding:
        return Finding(
            kind=kind,
            session=self.declared.name,
            sentence=sentence,
            next_step=next_step,
            path=self._path,
            line=self.declared.line,
            changes=differences,
        )

    def revision(self, message: str) -> str:
        return f'typed-sessions revision {self.declared.name} -m "{message}"'


def _against_head(about: _About, history: FrozenHistory, schema: JsonObject, *, is_released: bool) -> Iterator[Finding]:
    frozen = history.of(history.head).schema
    differences = () if is_same(frozen, schema) else changes(frozen, schema)
    if about.version < history.head:
        sentence = f"the class has version {about.version} and its frozen head is version {history.head}"
        yield about.finding("version", sentence, f"set version={history.head} in session_config", differences)
    elif about.version > history.head:
        sentence = f"version {about.version} is not frozen; the frozen head is version {history.head}"
        yield about.finding("version", sentence, about.revision("what changed"), differences)
    elif not is_same(frozen, schema):
        sentence = f"the shape differs from the frozen version {history.head}"
        amend = f"typed-sessions revision {history.name} --amend"
        yield about.finding("drifted", sentence, about.revision("what changed") if is_released else amend, differences)


def _readers(declared: Declared, history: FrozenHistory, about: _About) -> Iterator[Finding]:
    given = declared.model.session_config.readable_from
    frozen = history.of(history.head).min_reader
    if given is not None and about.version == history.head and given < frozen:
        sentence = f"readable_from={given} lets code read it that cannot: only code from version {frozen} on does"
        yield about.finding("readers", sentence, "take readable_from out of session_config; the frozen history says it")


def _warnings(about: _About, root: Node) -> Iterator[Finding]:
    for path, node in _places(root):
        if node.schema.get("uniqueItems") and SORTED not in node.schema:
            sentence = f"{path} is a set, which each process stores in another order, so that it seems to have changed"
            yield about.finding("unordered-set", sentence, "declare it as SortedSet, or as a list")
        if node.is_record and node.is_open:
            sentence = f"{path or 'the session'} takes any field (extra='allow'), so that a misspelt one is stored"
            yield about.finding("open-model", sentence, "forbid it with extra='forbid' where you can")


def _places(root: Node) -> Iterator[tuple[str, Node]]:
    """Every place of a shape with its path; of a definition that is used twice, the first."""
    waiting: list[tuple[str, Node]] = [("", root)]
    seen = set[str]()
    while waiting:
        path, node = waiting.pop(0)
        if node.definition in seen:
            continue
        seen.update({node.definition} if node.definition else set[str]())
        here = node.resolved()
        yield path, here
        waiting += [(f"{path}.{name}" if path else name, child) for name, child in here.properties().items()]
        waiting += [(path + ITEMS, child) for child in here.inner()]
        waiting += [(path + VALUES, child) for child in filter(None, [here.values()])]
        members = [each for each in here.members() if each.resolved().schema.get("type") != "null"]
        # The only alternative beside None needs no name, as in what `changes` says.
        waiting += [(path if len(members) == 1 else f"{path}<{alternative(each)}>", each) for each in members]
