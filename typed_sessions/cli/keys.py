"""How keys and owners are given on the command line, and printed."""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final
from urllib.parse import unquote

import typer
from typer.core import TyperCommand

from typed_sessions.key import SEPARATOR, SessionKey, key_text

NEGATIVE: Final = re.compile(r"-\d")
"""How the ids of Telegram's groups begin, which are keys and no options."""
ASIDE: Final = "!"
"""In the model names of what was set aside, whose keys may be cut off."""


class TakingKeys(TyperCommand):
    """A command whose arguments may be negative numbers. Any other `-…` in front of `--` has to be an option.

    Register it with `context_settings=KEYS`.
    """

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # typer's own copy of click
        known = {option for each in self.get_params(ctx) for option in (*each.opts, *each.secondary_opts)}
        for each in takewhile(lambda argument: argument != "--", args):
            is_option = each.startswith("-") and len(each) > 1 and not NEGATIVE.match(each)
            if is_option and each.partition("=")[0] not in known and not ctx.resilient_parsing:
                raise typer.BadParameter(f"there is no option {each}; behind `--` it counts as a part of the key")
        return super().parse_args(ctx, args)


KEYS: Final = {"ignore_unknown_options": True}


def key_of(model: str, given: Sequence[str]) -> SessionKey:
    """The key of one text, as `ls` prints it, or of its parts.

    Raises:
        InvalidKeyError: no key can be so.
    """
    return SessionKey(model, text_of(given, is_exact=ASIDE in model))


def text_of(given: Sequence[str], *, is_exact: bool = False) -> str:
    """What is stored for a key, a prefix or an owner: one text as it is printed, or its parts.

    `50%` is taken for `50%25`, as keys are written, unless it `is_exact`.

    Raises:
        InvalidKeyError: it cannot be stored.
    """
    if len(given) != 1:
        return key_text(tuple(given))
    written = key_text(tuple(unquote(part) for part in given[0].split(SEPARATOR)))
    return given[0] if is_exact else written


def optional_text(given: str | None) -> str | None:
    """The same for an option."""
    return None if given is None else text_of([given])
