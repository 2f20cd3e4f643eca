"""What the shop bakes."""

MENU = {"diavola": 10, "funghi": 9, "margherita": 8, "marinara": 7}
"""Prices in euros."""


def no_such(pizza: str) -> str:
    return f"We have no {pizza or 'nameless pizza'}. We bake {', '.join(MENU)}."


def pizzas(count: int) -> str:
    return f"{count} pizza{'' if count == 1 else 's'}"
