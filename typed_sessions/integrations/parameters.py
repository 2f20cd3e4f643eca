"""Which session models a function asks for, by the annotations of its parameters."""

import functools
import inspect
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import FunctionType, MethodType, NoneType, SimpleNamespace, UnionType
from typing import Any, TypeAlias, TypeGuard, Union, get_args, get_origin, get_type_hints

from typed_sessions.group import OpenGroup, SessionGroup
from typed_sessions.model import SessionModel
from typed_sessions.session import Session
from typed_sessions.sync import SyncSession

# Since Python 3.14 annotations are evaluated late, and one that cannot be would hide all the others.
if sys.version_info >= (3, 14):
    from annotationlib import Format, get_annotations

    signature = functools.partial(inspect.signature, annotation_format=Format.FORWARDREF)
    annotations = functools.partial(get_annotations, format=Format.FORWARDREF)
else:
    signature = inspect.signature
    annotations = inspect.get_annotations

Function: TypeAlias = Callable[..., Any]


class Manner(Enum):
    """How a session is asked for."""

    DATA = "Cart"
    HANDLE = "Session[Cart]"
    OPTIONAL = "Cart | None"
    LAZY = "Awaitable[Cart]"


MANNERS = ", ".join(f"`{manner.value}`" for manner in Manner)
CHOICE = f"names a choice; ask for one session model, in one of the forms {MANNERS}"
FOREIGN = f"is nothing that a handler gets; ask for one session model, in one of the forms {MANNERS}"
UNNAMED = "cannot be given by name; make it a plain parameter behind the event"
UNRESOLVED = "cannot be resolved; import its names at run time, outside `if TYPE_CHECKING:`"

_FOREIGN = (Session, SyncSession, OpenGroup, SessionGroup)
_PYTHONS = frozenset({"builtins", "collections", "collections.abc"})
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
    manner: Manner = Manner.DATA
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
    found = (_wish(place < positional, each, names) for place, each in enumerate(parameters(function).values()))
    return [wish for wish in found if wish is not None]


def attribute_wishes(cls: type, /) -> list[Wish]:
    """What the attributes of a class ask for that are annotated in its body, or in that of a class above it."""
    found: dict[str, Wish | None] = {}
    for each in reversed(cls.__mro__):
        names = vars(sys.modules[each.__module__]) if each.__module__ in sys.modules else {}
        for name, annotation in annotations(each).items():
            attribute = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)
            found[name] = _wish(False, attribute, names)
    return [wish for wish in found.values() if wish is not None]


def parameters(function: Function, /) -> Mapping[str, inspect.Parameter]:
    """The parameters of a function, in their order; none if they cannot be known."""
    try:
        return signature(inspect.unwrap(function)).parameters
    except (TypeError, ValueError):  # builtin functions may have none
        return {}


def name_of(function: Function) -> str:
    """The function's dotted name, to find it in the source."""
    function = inspect.unwrap(function)
    if isinstance(function, functools.partial):
        return name_of(function.func)
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


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
    asked = _asked(resolved)
    if asked is None or isinstance(asked, str):
        return wish(refusal=asked) if asked else None
    if is_positional or parameter.kind not in _NAMED:
        return wish(refusal=UNNAMED)
    return wish(*asked)


def _resolved(annotation: object, names: dict[str, Any]) -> object:
    """What an annotation means, without `Annotated` and behind a `type` alias."""
    holder = SimpleNamespace(__annotations__={"it": annotation})
    meaning = get_type_hints(holder, names)["it"]
    return getattr(meaning, "__value__", meaning)


def _asked(meaning: object) -> tuple[type[SessionModel], Manner] | str | None:
    """What an annotation asks for; why it cannot be served; None if it has nothing to do with sessions."""
    made, members = get_origin(meaning) or meaning, get_args(meaning)
    if _is_model(meaning):
        return meaning, Manner.DATA
    if made in (Union, UnionType):
        return _choice(members)
    if made is Session and len(members) == 1 and _is_model(members[0]):
        return members[0], Manner.HANDLE
    if made is Awaitable and len(members) == 1 and _is_model(members[0]):
        return members[0], Manner.LAZY
    is_ours = isinstance(made, type) and issubclass(made, _FOREIGN)
    return FOREIGN if is_ours or (_is_pythons(get_origin(meaning)) and any(map(_asked, members))) else None


def _choice(members: tuple[object, ...]) -> tuple[type[SessionModel], Manner] | str | None:
    given = [member for member in members if member is not NoneType]
    if len(given) == 1 and _is_model(given[0]):
        return given[0], Manner.OPTIONAL
    return CHOICE if any(_asked(member) for member in given) else None


def _is_pythons(made: object) -> bool:
    """Whether it is a container or the like of Python's own. What a class of others does with a model is its affair."""
    return getattr(made, "__module__", None) in _PYTHONS and made is not Callable


def _is_model(meaning: object) -> TypeGuard[type[SessionModel]]:
    return isinstance(meaning, type) and issubclass(meaning, SessionModel)


def _written(annotation: object) -> str:
    if isinstance(annotation, str):
        return annotation
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)
