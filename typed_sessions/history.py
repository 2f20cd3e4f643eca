"""How yesterday's sessions become today's: the steps from each version to the next."""

import inspect
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

from typed_sessions.errors import SessionDefinitionError

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object as `json.loads` gives it. What its values are is known to the step that reads them."""

_STEP = re.compile(r"v([1-9][0-9]*)_to_v([1-9][0-9]*)\Z")
_complaints: ContextVar[list[SessionDefinitionError] | None] = ContextVar("_complaints", default=None)
_LOOKS_LIKE_A_STEP = re.compile(r".*v_?\d+_?to|_*v_?\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """One upcast: carries data from version `source` to the next. `name` is its method, for errors."""

    name: str
    source: int
    upcast: Callable[[JsonObject], object]


class History:
    """The upcasts of one session model.

    Subclass it and write one static method for each step:

        class CartHistory(History):
            @staticmethod
            def v1_to_v2(old: JsonObject, /) -> JsonObject:
                return {**old, "currency": "EUR"}

    A step gets and returns plain JSON objects, leaves its argument as it is and does no I/O. `oldest` is the
    lowest version that can still be read. The chain is checked when the session model is defined.

    `typed-sessions revision` writes a subclass, `Upcasts`, whose steps are abstract and typed by the frozen shapes
    of each version; subclass that, and type checkers see a step that is missing or wrong. It sets the variables below.
    """

    oldest: ClassVar[int] = 1
    name: ClassVar[str | None] = None
    """Of the session model whose shapes are frozen here."""
    head: ClassVar[int | None] = None
    """The newest frozen version."""
    min_reader: ClassVar[Mapping[int, int]] = {}
    """The lowest version of code that may read what each version writes."""
    shapes: ClassVar[Mapping[int, type]] = {}
    """What each version stores, as a closed TypedDict of JSON types."""

    def __new__(cls) -> Self:
        missing: frozenset[str] = getattr(cls, "__abstractmethods__", frozenset())
        if missing:
            complain(SessionDefinitionError(f"{cls.__qualname__} lacks {', '.join(sorted(missing))}; write it"))
            # Only tools come here: they look at a class that is not finished.
            names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
            finished: Any = type(cls.__name__, (cls,), names)
            finished.__abstractmethods__ = frozenset[str]()
            made: Self = object.__new__(finished)
            return made
        return object.__new__(cls)

    def chain(self, version: int, /) -> tuple[Step, ...]:
        """The steps from `oldest` to `version`, in order.

        Raises:
            SessionDefinitionError: a step is missing, leads past `version`, skips a version, is asynchronous,
                is misnamed or does not take one argument; `oldest` is no version up to this one; or the frozen
                shapes end at another version.
        """
        if self.head not in (None, version):
            raise SessionDefinitionError(
                f"{self._label}: its frozen shapes end at version {self.head} and the model has version {version}; "
                f"run `typed-sessions revision {self.name}`"
            )
        if not 1 <= self.oldest <= version:
            raise SessionDefinitionError(f"{self._label}: it must be 1 <= oldest <= {version}, its model's version")
        steps = {step.source: step for step in map(self._step, self._step_names())}
        expected = range(self.oldest, version)
        missing = [f"v{source}_to_v{source + 1}" for source in expected if source not in steps]
        strangers = [f"v{source}_to_v{source + 1}" for source in steps if source not in expected]
        if missing:
            raise SessionDefinitionError(self._lack(version, ", ".join(missing)))
        if strangers:
            raise SessionDefinitionError(
                f"{self._label} has {', '.join(strangers)}, which no session between version {self.oldest} and "
                f"{version} passes; set version in session_config, or remove it"
            )
        return tuple(steps[source] for source in expected)

    def _lack(self, version: int, missing: str) -> str:
        if type(self) is History:
            return f"version {version} lacks {missing}; write it in a subclass of History, and pass history="
        return f"{self._label} lacks {missing}; write it, or raise `oldest`"

    @property
    def _label(self) -> str:
        return type(self).__qualname__

    def _step_names(self) -> list[str]:
        return [name for name in dir(self) if _LOOKS_LIKE_A_STEP.match(name)]

    def _step(self, name: str) -> Step:
        found, upcast = _STEP.match(name), getattr(self, name)
        if found is None or int(found[2]) != int(found[1]) + 1:
            raise SessionDefinitionError(f"{self._label}.{name} is no step; name it like v1_to_v2, one version each")
        if not callable(upcast) or inspect.iscoroutinefunction(upcast):
            raise SessionDefinitionError(f"{self._label}.{name} must be a plain function: steps do no I/O")
        if not _takes_one_argument(upcast):
            raise SessionDefinitionError(f"{self._label}.{name} must take one argument, the old data; is it static?")
        return Step(f"{self._label}.{name}", int(found[1]), upcast)


@contextmanager
def tolerated() -> Generator[list[SessionDefinitionError]]:
    """Collect what is wrong with histories instead of raising it, for tools that look at unfinished code."""
    complaints: list[SessionDefinitionError] = []
    token = _complaints.set(complaints)
    try:
        yield complaints
    finally:
        _complaints.reset(token)


def complain(error: SessionDefinitionError, /) -> None:
    """Raise the error, or let whoever tolerates it collect it."""
    complaints = _complaints.get()
    if complaints is None:
        raise error
    complaints.append(error)


def _takes_one_argument(step: Callable[..., object]) -> bool:
    try:
        inspect.signature(step).bind({})
    except (TypeError, ValueError):  # a ValueError if it is builtin and has none
        return False
    return True
