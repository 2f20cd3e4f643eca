"""Sessions as attributes of the context."""

from typing import Any, ClassVar, Generic, Self, TypeGuard, overload

from telegram import Bot
from telegram.ext import CallbackContext, ExtBot, Job
from typing_extensions import TypeVar

from typed_sessions.codec import M
from typed_sessions.errors import SessionClosedError
from typed_sessions.integrations.telegram.installation import AnyBinding
from typed_sessions.integrations.telegram.occasions import AnyApplication, AnyContext
from typed_sessions.integrations.telegram.scopes import OVER, Scope, Scoped, current_scope

BT = TypeVar("BT", bound=Bot, default=ExtBot[None])
UD = TypeVar("UD", default=dict[Any, Any])
CD = TypeVar("CD", default=dict[Any, Any])
BD = TypeVar("BD", default=dict[Any, Any])


class InContext(Generic[M]):
    """An attribute of a `SessionContext` that is the session of the update or job.

    Reading gives its data, assigning replaces it, `del` deletes the session at the end.

    Raises:
        MissingKeyError: the event has none.
        SessionClosedError: the event is over, or the session was deleted.
        InvalidSessionError, StoreUnavailableError, …: it could not be read.
    """

    def __init__(self, binding: AnyBinding) -> None:
        self.binding = binding

    @overload
    def __get__(self, context: None, owner: type[object], /) -> Self: ...

    @overload
    def __get__(self, context: AnyContext, owner: type[object], /) -> M: ...

    def __get__(self, context: AnyContext | None, _owner: type[object], /) -> Self | M:
        if context is None:
            return self
        data: M = _scope_of(context).session(self.binding).data
        return data

    def __set__(self, context: AnyContext, data: M, /) -> None:
        _scope_of(context).replace(self.binding, data)

    def __delete__(self, context: AnyContext, /) -> None:
        _scope_of(context).delete(self.binding)


def _is_in_context(attribute: object) -> TypeGuard[InContext[Any]]:
    return isinstance(attribute, InContext)


def _scope_of(context: AnyContext) -> Scope:
    scope = current_scope()
    if scope is None or not scope.serves(context):
        raise SessionClosedError(None, OVER)
    return scope


class SessionContext(CallbackContext[BT, UD, CD, BD]):
    """A context with sessions, for a `SessionApplication`.

    Name them in a class of your own:

        class Context(SessionContext):
            session = carts.in_context()

        Application.builder().application_class(SessionApplication).context_types(ContextTypes(context=Context))

    They are read together when the first handler of an update begins, and saved in one transaction when its last has
    returned. If one raises, nothing is saved of what the handlers changed up to then, and the next one gets what is
    stored. A job, an error callback and a handler with `block=False` have sessions of their own.
    """

    session_bindings: ClassVar[tuple[AnyBinding, ...]] = ()
    """Those of the sessions that it names."""

    def __init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 # Python's own signature
        super().__init_subclass__(**kwargs)
        attributes = [each for base in cls.__mro__ for each in vars(base).values()]
        cls.session_bindings = tuple(dict.fromkeys(each.binding for each in attributes if _is_in_context(each)))

    async def refresh_data(self) -> None:
        """Read the sessions. For python-telegram-bot, which calls it when the first handler of an update begins."""
        await super().refresh_data()
        scope = current_scope()
        # A job that an update made has its scope in sight, but runs in a task, and in a scope, of its own.
        if scope is not None and scope.is_running_here and scope.context is None:
            await scope.begin(self)

    @classmethod
    def from_job(cls, job: "Job[Any]", application: AnyApplication) -> Self:
        """The context of a job, which is given sessions of its own. For python-telegram-bot."""
        if not isinstance(job.callback, Scoped):
            job.callback = Scoped(job.callback)
        return super().from_job(job, application)
