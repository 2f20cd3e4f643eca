from tests.typing.shop import Cart
from typed_sessions import JsonObject, MemoryStore, Sessions
from typed_sessions.integrations.asgi import Visits
from typed_sessions.integrations.starsessions import StarsessionsStore
from typed_sessions.integrations.takeover import InRedis, InTable, Taken
from typed_sessions.integrations.takeover.django import DjangoTakeover, has_password
from typed_sessions.integrations.takeover.starlette import StarletteTakeover
from typed_sessions.integrations.takeover.starsessions import InStore, StarsessionsTakeover


def into(_: JsonObject) -> Taken | None:
    return Taken(sessions=[Cart()], owner=7)


def without_argument() -> Taken:
    return Taken()


def a_cart(_: JsonObject) -> Cart:
    return Cart()


StarletteTakeover("key")  # error: mypy[call-arg] pyright[reportCallIssue]
StarletteTakeover(["key"], into=without_argument)  # error: mypy[arg-type] pyright[reportArgumentType]
StarletteTakeover(["key"], into=a_cart)  # error: mypy[arg-type] pyright[reportArgumentType]
StarletteTakeover([7], into=into)  # error: mypy[list-item] pyright[reportArgumentType]
StarletteTakeover(["key"], into=into, cookie="session")  # error: mypy[arg-type] pyright[reportArgumentType]
Taken([Cart()])  # error: mypy[call-arg] pyright[reportCallIssue]
Taken(sessions=Cart())  # error: mypy[arg-type] pyright[reportArgumentType]
InRedis(MemoryStore(), prefix="")  # error: mypy[arg-type] pyright[reportArgumentType]
InStore(MemoryStore())  # error: mypy[arg-type] pyright[reportArgumentType]
InTable("sqlite://", "old", key="id", data="data", expires="ends")  # error: mypy[arg-type] pyright[reportArgumentType]
StarsessionsTakeover(MemoryStore(), into=into)  # error: mypy[arg-type] pyright[reportArgumentType]
DjangoTakeover(InStore, into=into, keys=["key"])  # error: mypy[arg-type] pyright[reportArgumentType]
Visits(Sessions(MemoryStore()), [Cart], takeovers=[into])  # error: mypy[list-item] pyright[reportArgumentType]
has_password({}, "hashed")  # error: mypy[call-arg] pyright[reportCallIssue]
StarsessionsStore(MemoryStore())  # error: mypy[arg-type] pyright[reportArgumentType]
