"""A release at work: `python deploy_worker.py RELEASE TAG TURNS`, beside others of its kind.

It adds lines of its own to a few carts that all share. It imports the shop of its release, as a server would, and
knows nothing but that: what a release cannot do, it does not. Each turn prints what it added, or the error.
"""

import asyncio
import logging
import sys
from functools import partial
from importlib import import_module
from typing import Any

release, tag, turns = sys.argv[1], sys.argv[2], int(sys.argv[3])
sys.path.insert(0, release)

from typed_sessions import NewerVersionError, SessionModel, Sessions  # noqa: E402

shop: Any = import_module("shop.cart")

CARTS = ("1", "2", "3")

logging.disable()  # only what is printed is compared


async def main() -> None:
    async with Sessions.from_settings() as sessions:
        model: type[SessionModel] = shop.Cart
        for number in range(turns):
            chat, sku = CARTS[number % len(CARTS)], f"{tag}-{number}"
            try:
                await sessions.update(model, chat, partial(add, sku))
            except NewerVersionError as error:
                say("refused", error.stored, error.ours)
            else:
                say("added", chat, sku)


def add(sku: str, cart: Any) -> None:  # noqa: ANN401 # a cart of the release
    has_quantities = "qty" in shop.Line.model_fields
    cart.lines.append(shop.Line(sku=sku, qty=2) if has_quantities else shop.Line(sku=sku))
    if "note" in shop.Cart.model_fields:
        cart.note = f"by {sku}"


def say(*words: object) -> None:
    sys.stdout.write(f"{' '.join(map(str, words))}\n")


asyncio.run(main())
