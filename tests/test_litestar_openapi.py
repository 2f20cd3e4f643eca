"""What the OpenAPI schema of a Litestar application says of its visits."""

from typing import Any

from litestar import Litestar, get
from litestar.di import NamedDependency, Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from tests.litestar_shop import Cart, Prefs, Shop, asked
from typed_sessions import MemoryStore, Session, Sessions
from typed_sessions.integrations.litestar import (
    Cookie,
    SessionPlugin,
    Visit,
    Visits,
    provide_owner,
    requires_login,
)

COOKIE = {"session": list[str]()}


async def idle() -> None: ...


async def look(
    cart: NamedDependency[Cart], cart_session: NamedDependency[Session[Cart]], visit: NamedDependency[Visit]
) -> None: ...


async def total(cart: NamedDependency[Cart]) -> int:
    return len(cart.lines)


async def look_at_the_total(total: NamedDependency[int]) -> int:
    return total


async def look_at_the_owner(owner: NamedDependency[str], my_prefs: NamedDependency[Prefs]) -> None: ...


def operation(handler: Any, **options: Any) -> dict[str, Any]:  # noqa: ANN401 # Litestar's
    schema = Shop(asked(handler, **options)).app.openapi_schema.to_schema()
    described: dict[str, Any] = schema["paths"]["/ask"]["post"]
    return described


def test_the_cookie_is_a_security_scheme() -> None:
    schema = Shop().app.openapi_schema.to_schema()

    assert schema["components"]["securitySchemes"] == {
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "session",
            "description": "The id of the browser's visit.",
        }
    }


def test_a_handler_that_asks_for_sessions_takes_the_cookie_if_there_is_one() -> None:
    assert operation(look)["security"] == [COOKIE, {}]


def test_a_handler_that_asks_for_them_by_a_dependency_does_so_too() -> None:
    assert operation(look_at_the_total, dependencies={"total": Provide(total)})["security"] == [COOKIE, {}]


def test_a_handler_that_asks_for_the_owner_insists_on_the_cookie() -> None:
    assert operation(look_at_the_owner, dependencies={"owner": provide_owner()})["security"] == [COOKIE]


def test_a_guarded_handler_insists_on_the_cookie() -> None:
    assert operation(idle, guards=[requires_login])["security"] == [COOKIE]


def test_a_handler_that_asks_for_nothing_says_nothing() -> None:
    assert "security" not in operation(idle)


def test_what_a_handler_says_itself_stays() -> None:
    assert operation(look, security=[{"bearer": []}])["security"] == [{"bearer": []}]


def test_sessions_are_neither_parameters_nor_bodies() -> None:
    assert operation(look).keys().isdisjoint({"parameters", "requestBody"})


def test_the_schema_of_another_application_stays_as_it_is() -> None:
    Shop()

    @get("/")
    async def handler() -> None: ...

    schema = Litestar([handler]).openapi_schema.to_schema()

    assert "securitySchemes" not in schema["components"]


def test_the_schemes_of_the_application_stay() -> None:
    own = Components(security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")})
    config = OpenAPIConfig(title="Shop", version="1", components=own)
    schema = Shop(openapi_config=config).app.openapi_schema.to_schema()

    assert schema["components"]["securitySchemes"].keys() == {"bearer", "session"}
    assert config.components is own


def test_an_application_may_have_no_schema() -> None:
    assert Shop(openapi_config=None).app.openapi_config is None


def test_two_visits_are_two_schemes() -> None:
    other = Visits(Sessions(MemoryStore()), [Prefs], cookie=Cookie(name="other", secure=False))
    schema = Shop(plugins=[SessionPlugin(other, dependencies={})]).app.openapi_schema.to_schema()

    assert schema["components"]["securitySchemes"].keys() == {"other", "session"}
