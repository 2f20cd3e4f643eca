"""The applications in an application, and the visits that their requests have."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi.dependencies.models import Dependant

from typed_sessions.integrations.asgi import SessionMiddleware, Visits


@dataclass(frozen=True, slots=True)
class Served:
    """An application, and the visits that its requests have."""

    app: Any
    """Of FastAPI or Starlette, or a router."""
    visits: tuple[Visits, ...]
    """The innermost comes last."""

    def dependants(self) -> Iterator[Dependant]:
        """What FastAPI knows of its endpoints, and of all that they depend on."""
        for route in _routes(self.app):
            dependant = getattr(route, "dependant", None)
            if dependant is not None:
                yield from _with_dependencies(dependant)


def served(app: Any, around: tuple[Visits, ...] = (), /) -> Iterator[Served]:  # noqa: ANN401 # frameworks have classes of their own
    """An application and those that are mounted in it.

    Args:
        app: what has routes, perhaps inside middlewares.
        around: the visits of what is around it.
    """
    own = list(around)
    while not hasattr(app, "routes") and hasattr(app, "app"):
        own += [app.visits] if isinstance(app, SessionMiddleware) else []
        app = app.app
    own += _added(app)
    yield Served(app, tuple(own))
    for route in _routes(app):
        if hasattr(route, "app") and not hasattr(route, "endpoint"):
            yield from served(route.app, tuple(own))


def _added(app: Any) -> Iterator[Visits]:  # noqa: ANN401 # see above
    """The visits of the middlewares that were added to an application."""
    for made, args, options in getattr(app, "user_middleware", ()):
        if isinstance(made, type) and issubclass(made, SessionMiddleware):
            yield options["visits"] if "visits" in options else args[0]


def _routes(app: Any) -> Iterator[Any]:  # noqa: ANN401 # see above
    """The routes, with those of included routers in their places, which newer versions of FastAPI leave apart."""
    for route in getattr(app, "routes", ()):
        if hasattr(route, "effective_route_contexts"):
            for context in route.effective_route_contexts():
                yield getattr(context, "starlette_route", None) or context
        else:
            yield route


def _with_dependencies(*dependants: Dependant) -> Iterable[Dependant]:
    for dependant in dependants:
        yield dependant
        yield from _with_dependencies(*dependant.dependencies)
