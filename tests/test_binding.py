"""Which session of a model an event gets, and whose it is."""

import re
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from typed_sessions import (
    InvalidKeyError,
    LockTimeoutError,
    MissingKeyError,
    SessionConfig,
    SessionDefinitionError,
    SessionModel,
    Sessions,
)
from typed_sessions.integrations.binding import Binding, Bindings, OwnerFunction, nobody
from typed_sessions.integrations.places import Place, PlaceKey, per_bot, per_chat, per_user
from typed_sessions.stores.memory import MemoryStore

ADA, CLUB = 71, -1002
NOWHERE: Place = Place(kind="poll", bot_id=7, source=None)
IN_CLUB = replace(NOWHERE, kind="message", chat_id=CLUB, user_id=ADA)
IN_PRIVATE = replace(IN_CLUB, chat_id=ADA)


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    lines: list[str] = []


class Prefs(SessionModel):
    session_config = SessionConfig(name="prefs")


class OtherCart(SessionModel):
    session_config = SessionConfig(name="cart")


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(MemoryStore())


async def owned(sessions: Sessions, binding: Binding[Cart, object], place: Place) -> int:
    """Change a session, and say how many belong to Ada."""
    async with await binding.session(sessions, place) as cart:
        cart.lines.append("funghi")
    return await sessions.delete_owner(ADA)


def own(place: Place) -> int:
    return place.user


def empty(_: Place) -> str:
    return ""


async def of_everybody(_: Place) -> str:
    return "everybody"


async def test_the_key_is_the_chat_unless_the_binding_says_otherwise(sessions: Sessions) -> None:
    carts: Binding[Cart, object] = Binding(Cart)

    session = await carts.session(sessions, IN_CLUB)

    assert session.key.parts == (str(CLUB),)


async def test_a_key_function_may_be_asynchronous(sessions: Sessions) -> None:
    session = await Binding(Cart, key=of_everybody).session(sessions, NOWHERE)

    assert session.key.text == "everybody"


@pytest.mark.parametrize("place", [NOWHERE, IN_CLUB])
async def test_a_key_function_that_gives_none_says_that_there_is_no_session(sessions: Sessions, place: Place) -> None:
    def none(_: Place) -> None: ...

    with pytest.raises(MissingKeyError, match=f"the key function gives None for the event `{place.kind}`"):
        _ = await Binding(Cart, key=none).session(sessions, place)


async def test_a_key_that_cannot_be_stored_is_not_a_missing_one(sessions: Sessions) -> None:
    with pytest.raises(InvalidKeyError) as caught:
        _ = await Binding(Cart, key=empty).session(sessions, IN_CLUB)

    assert not isinstance(caught.value, MissingKeyError)


@pytest.mark.parametrize(
    ("key", "place", "count"),
    [(per_chat, IN_PRIVATE, 1), (per_chat, IN_CLUB, 0), (per_user, IN_CLUB, 1), (per_bot(per_user), IN_CLUB, 1)],
)
async def test_without_an_owner_function_it_belongs_to_the_user_whose_it_is(
    sessions: Sessions, key: PlaceKey, place: Place, count: int
) -> None:
    assert await owned(sessions, Binding(Cart, key=key), place) == count


async def test_without_an_owner_function_it_is_nobodys_under_a_key_of_ones_own(sessions: Sessions) -> None:
    assert await owned(sessions, Binding(Cart, key=own), IN_PRIVATE) == 0


@pytest.mark.parametrize(
    ("owner", "place", "count"),
    [
        (own, IN_CLUB, 1),
        (per_user, IN_CLUB, 1),
        (nobody, IN_PRIVATE, 0),
        (of_everybody, IN_PRIVATE, 0),
        (per_user, replace(IN_CLUB, user_id=None), 0),
    ],
)
async def test_it_belongs_to_whom_the_owner_function_says(
    sessions: Sessions, owner: OwnerFunction[object], place: Place, count: int
) -> None:
    assert await owned(sessions, Binding(Cart, owner=owner), place) == count


