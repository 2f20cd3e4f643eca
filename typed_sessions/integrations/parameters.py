"""Which session models a function asks for, by the annotations of its parameters."""

import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType, MethodType, SimpleNamespace, UnionType
from typing import Any, TypeAlias, TypeGuard, Union, get_args, get_origin, get_type_hints

from typed_sessions.group import OpenGroup, SessionGroup
from typed_sessions.model import SessionModel
from typed_sessions.session import Session
from typed_sessions.sync import SyncSession

# Since Python 3.14 annotations are evaluated late, and one that cannot be would hide all the others.
if sys.version_info >= (3, 14):
    from annotationlib import Format

    signature = functools.partial(inspect.signature, annotation_format=Format.FORWARDREF)
else:
    signature = inspect.signature

Function: TypeAlias = Callable[..., Any]

CHOICE = "names a choice; a session is always there, so ask for one session model, without None"
HANDLE = "asks for a handle; ask for the session model itself"
UNNAMED = "cannot be given by name; make it a plain parameter behind the event"

_HANDLES = (Session, SyncSession, OpenGroup, SessionGroup)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Wish:
    """A parameter that asks for a session, or might.

    `model` is what it asks for. Without one, `refusal` says why it cannot be given; without both, the
    `annotation` cannot be resolved at run time, and may or may not name a session model.
    """

    parameter: str
    annotation: str
    model: type[SessionModel] | None = None
    refusal: str | None = None

    def names(self, model: type[SessionModel]) -> bool:
        """Whether the class is named in the annotation, whatever the annotation means."""
        return re.search(rf"\b{re.escape(model.__name__)}\b", self.annotation) is not None

    def __str__(self) -> str:
        return f"`{self.parameter}: {self.annotation}`"


def wishes(function: Function, /, *, positional: int) -> list[Wish]:
    """What the parameters of a function ask for.

    Args:
        function: a function, method, partial, callable object or class, plain or decorated with `functools.wraps`.
        positional: how many of its parameters, from the first, its caller gives by position.
    """
    names = _names(function)
    found = (_wish(place < positional, each, names) for place, each in enumerate(_annotated(function)))
    return [wish for wish in found if wish is not None]


def name_of(function: Function) -> str:
    """The function's dotted name, to find it in the source."""
    function = inspect.unwrap(function)
    if isinstance(function, functools.partial):
        return name_of(function.func)
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def _annotated(function: Function) -> Iterator[inspect.Parameter]:
    try:
        found = signature(inspect.unwrap(function))
    except (TypeError, ValueError):  # builtin functions may have none
        return
    yield from found.parameters.values()


def _names(function: Function) -> dict[str, Any]:
    """The global names that the function's annotations may use."""
    match inspect.unwrap(function):
        case FunctionType(__globals__=names):
            return names
        case MethodType(__func__=inner) | functools.partial(func=inner):
            return _names(inner)
        case type() as made:
            return _names(made.__init__)  # type: ignore[misc]  # looked at, never called
        case called:
            method = type(called).__call__
            return method.__globals__ if isinstance(method, FunctionType) else {}


def _wish(is_positional: bool, parameter: inspect.Parameter, names: dict[str, Any]) -> Wish | None:
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        return None
    wish = functools.partial(Wish, parameter.name, _written(annotation))
    try:
        resolved = _resolved(annotation, names)
    except Exception:  # noqa: BLE001 # evaluating an annotation runs whatever stands in it
        return wish()
    if not _is_model(resolved):
        refusal = _refusal(resolved)
        return wish(refusal=refusal) if refusal else None
    if is_positional or parameter.kind not in _NAMED:
        return wish(refusal=UNNAMED)
    return wish(resolved)


def _resolved(annotation: object, names: dict[str, Any]) -> object:
    """What an annotation means, without `Annotated` and behind a `type` alias."""
    holder = SimpleNamespace(__annotations__={"it": annotation})
    meaning = get_type_hints(holder, names)["it"]
    return getattr(meaning, "__value__", meaning)


def _is_model(meaning: object) -> TypeGuard[type[SessionModel]]:
    return isinstance(meaning, type) and issubclass(meaning, SessionModel)


def _refusal(meaning: object) -> str | None:
    """Why an annotation that has to do with sessions cannot be served; None if it has nothing to do with them."""
    if get_origin(meaning) in (Union, UnionType):
        is_ours = any(_is_model(member) or _is_handle(member) for member in get_args(meaning))
        return CHOICE if is_ours else None
    return HANDLE if _is_handle(meaning) else None


def _is_handle(meaning: object) -> bool:
    made = get_origin(meaning) or meaning
    return isinstance(made, type) and issubclass(made, _HANDLES)


def _written(annotation: object) -> str:
    if isinstance(annotation, str):
        return annotation
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)
