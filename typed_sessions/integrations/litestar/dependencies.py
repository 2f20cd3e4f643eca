"""What handlers can ask for, as Litestar's dependencies."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from typed_sessions.codec import M
from typed_sessions.integrations.asgi.access import visit_of
from typed_sessions.integrations.asgi.csrf import csrf_token
from typed_sessions.integrations.asgi.types import Scope as ASGIScope
from typed_sessions.integrations.binding import refuse_other_models
from typed_sessions.integrations.parameters import Manner
from typed_sessions.integrations.web.visit import Visit
from typed_sessions.model import SessionModel
from typed_sessions.session import Session

NOBODY = "log in first"

AnyConnection: TypeAlias = ASGIConnection[Any, Any, Any, Any]


class OfVisit(Provide):
    """A dependency that looks at the visit."""

    __slots__ = ("insists",)

    def __init__(self, dependency: Callable[..., Awaitable[object]], *, insists: bool = False) -> None:
        super().__init__(dependency)
        self.insists = insists
        """Whether there must be a visit."""


class OfModel(OfVisit):
    """A dependency on the visit's session of a model."""

    __slots__ = ("manner", "model")

    def __init__(self, dependency: Callable[..., Awaitable[object]], model: type[SessionModel], manner: Manner) -> None:
        super().__init__(dependency)
        self.model = model
        self.manner = manner
        """In which form it gives it."""

    def __str__(self) -> str:
        made_by = provide_data if self.manner is Manner.DATA else provide_session
        return f"{made_by.__name__}({self.model.__qualname__})"


def provide_data(model: type[M], /) -> Provide:
    """Gives a handler the data of the visit's session of a model: `cart: NamedDependency[Cart]`.

    Raises:
        SessionDefinitionError: it is no session model.
    """
    refuse_other_models(model)

    async def data(scope: Scope) -> object:
        return await visit_in(scope, model).data(model)

    return OfModel(data, model, Manner.DATA)


def provide_session(model: type[M], /) -> Provide:
    """Gives a handler the visit's open session of a model: `cart_session: NamedDependency[Session[Cart]]`.

    Raises:
        SessionDefinitionError: it is no session model.
    """
    refuse_other_models(model)

    async def session(scope: Scope) -> Session[Any]:
        return await visit_in(scope, model).session(model)

    return OfModel(session, model, Manner.HANDLE)


def provide_visit() -> Provide:
    """Gives a handler the visit: `visit: NamedDependency[Visit]`. Reads nothing yet."""

    async def visit(scope: Scope) -> Visit:
        return visit_in(scope)

    return OfVisit(visit)


def provide_owner() -> Provide:
    """Gives a handler who is logged in: `owner: NamedDependency[str]`. If nobody is, the answer is 401."""
    return OfVisit(owner_in, insists=True)


def provide_csrf_token() -> Provide:
    """Gives a handler a token for its page: `csrf_token: NamedDependency[str]`. It needs `SessionPlugin(csrf=…)`."""

    async def token(scope: Scope) -> str:
        return await csrf_token(cast("ASGIScope", scope))

    return OfVisit(token)


async def requires_login(connection: AnyConnection, _handler: BaseRouteHandler, /) -> None:
    """A guard: lets a request in if somebody is logged in, else the answer is 401; a WebSocket is not accepted.

    Raises:
        NotAuthorizedException: nobody is.
    """
    await owner_in(connection.scope)


def visit_in(scope: Scope, model: type[Any] | None = None, /) -> Visit:
    """The visit of a request or WebSocket."""
    return visit_of(cast("ASGIScope", scope), model)


async def owner_in(scope: Scope) -> str:
    """Who is logged in.

    Raises:
        NotAuthorizedException: nobody is.
    """
    owner = await visit_in(scope).owner()
    if owner is None:
        raise NotAuthorizedException(NOBODY)
    return owner
