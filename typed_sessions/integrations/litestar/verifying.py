"""Whether the handlers of an application get what they ask for."""

from collections.abc import Collection, Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin

from litestar.di import Provide
from litestar.handlers import BaseRouteHandler

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.litestar.dependencies import OfModel
from typed_sessions.integrations.parameters import Manner, name_of
from typed_sessions.model import SessionModel
from typed_sessions.session import Session

Models: TypeAlias = Collection[type[SessionModel]]
Dependencies: TypeAlias = Mapping[str, Provide]


def verify(handler: BaseRouteHandler, models: Models, /) -> None:
    """Check that a handler, and what it depends on, gets the sessions that it asks for.

    No type checker knows what a dependency of a name gives, and Litestar fills a session model that nothing provides
    from the request: both are found here.

    Raises:
        SessionDefinitionError: it does not; it names each parameter, and what to write.
    """
    found = list(dict.fromkeys(_problems(handler, models)))
    if found:
        raise SessionDefinitionError("\n  ".join(["handlers ask for sessions that they do not get:", *found]))


def used_by(handler: BaseRouteHandler, /) -> dict[str, Provide]:
    """The dependencies of a handler, and those of these, by their names."""
    known, used = handler.resolve_dependencies(), dict[str, Provide]()
    names = {*handler.parsed_fn_signature.parameters}
    while names := (names & known.keys()) - used.keys():
        used |= {name: known[name] for name in names}
        names = {name for each in names for name in known[each].parsed_fn_signature.parameters}
    return used


def _problems(handler: BaseRouteHandler, models: Models) -> Iterator[str]:
    known, used = handler.resolve_dependencies(), used_by(handler)
    asking = [(str(handler), handler.parsed_fn_signature)]
    asking += [(name_of(each.dependency), each.parsed_fn_signature) for each in used.values()]
    for name, asked in asking:
        for parameter, field in asked.parameters.items():
            problem = _problem(parameter, field.annotation, known, models)
            if problem is not None:
                yield f"{name}: {problem}"


def _problem(parameter: str, annotation: Any, known: Dependencies, models: Models) -> str | None:  # noqa: ANN401 # whatever stands there
    given = known.get(parameter)
    if isinstance(given, OfModel):
        return _mismatch(parameter, annotation, given, known) or _unknown(parameter, given, models)
    if given is None and isinstance(annotation, type) and issubclass(annotation, SessionModel):
        model = annotation.__qualname__
        return f"`{parameter}: {model}` would come from the request; {_provided(annotation, Manner.DATA, known)}"
    return None


def _mismatch(parameter: str, annotation: Any, given: OfModel, known: Dependencies) -> str | None:  # noqa: ANN401 # see above
    if _fits(annotation, given):
        return None
    model, manner = _wish(annotation)
    other = "" if model is None else f"; or, for what it asks for, {_provided(model, manner, known)}"
    return (
        f"`{parameter}: {_written(annotation)}` gets {given}; "
        f"write `{parameter}: NamedDependency[{_form(given.model, given.manner)}]`{other}"
    )


def _unknown(parameter: str, given: OfModel, models: Models) -> str | None:
    model = given.model.__qualname__
    if given.model in models:
        return None
    return f"`{parameter}` gets {given}, but the visits have no {model}; add it: Visits(sessions, models=[…, {model}])"


def _fits(annotation: Any, given: OfModel) -> bool:  # noqa: ANN401 # see above
    """Whether it may be what the dependency gives. What cannot be known for certain, may."""
    made, members = get_origin(annotation) or annotation, get_args(annotation)
    if made in (Union, UnionType):
        return any(_fits(member, given) for member in members if member is not NoneType)
    if made is Any or not isinstance(made, type) or getattr(made, "_is_protocol", False):
        return True
    if given.manner is Manner.DATA or made is not Session or not members:
        return issubclass(given.model if given.manner is Manner.DATA else Session, made)
    return members[0] is Any or not isinstance(members[0], type) or issubclass(given.model, members[0])


def _wish(annotation: Any) -> tuple[type[SessionModel] | None, Manner]:  # noqa: ANN401 # see above
    is_handle = get_origin(annotation) is Session
    manner = Manner.HANDLE if is_handle else Manner.DATA
    model: Any = get_args(annotation)[0] if is_handle else annotation
    if isinstance(model, type) and issubclass(model, SessionModel):
        return model, manner
    return None, manner


def _provided(model: type[SessionModel], manner: Manner, known: Dependencies) -> str:
    """How to ask for it: by a name that it has, or by one that it is given."""
    form = _form(model, manner)
    for name, each in known.items():
        if isinstance(each, OfModel) and each.model is model and each.manner is manner:
            return f"write `{name}: NamedDependency[{form}]`"
    made_by = "provide_data" if manner is Manner.DATA else "provide_session"
    return f'write `NamedDependency[{form}]`, and provide it: dependencies={{"…": {made_by}({model.__qualname__})}}'


def _form(model: type[SessionModel], manner: Manner) -> str:
    return manner.value.replace(Manner.DATA.value, model.__qualname__)


def _written(annotation: Any) -> str:  # noqa: ANN401 # see above
    model, manner = _wish(annotation)
    if model is not None:
        return _form(model, manner)
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)
