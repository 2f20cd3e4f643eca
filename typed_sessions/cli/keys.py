"""How keys and owners are given on the command line, and printed."""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final
from urllib.parse import quote, unquote

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


ENCODED: Final = re.compile(r"(?:%(?:0[1-9A-F]|1[0-9A-F]|7F|[89A-F][0-9A-F]))+")
"""What no terminal prints, in UTF-8; never a `/`, a `%` or a blank, whose codes are part of the stored key."""

KEYS: Final = {"ignore_unknown_options": True}


def key_of(model: str, given: Sequence[str]) -> SessionKey:
    """The key of one text, as `ls` prints it, or of its parts.

    Raises:
        InvalidKeyError: no key can be so.
    """
    return SessionKey(model, text_of(given, is_exact=ASIDE in model))


def text_of(given: Sequence[str], *, is_exact: bool = False) -> str:
    """What is stored for a key, a prefix or an owner: one text as it is printed, or its parts.

    `50%` is taken for `50%25`, as keys are written, unless it `is_exact`: then only what `written` encodes is decoded.

    Raises:
        InvalidKeyError: it cannot be stored.
    """
    if len(given) != 1:
        return key_text(tuple(given))
    encoded = key_text(tuple(unquote(part) for part in given[0].split(SEPARATOR)))
    return exact(given[0]) if is_exact else encoded


def written(text: str) -> str:
    """A stored key or owner as it is printed and given: what a terminal may obey is percent-encoded, as `/` is."""
    return "".join(each if each.isprintable() else quote(each, errors="surrogatepass") for each in text)


def exact(given: str) -> str:
    """The stored key that is `written` so, whatever else it holds."""
    return ENCODED.sub(lambda found: unquote(found[0]), given)


def optional_text(given: str | None) -> str | None:
    """The same for an option."""
    return None if given is None else text_of([given])
