"""Whether the endpoints of an application get what they depend on."""

from collections.abc import Collection, Iterator
from typing import Any, TypeGuard

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from starlette.applications import Starlette

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.asgi import Visits
from typed_sessions.integrations.fastapi.dependencies import OfModel, OfVisit, data_of, session_of
from typed_sessions.integrations.fastapi.served import Served, served
from typed_sessions.integrations.parameters import Manner, Wish, name_of, wishes
from typed_sessions.model import SessionModel

GIVES = {
    Manner.DATA: (Manner.DATA, Manner.OPTIONAL),
    Manner.HANDLE: (Manner.HANDLE,),
}
"""The forms of annotations that fit what a dependency gives."""

MAKERS: dict[object, str] = {data_of: "data_of", session_of: "session_of"}
"""What makes a dependency, and is none."""


def verify(app: FastAPI | Starlette, /, *visits: Visits) -> None:
    """Check that all endpoints of an application, and of those mounted in it, get the sessions that they depend on.

    No type checker compares an annotation with the dependency beside it, and FastAPI fills a session model that is
    without one, or is one itself, from the request: both are found here.

    Args:
        app: the application.
        visits: those of middlewares around it that were not added by its own `add_middleware`.

    Raises:
        SessionDefinitionError: some do not; it names each, and what to do.
    """
    found = list(dict.fromkeys(problem for each in served(app, visits) for problem in _problems(each)))
    if found:
        raise SessionDefinitionError("\n  ".join(["endpoints depend on sessions that they do not get:", *found]))


def _problems(app: Served) -> Iterator[str]:
    models = {model for visits in app.visits for model in visits.models}
    for dependant in app.dependants():
        if dependant.call is None:
            continue
        found = [
            *(_misuse(each, bool(app.visits), models) for each in dependant.dependencies),
            *(_mismatch(wish, dependant) for wish in wishes(dependant.call, positional=0)),
        ]
        yield from (f"{name_of(dependant.call)}: {problem}" for problem in found if problem)


def _misuse(dependency: Dependant, has_visits: bool, models: Collection[type[SessionModel]]) -> str | None:
    """What is wrong with a dependency, whatever stands beside it."""
    call = dependency.call
    if isinstance(call, OfVisit) and not has_visits:
        return "there is no SessionMiddleware; app.add_middleware(SessionMiddleware, visits=…) adds one"
    if _is_of_model(call) and call.lent not in models:
        model = call.lent.__qualname__
        return f"the visits have no {model}; add it: Visits(sessions, models=[…, {model}])"
    if call in MAKERS:
        maker = MAKERS[call]
        return f"`Depends({maker})` lacks the model; write `Depends({maker}(Cart))` for one called Cart"
    if isinstance(call, type) and issubclass(call, SessionModel):
        return _forged(dependency.name or "_", call.__qualname__)
    return None


def _mismatch(wish: Wish, dependant: Dependant) -> str | None:
    """What is wrong with a parameter that is annotated with a session model."""
    dependency = next((each.call for each in dependant.dependencies if each.name == wish.parameter), None)
    if wish.model is None:
        return None
    model = wish.model.__qualname__
    if _is_of_model(dependency):
        form = wish.manner.value.replace(Manner.DATA.value, model)
        fits = issubclass(dependency.lent, wish.model) and wish.manner in GIVES[dependency.manner]
        return None if fits else f"`{wish.parameter}: {form}` gets {dependency}"
    sent = (*dependant.body_params, *dependant.query_params, *dependant.header_params, *dependant.cookie_params)
    return _forged(wish.parameter, model) if any(field.name == wish.parameter for field in sent) else None


def _forged(parameter: str, model: str) -> str:
    return (
        f"`{parameter}` would come from the request; write `{parameter}: DataOf[{model}]` for the visit's, "
        f"or give the request a model of its own"
    )


def _is_of_model(dependency: object) -> TypeGuard[OfModel[Any]]:
    return isinstance(dependency, OfModel)
