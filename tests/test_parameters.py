"""What an annotation asks for."""

from collections.abc import Awaitable, Coroutine
from typing import Any

import pytest

from tests.carts import Cart
from typed_sessions import Session
from typed_sessions.integrations.parameters import Manner, Wish, wishes


def wished(annotation: object) -> list[Wish]:
    def handler(event: object, asked: object) -> None: ...

    handler.__annotations__ = {"asked": annotation}
    return wishes(handler, positional=1)


@pytest.mark.parametrize(
    ("annotation", "manner"),
    [
        (Cart, Manner.DATA),
        (Session[Cart], Manner.HANDLE),
        (Cart | None, Manner.OPTIONAL),
        (Awaitable[Cart], Manner.LAZY),
    ],
)
def test_there_are_four_ways_to_ask(annotation: object, manner: Manner) -> None:
    [wish] = wished(annotation)

    assert (wish.model, wish.manner, wish.refusal) == (Cart, manner, None)


@pytest.mark.parametrize(
    "annotation",
    [
        Awaitable[Cart | None],
        Awaitable[Session[Cart]],
        Coroutine[Any, Any, Cart],
        Session[Any],
        Session[Cart] | None,
        Cart | int,
    ],
)
def test_others_are_refused(annotation: object) -> None:
    [wish] = wished(annotation)

    assert wish.model is None
    assert wish.refusal is not None
    assert "`Awaitable[Cart]`" in wish.refusal


@pytest.mark.parametrize("annotation", [Awaitable[int], Coroutine, Coroutine[Any, Any, int], int | None, str])
def test_what_has_nothing_to_do_with_sessions_is_let_be(annotation: object) -> None:
    assert wished(annotation) == []