async def test_deleting_an_owner_forgets_a_person_in_every_model(sessions: Sessions) -> None:
    for model in (Cart, Prefs):
        session = await Binding(model, key=per_user).session(sessions, IN_CLUB)
        async with session:
            await session.save()

    assert await sessions.delete_owner(ADA) == 2


def test_a_model_is_bound_once() -> None:
    bindings: Bindings[object] = Bindings()
    bindings.add(Binding(Cart))

    with pytest.raises(SessionDefinitionError, match="Cart is bound already"):
        bindings.add(Binding(Cart, key=per_user))


def test_two_models_of_one_name_are_not_both_bound() -> None:
    bindings: Bindings[object] = Bindings()
    bindings.add(Binding(Cart))

    with pytest.raises(SessionDefinitionError, match="another bound model has the name 'cart' too"):
        bindings.add(Binding(OtherCart))


def test_a_binding_is_found_by_its_model() -> None:
    bindings: Bindings[object] = Bindings()
    carts: Binding[Cart, object] = Binding(Cart)
    bindings.add(carts)

    assert (bindings.of(Cart), bindings.of(Prefs), list(bindings)) == (carts, None, [carts])


def test_a_model_without_a_config_has_no_binding() -> None:
    with pytest.raises(SessionDefinitionError, match="SessionModel has no session_config"):
        Binding(SessionModel)


def test_a_binding_shows_its_model() -> None:
    assert repr(Binding(Cart)) == "<Binding of Cart>"


@pytest.mark.parametrize(("exclusive", "is_kept_out"), [(True, True), (None, False)])
async def test_its_turns_are_exclusive_if_it_says_so(exclusive: bool | None, is_kept_out: bool) -> None:
    store = MemoryStore()
    one, other = (Sessions(store, lock_timeout=0.01) for _ in range(2))
    binding = Binding[Cart, object](Cart, exclusive=exclusive)

    async with await binding.session(one, IN_CLUB):
        with pytest.raises(LockTimeoutError) if is_kept_out else nullcontext():
            async with await binding.session(other, IN_CLUB):
                pass


async def test_it_may_have_sessions_of_its_own(sessions: Sessions) -> None:
    elsewhere = Sessions(MemoryStore())
    binding = Binding[Cart, object](Cart, sessions=elsewhere)

    async with await binding.session(sessions, IN_CLUB) as cart:
        cart.lines.append("funghi")

    assert (await elsewhere.load(Cart, CLUB)).lines == ["funghi"]
    assert [key async for key in sessions.keys(Cart)] == []


def none_at_all() -> int:
    return 3


def two(_: Place, _other: int) -> int:
    return 3


class OwnKey:
    async def __call__(self, place: Place) -> int:
        return place.user


@pytest.mark.parametrize(
    ("model", "options", "sentence"),
    [
        (Cart(), {}, "a session model is a class, not an object of Cart; write the class itself"),
        (int, {}, "int has no session_config"),
        (Cart, {"key": "42"}, "key='42' is no function of one argument, the Place; write key=per_user, or"),
        (Cart, {"key": none_at_all}, "is no function of one argument"),
        (Cart, {"key": two}, "is no function of one argument"),
        (Cart, {"owner": 7}, "owner=7 is no function of one argument"),
        (Cart, {"sessions": MemoryStore()}, "takes Sessions, not a MemoryStore; make them of a store"),
    ],
)
def test_what_cannot_be_bound_is_refused(model: Any, options: dict[str, Any], sentence: str) -> None:  # noqa: ANN401 # wrong on purpose
    with pytest.raises(SessionDefinitionError, match=re.escape(sentence)):
        Binding(model, **options)


@pytest.mark.parametrize("function", [own, of_everybody, per_bot(per_user), OwnKey(), partial(two, _other=1), hash])
def test_every_function_of_a_place_can_be_bound(function: Any) -> None:  # noqa: ANN401 # all kinds
    assert Binding(Cart, key=function, owner=function).key is function
