"""Callbacks that are called with their sessions."""

import functools
import inspect
from collections.abc import Container, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any, TypeGuard
from weakref import WeakKeyDictionary

from telegram.ext import ApplicationHandlerStop, CallbackContext

from typed_sessions.errors import InvalidKeyError, SessionDefinitionError
from typed_sessions.integrations.lending import Asked, lending
from typed_sessions.integrations.parameters import (
    UNRESOLVED,
    Function,
    Wish,
    annotations,
    name_of,
    parameters,
    wishes,
)
from typed_sessions.integrations.telegram.installation import AnyBinding, Installation, installation_of
from typed_sessions.integrations.telegram.occasions import AnyApplication, AnyContext, Occasion, place_of

NOT_ASYNC = "is no `async def`, and python-telegram-bot awaits its callbacks; make it one"
AWAITED = ("Awaitable", "Coroutine", "Future", "Task")
BY_NAME = "is given by position; make it a plain parameter behind the context"


@dataclass(frozen=True, slots=True)
class Injection:
    """A callback and the sessions that it is called with.

    `asked` maps the positions of its parameters to what they ask for.
    """

    function: Function
    asked: Mapping[int, Asked[Occasion]]

    async def call(self, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> object:
        """Open the sessions, call the function, and save them if it returns or stops the handling of the update.

        Raises:
            SessionDefinitionError: it is called without a context, or the application has no such sessions.
        """
        occasion = self._occasion(arguments)
        installation = self._installation(occasion.application)
        with installation.in_flight.running():
            async with AsyncExitStack() as stack:
                given = await self._lent(stack, installation, occasion)
                all_of_them = self._completed(arguments, given)
                outcome: object = await finished(self.function(*all_of_them, **named))
        if isinstance(outcome, ApplicationHandlerStop):
            raise outcome
        return outcome

    async def _lent(
        self, stack: AsyncExitStack, installation: Installation, occasion: Occasion
    ) -> Mapping[str, object]:
        try:
            lent = lending(installation.sessions, self.asked.values(), place_of(occasion))
            return await stack.enter_async_context(lent)
        except InvalidKeyError as error:
            error.add_note(f"The session is asked for by {name_of(self.function)}.")
            raise

    def _completed(self, arguments: tuple[Any, ...], given: Mapping[str, object]) -> list[Any]:
        completed = list(arguments)
        for position in sorted(self.asked):
            completed.insert(position, given[self.asked[position].parameter])
        return completed

    def _occasion(self, arguments: tuple[Any, ...]) -> Occasion:
        """What the call is for. The context stands before the sessions, the update, if there is one, before that."""
        *before, context = (None, *arguments)[: min(self.asked) + 1]
        if not _is_context(context):
            raise SessionDefinitionError(
                f"{name_of(self.function)} is called without a context before the sessions; call it as "
                f"(update, context), or as (context) for a job"
            )
        # What stands before the context of a job is nothing, or the object of a method.
        has_update = context.job is None or context.error is not None
        return Occasion(before[-1] if has_update else None, context)

    def _installation(self, application: AnyApplication) -> Installation:
        name = name_of(self.function)
        installation = installation_of(application, asked_by=name)
        for each in self.asked.values():
            problem = installation.problem(each.binding)
            if problem:
                raise SessionDefinitionError(f"{name}: {problem}")
        return installation


async def finished(running: Any) -> object:  # noqa: ANN401 # whatever the callback gives
    """What a callback returns, or the `ApplicationHandlerStop` by which it says that the update needs no more.

    That is no failure: it is how python-telegram-bot ends the handling of an update on purpose.
    """
    try:
        return await running
    except ApplicationHandlerStop as stop:
        return stop


_injections: WeakKeyDictionary[FunctionType, Injection] = WeakKeyDictionary()


def inject(binding: AnyBinding, callback: Function, /) -> Function:
    """The callback without the first parameter that asks for the model of the binding.

    Raises:
        SessionDefinitionError: it has none, or is a function that cannot be awaited.
    """
    if _is_sync(callback):
        raise SessionDefinitionError(f"{name_of(callback)} {NOT_ASYNC}")
    under = _of(callback)
    injection = Injection(
        under.function if under else callback,
        {**(under.asked if under else {}), **_asked(binding, callback)},
    )

    @functools.wraps(callback)
    async def injected(*arguments: Any, **named: Any) -> object:  # noqa: ANN401 # the callback's own
        return await injection.call(arguments, named)

    _injections[injected] = injection  # type: ignore[index] # a function
    return injected


def _is_sync(callback: Function) -> bool:
    """Whether it is a plain `def` that does not say that it gives something to await. What a decorator made may do."""
    while isinstance(callback, functools.partial | MethodType):
        callback = callback.func if isinstance(callback, functools.partial) else callback.__func__
    if not isinstance(callback, FunctionType) or hasattr(callback, "__wrapped__"):
        return False
    returned = str(annotations(callback).get("return"))
    return not inspect.iscoroutinefunction(callback) and not any(each in returned for each in AWAITED)


def injections_in(callback: Function, /) -> Iterator[Injection]:
    """Those of the callback, from the outermost in."""
    while True:
        injection = _of(callback)
        if injection is not None:
            yield injection
            callback = injection.function
            continue
        inner = _inner(callback)
        if inner is None:
            return
        callback = inner


def _inner(callback: Function) -> Function | None:
    """What a method, a partial or a decorated function calls."""
    if isinstance(callback, MethodType):
        return callback.__func__
    inner: Function | None = getattr(
        callback, "func" if isinstance(callback, functools.partial) else "__wrapped__", None
    )
    return inner


def _is_context(argument: object) -> TypeGuard[AnyContext]:
    return isinstance(argument, CallbackContext)


def _of(callback: Function) -> Injection | None:
    return _injections.get(callback) if isinstance(callback, FunctionType) else None


def _asked(binding: AnyBinding, callback: Function) -> dict[int, Asked[Occasion]]:
    """The parameter that asks for the binding's model, by its position among those that are not given yet."""
    given = {each.parameter for injection in injections_in(callback) for each in injection.asked.values()}
    wish = next((wish for wish in wishes(callback, positional=1) if _is_for(binding, wish, given)), None)
    if wish is None:
        raise SessionDefinitionError(
            f"{name_of(callback)} asks for no {binding.model.__qualname__}; annotate the parameter behind the context"
        )
    left = [each for each in _parameters(callback) if each.name not in given or _of(callback)]
    position = [each.name for each in left].index(wish.parameter)
    by_name = left[position].kind is inspect.Parameter.KEYWORD_ONLY
    refusal = wish.refusal or (None if wish.model else UNRESOLVED) or (BY_NAME if by_name else None)
    if refusal:
        raise SessionDefinitionError(f"{name_of(callback)}: {wish} {refusal}")
    return {position: Asked(wish.parameter, binding, wish.manner)}


def _is_for(binding: AnyBinding, wish: Wish, given: Container[str]) -> bool:
    is_meant = wish.model is binding.model or (wish.model is None and wish.names(binding.model))
    return is_meant and wish.parameter not in given


def _parameters(callback: Function) -> list[inspect.Parameter]:
    found = list(parameters(callback).values())
    # What a decorator has wrapped in a class is found there as a plain function, with its `self`.
    is_bound = isinstance(callback, MethodType) and not isinstance(inspect.unwrap(callback), MethodType)
    return found[1:] if is_bound else found
