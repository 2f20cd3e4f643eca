"""What endpoints, and other dependencies, may depend on."""

from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeAlias

from fastapi import Depends, HTTPException, WebSocketException, status
from fastapi.openapi.models import APIKey, APIKeyIn
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from typed_sessions.codec import M
from typed_sessions.integrations.asgi import Cookie, Visit, csrf_token, visit_of
from typed_sessions.integrations.binding import refuse_other_models
from typed_sessions.integrations.parameters import Manner
from typed_sessions.model import SessionModel
from typed_sessions.session import Session

SCHEME = "typed-sessions"
"""How the names of our security schemes begin, until the cookie is known; see `describe`."""

OF_VISIT, OF_LOGIN = f"{SCHEME}.visit", f"{SCHEME}.login"


def scheme_of(model: type[SessionModel], /) -> str:
    """The name of the security scheme of a session model, until the cookie is known."""
    return f"{SCHEME}.of.{model.session_config.name}"


def cookie_scheme(cookie: Cookie, /) -> APIKey:
    """How OpenAPI describes the cookie."""
    described = {"in": APIKeyIn.cookie, "name": cookie.name, "description": "Stands for the browser's visit."}
    return APIKey.model_validate(described)


class OfVisit(SecurityBase):
    """A dependency on the visit, which FastAPI takes for a security scheme.

    Two that give the same are equal, so that `dependency_overrides` and FastAPI's cache find them.
    """

    def __init__(self, scheme_name: str) -> None:
        self.model = cookie_scheme(Cookie())
        self.scheme_name = scheme_name

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), self.scheme_name))


class CurrentVisit(OfVisit):
    """Gives the visit."""

    async def __call__(self, connection: HTTPConnection) -> Visit:
        return visit_of(connection)


class CurrentOwner(OfVisit):
    """Gives who is logged in, and refuses requests of anybody else: with 401, a WebSocket with 1008."""

    async def __call__(self, connection: HTTPConnection) -> str:
        owner = await visit_of(connection).owner()
        if owner is None:
            if connection.scope["type"] == "websocket":
                raise WebSocketException(status.WS_1008_POLICY_VIOLATION, "log in first")
            # A 401 names a scheme (RFC 9110, section 15.5.2); FastAPI calls that of cookies so.
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, "log in first", {"WWW-Authenticate": "APIKey"})
        return owner


async def current_csrf_token(connection: HTTPConnection) -> str:
    """The dependency on a token for the page's forms; see `csrf_token`."""
    return await csrf_token(connection)


class OfModel(OfVisit, Generic[M]):
    """A dependency on the visit's session of a model."""

    manner: Manner
    """In which form it gives it."""
    made_by: str

    def __init__(self, lent: type[M]) -> None:
        refuse_other_models(lent)
        super().__init__(scheme_of(lent))
        self.lent = lent
        """The session model; `model` is that of FastAPI's scheme."""

    def __repr__(self) -> str:
        return f"{self.made_by}({self.lent.__qualname__})"


class DataOfModel(OfModel[M]):
    """Gives the data of the session."""

    manner, made_by = Manner.DATA, "data_of"

    async def __call__(self, connection: HTTPConnection) -> M:
        return await visit_of(connection, self.lent).data(self.lent)


class SessionOfModel(OfModel[M]):
    """Gives the session."""

    manner, made_by = Manner.HANDLE, "session_of"

    async def __call__(self, connection: HTTPConnection) -> Session[M]:
        return await visit_of(connection, self.lent).session(self.lent)


def data_of(model: type[M], /) -> DataOfModel[M]:
    """The dependency on the data of the visit's session of a model: `Annotated[Cart, Depends(data_of(Cart))]`.

    All that depend on it in a request get the same object. Dependencies on the same model are equal, for
    `app.dependency_overrides[data_of(Cart)]`.

    Raises:
        SessionDefinitionError: it is no session model.
    """
    return DataOfModel(model)


def session_of(model: type[M], /) -> SessionOfModel[M]:
    """The dependency on the visit's session of a model: `Annotated[Session[Cart], Depends(session_of(Cart))]`.

    Raises:
        SessionDefinitionError: it is no session model.
    """
    return SessionOfModel(model)


current_visit = CurrentVisit(OF_VISIT)
"""The dependency on the visit."""

current_owner = CurrentOwner(OF_LOGIN)
"""The dependency on who is logged in; the answer is 401 if nobody is."""

VisitDep: TypeAlias = Annotated[Visit, Depends(current_visit)]
"""The visit."""

OwnerDep: TypeAlias = Annotated[str, Depends(current_owner)]
"""Who is logged in; the answer is 401 if nobody is."""

CsrfTokenDep: TypeAlias = Annotated[str, Depends(current_csrf_token)]
"""A token for the page's forms."""

if TYPE_CHECKING:
    DataOf: TypeAlias = Annotated[M, "the data of the visit's session of this model"]
    SessionOf: TypeAlias = Annotated[Session[M], "the visit's session of this model"]
else:

    class DataOf:
        """`DataOf[Cart]` is `Annotated[Cart, Depends(data_of(Cart))]`, with the model in one place."""

        def __class_getitem__(cls, model: type[SessionModel]) -> Any:  # noqa: ANN401 # no type says what it makes
            return Annotated[model, Depends(data_of(model))]

    class SessionOf:
        """`SessionOf[Cart]` is `Annotated[Session[Cart], Depends(session_of(Cart))]`, with the model in one place."""

        def __class_getitem__(cls, model: type[SessionModel]) -> Any:  # noqa: ANN401 # no type says what it makes
            return Annotated[Session[model], Depends(session_of(model))]
