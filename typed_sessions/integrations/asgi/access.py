"""The visits of a request: put into its scope by the middleware, taken out by handlers."""

from collections.abc import Mapping
from typing import Any, Protocol

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.asgi.types import Scope
from typed_sessions.integrations.web import cookies
from typed_sessions.integrations.web.visit import Visit
from typed_sessions.integrations.web.visits import Visits
from typed_sessions.model import SessionModel

KEY = "typed_sessions.visits"


class Connection(Protocol):
    """A request or WebSocket of any framework."""

    @property
    def scope(self) -> Any: ...  # noqa: ANN401 # frameworks have classes of their own


def visits_in(scope: Mapping[str, Any], /) -> tuple[Visit, ...]:
    """The visits of a request, one for each cookie; the innermost comes last."""
    found: tuple[Visit, ...] = scope.get(KEY, ())
    return found


def visit_of(connection: Connection | Scope, model: type[SessionModel] | None = None, /) -> Visit:
    """The visit of a request.

    Args:
        connection: a request or WebSocket, or an ASGI scope.
        model: where an application has several visits, that of the middleware nearest to it that has this model.

    Raises:
        SessionDefinitionError: there is no `SessionMiddleware` around it, or the request is over.
    """
    scope = connection if isinstance(connection, Mapping) else connection.scope
    found = visits_in(scope)
    if not found:
        raise SessionDefinitionError(
            "there is no SessionMiddleware around this request, or the request is over; "
            "app.add_middleware(SessionMiddleware, visits=…) adds one"
        )
    with_model = (visit for visit in reversed(found) if model is None or model in visit.visits.models)
    # Without one, the nearest says which models it has.
    return next(with_model, found[-1])


def sent_cookies(scope: Scope, name: str, /) -> list[str]:
    """The values of the request's cookies of this name."""
    headers = scope.get("headers") or ()
    return cookies.values((value for key, value in headers if key.lower() == b"cookie"), name)


def is_inside(scope: Scope, visits: Visits, /) -> bool:
    """Whether a middleware further out serves the same visits already.

    Raises:
        SessionDefinitionError: it serves others, with the same cookie.
    """
    for outer in visits_in(scope):
        if outer.visits is visits:
            return True
        if outer.visits.cookie.name == visits.cookie.name:
            raise SessionDefinitionError(
                f"two SessionMiddlewares inside each other have the cookie {visits.cookie.name!r}; "
                f"give both the same Visits, or one of them another Cookie(name=…)"
            )
    return False
