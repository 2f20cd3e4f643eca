from typed_sessions import History, JsonObject, SessionConfig, SessionKey, SessionModel


class CartHistory(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return [*old]  # error: mypy[return-value] pyright[reportReturnType]


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", version="2")  # error: mypy[arg-type] pyright[reportArgumentType]

    currency: str = 5  # error: mypy[assignment] pyright[reportAssignmentType]


class Prefs(SessionModel):
    session_config = {"name": "prefs"}  # error: mypy[assignment] pyright[reportAssignmentType]


SessionConfig()  # error: mypy[call-arg] pyright[reportCallIssue]
SessionConfig("cart")  # error: mypy[call-arg] pyright[reportCallIssue]
SessionConfig(name="cart", ttl=3600)  # error: mypy[arg-type] pyright[reportArgumentType]
SessionConfig(name="cart", history=CartHistory)  # error: mypy[arg-type] pyright[reportArgumentType]
SessionConfig(name="cart", conflicts="ours")  # error: mypy[arg-type] pyright[reportArgumentType]
SessionConfig(name="cart", on_invalid="ignore")  # error: mypy[arg-type] pyright[reportArgumentType]
SessionConfig(name="cart", initial=dict)  # error: mypy[arg-type] pyright[reportArgumentType]
SessionConfig(name="cart", lifetime=None)  # error: mypy[call-arg] pyright[reportCallIssue]
SessionConfig(name="cart").version = 2  # error: mypy[misc] pyright[reportAttributeAccessIssue]

SessionKey("cart", 42)  # error: mypy[arg-type] pyright[reportArgumentType]
SessionKey.of("cart", b"42")  # error: mypy[arg-type] pyright[reportArgumentType]
