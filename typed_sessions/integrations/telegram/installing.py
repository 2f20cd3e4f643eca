"""Gives an application its sessions."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from telegram import Update
from telegram.ext import Application, MessageHandler, filters

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.binding import Binding, refuse_other_sessions
from typed_sessions.integrations.in_flight import SHUTDOWN_TIMEOUT
from typed_sessions.integrations.telegram.application import SessionApplication
from typed_sessions.integrations.telegram.context import SessionContext
from typed_sessions.integrations.telegram.installation import AnyBinding, Installation, finish, keep
from typed_sessions.integrations.telegram.occasions import AnyApplication, AnyContext
from typed_sessions.integrations.telegram.verifying import verify
from typed_sessions.sessions import Sessions

Hook: TypeAlias = Callable[[AnyApplication], Coroutine[Any, Any, None]]

CALL = "install(application, sessions, …)"

FIRST_GROUP = -(2**63)
"""Before all groups of handlers that anybody thought of."""


def install(
    application: AnyApplication,
    sessions: Sessions,
    /,
    *bindings: AnyBinding,
    shutdown_timeout: float = SHUTDOWN_TIMEOUT,
) -> None:
    """Let the callbacks of an application ask for sessions, and let the sessions of a group go along to its supergroup.

    Callbacks are verified before the application's `post_init`, and those that hold sessions are waited for before its
    `post_stop` and `post_shutdown`. These are called by `run_polling` and `run_webhook` only: if you start and stop the
    application yourself, call `verify` and `finish` there, or use a `SessionApplication`.

    Args:
        application: the application.
        sessions: where they are.
        bindings: one for each model that its callbacks ask for.
        shutdown_timeout: seconds to wait for callbacks that hold sessions.

    Raises:
        SessionDefinitionError: the application has sessions already, two bindings are of one model, the contexts
            need a `SessionApplication`, or an argument is something else.
    """
    _refuse_other_application(application)
    refuse_other_sessions(sessions, CALL)
    for each in bindings:
        _refuse_other_binding(each)
    installation = Installation(sessions, bindings, shutdown_timeout)
    does_it_itself = isinstance(application, SessionApplication)
    if not does_it_itself:
        _refuse_context(application.context_types.context)
    keep(application, installation)
    if not does_it_itself:
        _prepare(application, installation)


def _refuse_other_application(given: object) -> None:
    if not isinstance(given, Application):
        raise SessionDefinitionError(f"{CALL} takes the application first, not a {type(given).__name__}")


def _refuse_other_binding(given: object) -> None:
    if isinstance(given, Binding):
        return
    if isinstance(given, list | tuple):
        problem = "not a list of them; pass them one by one, as *bindings"
    elif isinstance(given, type):
        problem = f"not {given.__qualname__} itself; pass SessionBinding({given.__qualname__})"
    else:
        problem = f"not a {type(given).__name__}; pass SessionBinding(…)"
    raise SessionDefinitionError(f"{CALL} takes bindings, {problem}")


def _refuse_context(context: type[AnyContext]) -> None:
    if issubclass(context, SessionContext):
        raise SessionDefinitionError(
            f"{context.__qualname__} needs a SessionApplication; build it with "
            f"Application.builder().application_class(SessionApplication)"
        )


def _prepare(application: AnyApplication, installation: Installation) -> None:
    """Have done from outside what a `SessionApplication` does itself."""

    async def follow(update: Update, context: AnyContext) -> None:
        await installation.follow_group(update, context.bot.id)

    application.add_handler(MessageHandler(filters.StatusUpdate.MIGRATE, follow, block=True), FIRST_GROUP)
    application.post_init = _after(_verified, application.post_init)
    application.post_stop = _after(finish, application.post_stop)
    application.post_shutdown = _after(finish, application.post_shutdown)


async def _verified(application: AnyApplication) -> None:
    verify(application)


def _after(ours: Hook, theirs: Hook | None) -> Hook:
    async def both(application: AnyApplication) -> None:
        await ours(application)
        if theirs is not None:
            await theirs(application)

    return both
