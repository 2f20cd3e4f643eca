"""Where it is told what happens to sessions out of the ordinary: in the log, to the hooks, to the observer.

The log names a session by its model and a salted hash, never by its key, and holds no data.
"""

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from typed_sessions.hooks import Conflict, Hooks, Invalid, Upcast
from typed_sessions.observer import Event, LockTimedOut, Observer, SetAside
from typed_sessions.upcast import raised_at

logger = logging.getLogger("typed_sessions")


class Line(NamedTuple):
    """A line of the log. `fields` are attributes of its `LogRecord`, beside `event`, `model` and `key`."""

    level: int
    event: str
    message: str
    fields: Mapping[str, object]


class Events:
    """Tells what happens to those who want to know."""

    def __init__(self, hooks: Hooks, observer: Observer | None) -> None:
        self._hooks = hooks
        self._observer = observer

    def happened(self, event: Event) -> None:
        """Log it, call the hook for it, and let the observer know. Raises nothing of what a hook raises."""
        _log(event)
        hook = self._hook(event)
        if hook is not None:
            _call(hook, event)
        if self._observer is not None:
            self._observer.happened(event)

    def _hook(self, event: Event) -> Callable[[Any], object] | None:
        match event:
            case Upcast():
                return self._hooks.on_upcast
            case Conflict():
                return self._hooks.on_conflict
            case Invalid():
                return self._hooks.on_invalid
            case _:
                return None


def _log(event: Event) -> None:
    line = line_of(event)
    if logger.isEnabledFor(line.level):
        fields = {"event": line.event, "model": event.key.model, "key": event.key.tag, **line.fields}
        logger.log(line.level, "%s", line.message, extra=fields)


def line_of(event: Event) -> Line:
    """What the log says of it."""
    match event:
        case Upcast(_, old, new):
            message = f"{event.key} was upcast from version {old} to {new}"
            return Line(logging.DEBUG, "upcast", message, {"from_version": old, "to_version": new})
        case Conflict(_, fields, True):
            message = f"{event.key} was merged with what somebody else saved; of theirs: {_named(fields)}"
            return Line(logging.INFO, "merge", message, {"fields": fields})
        case Conflict(_, fields):
            message = f"{event.key} was not saved, because somebody else was first; both changed: {_named(fields)}"
            return Line(logging.WARNING, "conflict", message, {"fields": fields})
        case Invalid(_, version, error, policy):
            level = logging.ERROR if policy == "raise" else logging.WARNING
            return Line(
                level, "invalid", str(error), {"version": version, "policy": policy, "error": type(error).__name__}
            )
        case SetAside(_, to, policy):
            message = f"{event.key} was set aside as {to}, because it was invalid"
            return Line(logging.WARNING, policy, message, {"set_aside_as": to.tag})
        case LockTimedOut(_, waited):
            message = f"{event.key} was not to be had within {waited:g} s"
            return Line(logging.WARNING, "lock_timeout", message, {"waited": waited})


def _named(fields: tuple[str, ...]) -> str:
    return ", ".join(fields) or "no field"


def _call(hook: Callable[[Any], object], event: Event) -> None:
    try:
        _run(hook, event)
    except Exception as error:  # noqa: BLE001 # whatever a user's hook raises
        fields = {"event": "hook_failed", "model": event.key.model, "key": event.key.tag}
        # Not the error's own words, which may hold the key.
        logger.error(  # noqa: TRY400 # the traceback would quote them
            "%s: the hook for %s raised %s%s",
            event.key,
            type(event).__name__,
            type(error).__name__,
            raised_at(error),
            extra={**fields, "error": type(error).__name__},
        )


def _run(hook: Callable[[Any], object], event: Event) -> None:
    returned = hook(event)
    if inspect.iscoroutine(returned):
        returned.close()
        raise TypeError("a hook is a plain function, and nobody awaits what it returns")
