"""The session models of a project: found, imported, and told apart by name."""

import json
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

from pydantic import PydanticUserError

from typed_sessions.model import SessionModel
from typed_sessions.project.frozen import FrozenModules
from typed_sessions.project.importing import Failure, importable, imported
from typed_sessions.project.project import Project
from typed_sessions.project.scanning import Source, config_lines, sources, sources_in
from typed_sessions.shapes.lock import Lock, LockError, read_lock


@dataclass(frozen=True, slots=True)
class Declared:
    """A session model, the file that declares it, and there the line of its `session_config`."""

    model: type[SessionModel]
    path: Path
    line: int = 1

    @property
    def name(self) -> str:
        return self.model.session_config.name

    @property
    def class_name(self) -> str:
        """The qualified name of the class as its file has it, without type parameters."""
        return _origin(self.model).__qualname__

    @property
    def location(self) -> str:
        """As the lock has it: `shop.cart:Cart`."""
        return f"{self.model.__module__}:{self.class_name}"


@dataclass(frozen=True, slots=True)
class Discovery:
    """The session models of a project by name, and what kept others from being found."""

    models: Mapping[str, Declared]
    failures: tuple[Failure, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """What kept models from being found, as sentences with their places."""
        return tuple(map(str, self.failures))

    def pin(self) -> str:
        """The line of pyproject.toml that spares the search."""
        return f"models = {json.dumps(sorted({each.model.__module__ for each in self.models.values()}))}"


def discover(project: Project, /) -> Discovery:
    """The session models of a project.

    It imports the modules that `models` names, or those in which it finds session models by their text. It works while
    histories are unfinished and generated modules are stale or missing; a module that does not import is a problem in
    the result. Nothing is written, and the modules are forgotten again: use `discovering` to run code of theirs.

    Raises:
        ProjectError: nothing says that here is a project, and no session model lies here.
    """
    with discovering(project) as found:
        return found


@contextmanager
def discovering(project: Project, /) -> Generator[Discovery]:
    """The same, while the project's modules can be imported, as its steps may do when they run."""
    with importable(project, FrozenModules(project, _lock(project))):
        modules, failures = _modules(project)
        classes = {id(each): each for module, is_named in modules for each in _classes(module, is_named=is_named)}
        declared, doubts = _told_apart([_declared(each) for each in _chosen(classes.values())], project)
        unfinished = filter(None, (_completed(each, project) for each in declared.values()))
        yield Discovery(declared, _once([*failures, *doubts, *unfinished]))


def _once(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """Each failure once: one broken line fails every module that imports it."""
    found: dict[tuple[str | None, int | None, str], Failure] = {}
    for each in failures:
        found.setdefault(each.cause, each)
    return tuple(found.values())


def _lock(project: Project) -> Lock:
    """The frozen shapes, or none if they cannot be read: that is for those to say who need them."""
    with suppress(LockError):
        return read_lock(project.lock)
    return Lock()


def _modules(project: Project) -> tuple[list[tuple[ModuleType, bool]], list[Failure]]:
    """The modules to look at, each with whether it is named in `models`; and what failed."""
    if not project.models:
        return _from(sources(project), project)
    modules: list[tuple[ModuleType, bool]] = []
    failures: list[Failure] = []
    for name in project.models:
        module, failed = imported(name, project)
        inner, inner_failed = _from(_sources_of(name, module), project)
        modules += [*([(module, True)] if module else []), *inner]
        failures += [*failed, *inner_failed]
        if module and not failed and not inner_failed and not inner and not list(_classes(module, is_named=True)):
            failures.append(Failure(f"models names {name}, which declares no session model; correct it there"))
    return modules, failures


def _sources_of(name: str, module: ModuleType | None) -> list[Source]:
    folders: Iterable[str] = getattr(module, "__path__", ())
    return [each for folder in folders for each in sources_in(Path(folder).resolve(), name)]


def _from(found: Iterable[Source], project: Project) -> tuple[list[tuple[ModuleType, bool]], list[Failure]]:
    modules: list[tuple[ModuleType, bool]] = []
    failures: list[Failure] = []
    for each in found:
        if each.broken:
            line, reason = each.broken
            failures.append(Failure(f"{each.module} cannot be parsed: {reason}", project.shown(each.path), line))
            continue
        module, failed = imported(each.module, project)
        failures += failed
        if module and _file(module) == each.path.resolve():
            modules.append((module, False))
        elif module and not failed:
            failures.append(_shadowed(each, module, project))
    return modules, failures


def _shadowed(wanted: Source, module: ModuleType, project: Project) -> Failure:
    return Failure(
        f"importing {wanted.module} gives {_file(module) or 'another module'}; name the folder in which imports start: "
        f"paths in [tool.typed-sessions]",
        project.shown(wanted.path),
    )


def _file(module: ModuleType) -> Path | None:
    file: str | None = getattr(module, "__file__", None)
    return Path(file).resolve() if file else None


def _classes(module: ModuleType, *, is_named: bool) -> Iterator[type[SessionModel]]:
    """The session models that a module declares; if it is named in `models`, those that it imports too."""
    waiting: list[object] = list(vars(module).values())
    seen = set[int]()
    while waiting:
        value = waiting.pop(0)
        if not _is_class(value) or id(value) in seen:
            continue
        seen.add(id(value))
        is_own = value.__module__ == module.__name__
        if issubclass(value, SessionModel) and hasattr(value, "session_config") and (is_own or is_named):
            yield value
        if is_own:
            waiting += vars(value).values()


def _is_class(value: object) -> TypeGuard[type[object]]:
    return isinstance(value, type)


def _chosen(classes: Iterable[type[SessionModel]]) -> list[type[SessionModel]]:
    """Without generic classes of which a parametrization is known: that says what is stored."""
    found = list(classes)
    filled = {_origin(each) for each in found if _is_filled(each)}
    return [each for each in found if _is_filled(each) or each not in filled]


def _origin(model: type[SessionModel]) -> type[SessionModel]:
    return model.__pydantic_generic_metadata__["origin"] or model  # type: ignore[return-value]  # a session model's own


def _is_filled(model: type[SessionModel]) -> bool:
    metadata = model.__pydantic_generic_metadata__
    return metadata["origin"] is not None and not metadata["parameters"]


def _declared(model: type[SessionModel]) -> Declared:
    path = _file(sys.modules[model.__module__]) or Path()
    return Declared(model, path, config_lines(path).get(_origin(model).__qualname__, 1))


def _told_apart(found: list[Declared], project: Project) -> tuple[dict[str, Declared], list[Failure]]:
    """The models by name, and a failure for each that comes second under its name."""
    models: dict[str, Declared] = {}
    failures: list[Failure] = []
    for each in found:
        first = models.setdefault(each.name, each)
        if first is not each:
            places = f"{first.location} ({project.shown(first.path)}:{first.line}) and {each.location}"
            failures.append(
                Failure(
                    f"{places} both have the name {each.name!r}; give one another name, or say which modules count: "
                    f"models in [tool.typed-sessions] of pyproject.toml",
                    project.shown(each.path),
                    each.line,
                )
            )
    return dict(sorted(models.items())), failures


def _completed(declared: Declared, project: Project) -> Failure | None:
    """Resolve what a model refers to while that can still be imported."""
    try:
        declared.model.model_rebuild()
    except (PydanticUserError, NameError) as error:
        reason = str(error).partition("\n")[0]
        sentence = f"{declared.location} cannot be built: {reason}; import at run time what its fields name"
        return Failure(sentence, project.shown(declared.path), declared.line)
    return None
