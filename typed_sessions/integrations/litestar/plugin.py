"""The plugin."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, TypeAlias, cast

from litestar.config.app import AppConfig
from litestar.config.response_cache import ResponseCacheConfig, default_cache_key_builder
from litestar.constants import RESERVED_KWARGS
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.openapi.spec import Components, SecurityRequirement, SecurityScheme
from litestar.plugins import InitPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute, WebSocketRoute
from litestar.types import ASGIApp, HTTPScope

from typed_sessions.blocking import NeverWaiting
from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.asgi.access import visits_in
from typed_sessions.integrations.asgi.lifespan import verify_store
from typed_sessions.integrations.asgi.middleware import SessionMiddleware
from typed_sessions.integrations.asgi.types import ASGIApp as AnyApp
from typed_sessions.integrations.asgi.websocket import RECHECK
from typed_sessions.integrations.litestar.answers import ANSWERS, Answering, note_failure, unbury
from typed_sessions.integrations.litestar.dependencies import (
    OfVisit,
    provide_csrf_token,
    provide_data,
    provide_session,
    provide_visit,
    requires_login,
)
from typed_sessions.integrations.litestar.verifying import used_by, verify
from typed_sessions.integrations.web.visits import Visits

Dependencies: TypeAlias = Mapping[str, Provide]


class SessionPlugin(InitPlugin, ReceiveRoutePlugin):
    """Gives the handlers of a Litestar application their visit.

    It adds `SessionMiddleware` around all other middleware, the dependencies, the exception handlers that make 409 and
    503 of conflicts and of a store that does not answer, and the cookie to the OpenAPI schema. What the application
    declares itself stays. A response that depends on a visit is kept from the response cache, where all visitors
    would get it, unless the application builds keys of its own for it.

    Args:
        visits: what a visit is made of, and how it is kept.
        dependencies: what handlers can ask for, by the names of their parameters. None: the data of each model by the
            model's name, its session by the name with `_session`, and the visit by `visit`. A path parameter must not
            have the name of any of them.
        csrf: guards the application against cross-site request forgery: `CsrfMiddleware`, or with arguments
            `partial(CsrfMiddleware, trusted_origins=[…])`. Handlers can then ask for `csrf_token` too.
        origins: which `Origin` headers a WebSocket may come with. None: the host that it asks for.
        recheck: seconds after which an open WebSocket looks whether its visit is still there. None: never.

    Raises:
        SessionDefinitionError: `visits` is something else, or made of `SyncSessions`; no handler could ask for a model
            by its name; where the application is made, that a handler does not get the sessions that it asks for.
    """

    def __init__(
        self,
        visits: Visits,
        *,
        dependencies: Dependencies | None = None,
        csrf: Callable[[AnyApp], AnyApp] | None = None,
        origins: Sequence[str] | None = None,
        recheck: float | None = RECHECK,
    ) -> None:
        _refuse_others(visits)
        self.visits = visits
        """What a visit is made of, and how it is kept."""
        self._models = set(visits.models)
        self._dependencies = _by_name(visits) if dependencies is None else dict(dependencies)
        if csrf is not None and dependencies is None:
            self._dependencies.setdefault("csrf_token", provide_csrf_token())
        self._csrf = csrf
        self._origins = origins
        self._recheck = recheck

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add what the plugin is made of. For Litestar."""
        others = (each for each in app_config.plugins if isinstance(each, SessionPlugin))
        self._models.update(model for each in others for model in each.visits.models)
        app_config.middleware.insert(0, DefineMiddleware(self._around))
        app_config.dependencies = {**self._dependencies, **app_config.dependencies}
        app_config.response_cache_config = _keeping_out(app_config.response_cache_config)
        self._describe(app_config)
        bare: Any = app_config  # Litestar leaves the generics of these bare
        bare.exception_handlers = {**ANSWERS, **bare.exception_handlers}
        bare.after_exception.append(note_failure)
        app_config.on_startup += [unbury, self._verify]
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Check what the handlers ask for, and say in the OpenAPI schema which look at the cookie. For Litestar.

        Raises:
            SessionDefinitionError: a handler does not get the sessions that it asks for.
        """
        if isinstance(route, WebSocketRoute):
            verify(route.route_handler, self._models)
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            verify(handler, self._models)
            handler.security = handler.security or self._security(handler)

    async def _verify(self) -> None:
        # Here, because Litestar's lifespan does not pass its middleware.
        await verify_store(self.visits)

    def _around(self, app: ASGIApp) -> ASGIApp:
        inner = cast("AnyApp", Answering(app))
        guarded = inner if self._csrf is None else self._csrf(inner)
        made = SessionMiddleware(guarded, self.visits, origins=self._origins, recheck=self._recheck)
        return cast("ASGIApp", made)

    def _describe(self, app_config: AppConfig) -> None:
        cookie = self.visits.cookie
        scheme = SecurityScheme(
            type="apiKey", security_scheme_in="cookie", name=cookie.name, description="The id of the browser's visit."
        )
        added = Components(security_schemes={cookie.name: scheme})
        if app_config.openapi_config is not None:
            # A copy, because applications that are given none share Litestar's.
            config = app_config.openapi_config = copy(app_config.openapi_config)
            own = config.components if isinstance(config.components, list) else [config.components]
            config.components = [*own, added]

    def _security(self, handler: HTTPRouteHandler) -> list[SecurityRequirement] | None:
        cookie: SecurityRequirement = {self.visits.cookie.name: []}
        asked = [each for each in used_by(handler).values() if isinstance(each, OfVisit)]
        if requires_login in cast("Any", handler).resolve_guards() or any(each.insists for each in asked):
            return [cookie]
        return [cookie, {}] if asked else None  # whoever comes without one begins a visit


def _by_name(visits: Visits) -> dict[str, Provide]:
    found: dict[str, Provide] = {"visit": provide_visit()}
    for model in visits.models:
        name = model.session_config.name.translate({ord("-"): "_", ord("."): "_"})
        if name in RESERVED_KWARGS or name in found or not name.isidentifier():
            raise SessionDefinitionError(
                f"no parameter can be called {name!r} for {model.__qualname__}; name what handlers can ask for: "
                f"SessionPlugin(visits, dependencies={{'my_{name}': provide_data({model.__qualname__})}})"
            )
        found[name], found[f"{name}_session"] = provide_data(model), provide_session(model)
    return found


def _refuse_others(visits: Visits) -> None:
    if not isinstance(visits, Visits):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
        raise SessionDefinitionError(
            f"SessionPlugin takes Visits, not a {type(visits).__name__}: Visits(sessions, models=[…])"
        )
    if isinstance(visits.sessions.store, NeverWaiting):
        raise SessionDefinitionError(
            "Litestar applications run in an event loop, and these visits are for threads; "
            "write Visits(Sessions(store), models=[…])"
        )


def _keeping_out(config: ResponseCacheConfig) -> ResponseCacheConfig:
    """The same, but what depends on a visit does not come under a key that is the same for all."""
    wanted, app_builder = config.cache_response_filter, cast("Any", config).key_builder

    def is_wanted(scope: HTTPScope, status: int, /) -> bool:
        handler: Any = scope["route_handler"]
        is_shared = (handler.cache_key_builder or app_builder) is default_cache_key_builder
        was_read = any(visit.was_read for visit in visits_in(cast("dict[str, Any]", scope)))
        return not (is_shared and was_read) and wanted(scope, status)

    return replace(config, cache_response_filter=is_wanted)
