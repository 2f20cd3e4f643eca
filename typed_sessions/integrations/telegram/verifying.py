"""Whether the callbacks of an application get the sessions that they ask for."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from telegram.ext import BaseHandler, ConversationHandler

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.parameters import Function, name_of, wishes
from typed_sessions.integrations.telegram.injection import injections_in
from typed_sessions.integrations.telegram.installation import Installation, installation_of
from typed_sessions.integrations.telegram.occasions import AnyApplication, AnyContext

AnyHandler: TypeAlias = BaseHandler[Any, Any, Any]


def verify(application: AnyApplication, /) -> None:
    """Check that the callbacks of all handlers, those of conversations too, and the context get what they ask for.

    Raises:
        SessionDefinitionError: some do not; it names each, and what to do. Or the application has no sessions.
    """
    installation = installation_of(application)
    handlers = (handler for group in application.handlers.values() for handler in group)
    callbacks = [*_callbacks(handlers), *application.error_handlers]
    found = [*_problems_of_context(application.context_types.context, installation)]
    found += [problem for callback in callbacks for problem in _problems(callback, installation)]
    if found:
        raise SessionDefinitionError("\n  ".join(["callbacks ask for sessions that they do not get:", *found]))


def _problems_of_context(context: type[AnyContext], installation: Installation) -> Iterator[str]:
    for binding in getattr(context, "session_bindings", ()):
        problem = installation.problem(binding)
        if problem:
            yield f"{context.__qualname__}: {problem}"


def _callbacks(handlers: Iterable[AnyHandler]) -> Iterator[Function]:
    for handler in handlers:
        if isinstance(handler, ConversationHandler):
            states: Iterable[list[AnyHandler]] = handler.states.values()
            inner = [*handler.entry_points, *(each for state in states for each in state), *handler.fallbacks]
            yield from _callbacks(inner)
        else:
            yield handler.callback


def _problems(callback: Function, installation: Installation) -> Iterator[str]:
    asked = [each for injection in injections_in(callback) for each in injection.asked.values()]
    given = {each.parameter for each in asked}
    for each in asked:
        problem = installation.problem(each.binding)
        if problem:
            yield f"{name_of(callback)}: `{each.parameter}`: {problem}"
    for wish in wishes(callback, positional=2):
        if wish.model is not None and wish.parameter not in given:
            model = wish.model.__qualname__
            yield f"{name_of(callback)}: {wish} is given by nobody; decorate it with SessionBinding({model}).inject"
