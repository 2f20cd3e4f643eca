"""The sessions in an application's OpenAPI schema."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from starlette.applications import Starlette

from typed_sessions.integrations.asgi import Cookie, Visits
from typed_sessions.integrations.fastapi.dependencies import OF_LOGIN, OF_VISIT, cookie_scheme, scheme_of
from typed_sessions.integrations.fastapi.served import served

Schema: TypeAlias = dict[str, Any]

UNAUTHORIZED = "Nobody is logged in."


def describe(app: FastAPI | Starlette, /, *visits: Visits) -> None:
    """Let the OpenAPI schema of an application, and of those mounted in it, name the cookie of their visits.

    The middleware does so when the application starts. Call it by hand where the schema is written without a server.

    Args:
        app: the application.
        visits: those of middlewares around it that were not added by its own `add_middleware`.
    """
    for each in served(app, visits):
        if isinstance(each.app, FastAPI) and each.visits:
            known = each.app.openapi
            plain = known.plain if isinstance(known, Described) else known
            each.app.openapi = Described(plain, each.visits)  # type: ignore[method-assign]  # as FastAPI documents it


@dataclass(frozen=True, slots=True)
class Described:
    """Makes an OpenAPI schema that names the cookies."""

    plain: Callable[[], Schema]
    """Makes one that does not."""
    visits: tuple[Visits, ...]

    def __call__(self) -> Schema:
        schema = deepcopy(self.plain())  # which FastAPI keeps
        cookies = self._cookies()
        schemes: Schema = schema.get("components", {}).get("securitySchemes", {})
        for name in schemes.keys() & cookies.keys():
            cookie = cookies[name]
            del schemes[name]
            schemes[cookie.name] = jsonable_encoder(cookie_scheme(cookie), by_alias=True, exclude_none=True)
        for operation in _operations(schema):
            _name_cookies(operation, cookies)
        return schema

    def _cookies(self) -> dict[str, Cookie]:
        """The cookies, by the names that the schemes have until they are known."""
        of_models = {scheme_of(model): each.cookie for each in self.visits for model in each.models}
        return {**of_models, OF_VISIT: self.visits[-1].cookie, OF_LOGIN: self.visits[-1].cookie}


def _operations(schema: Schema) -> Iterator[Schema]:
    for path in schema.get("paths", {}).values():
        yield from (each for each in path.values() if isinstance(each, dict) and "security" in each)


def _name_cookies(operation: Schema, cookies: dict[str, Cookie]) -> None:
    asked: list[dict[str, Any]] = operation["security"]
    if any(OF_LOGIN in each for each in asked):
        operation["responses"].setdefault("401", {"description": UNAUTHORIZED})
    names = {name: cookie.name for name, cookie in cookies.items()}
    named = [{names.get(name, name): scopes for name, scopes in each.items()} for each in asked]
    operation["security"] = [each for place, each in enumerate(named) if each not in named[:place]]
