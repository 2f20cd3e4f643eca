"""What there is to say of the contents of a store, given the session models of the project. No I/O."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from typed_sessions.cli.keys import ASIDE
from typed_sessions.limits import Limits
from typed_sessions.model import SessionConfig
from typed_sessions.settings import PREFIX
from typed_sessions.stores.diagnosis import Finding
from typed_sessions.stores.sqlalchemy.diagnosis import Content

OF_INTEGRATIONS: Final = frozenset(
    {
        "flashes",
        "fsm",
        "litestar-store",
        "starsessions",
        "telegram-bot-data",
        "telegram-callback-query",
        "telegram-chat-data",
        "telegram-conversation",
        "telegram-keyboard",
        "telegram-user-data",
        "typed-sessions-takeover",
        "typed-sessions-visit",
    }
)
"""Session models of our own, which no project declares."""
RESET: Final = f"{ASIDE}reset"
QUARANTINE: Final = f"{ASIDE}quarantine"
NEARLY: Final = 0.8
"""Of the bytes that a session may take."""

Configs: TypeAlias = Mapping[str, SessionConfig]


def findings(contents: Sequence[Content], configs: Configs, limits: Limits, *, is_whole: bool) -> list[Finding]:
    """What the contents and the code make of each other.

    Args:
        contents: of the store.
        configs: of the project's session models, by name.
        limits: of the settings.
        is_whole: whether these are all session models of the project.
    """
    own = [each for each in contents if each.model in configs]
    known = configs.keys() | OF_INTEGRATIONS
    strangers = [each for each in contents if each.model not in known and ASIDE not in each.model]
    return [
        *(found for each in own for found in _version(each, configs[each.model])),
        *(_readable(own) if own else ()),
        *(_strangers(strangers) if is_whole else ()),
        *_set_aside(contents),
        *_sizes(own, configs, limits),
    ]


def _version(each: Content, config: SessionConfig) -> Iterator[Finding]:
    name, count, ours = each.model, each.count, config.version
    what = f"{count:,} of {name!r} have version {each.version}"
    if each.version < config.history.oldest:
        told = f"{what}, and the history begins at {config.history.oldest}: put the steps back"
        yield Finding("versions", "error", told, f"typed-sessions history {name}")
    elif each.version < ours:
        told = f"{what}, older than {ours}: they are upcast when they are opened"
        yield Finding("versions", "ok", told, f"typed-sessions upcast {name}")
    elif each.min_reader > ours:
        told = f"{what}, which code of version {ours} cannot read: deploy the code of version {each.min_reader}"
        yield Finding("versions", "error", told)
    elif each.version > ours:
        told = f"{what}, newer than {ours}; this code can read them and keeps what it does not know"
        yield Finding("versions", "ok", told)


def _readable(own: Sequence[Content]) -> Iterator[Finding]:
    counts = Counter[str]()
    for each in own:
        counts[each.model] += each.count
    told = ", ".join(f"{count:,} of {name!r}" for name, count in sorted(counts.items()))
    yield Finding("contents", "ok", f"stored are {told}")


def _strangers(strangers: Sequence[Content]) -> Iterator[Finding]:
    for name in sorted({each.model for each in strangers}):
        count = sum(each.count for each in strangers if each.model == name)
        told = f"{count:,} of {name!r}, which the project does not declare: is it gone, or another project's?"
        yield Finding("models", "warning", told, f"typed-sessions ls {name}")


def _set_aside(contents: Sequence[Content]) -> Iterator[Finding]:
    counts = Counter[str]()
    for each in contents:
        if each.model.endswith((QUARANTINE, RESET)):
            counts[each.model] += each.count
    for model, count in sorted(counts.items()):
        name = model.partition(ASIDE)[0]
        if model.endswith(QUARANTINE):
            told = f"{count:,} of {name!r} are in quarantine; `quarantine list {name}` says why"
            yield Finding("quarantine", "warning", told, f"typed-sessions quarantine retry {name} --all")
        else:
            yield Finding("set aside", "ok", f"{count:,} of {name!r} were set aside ({model})")


def _sizes(own: Sequence[Content], configs: Configs, limits: Limits) -> Iterator[Finding]:
    largest = Counter[str]()
    for each in own:
        largest[each.model] = max(largest[each.model], each.largest)
    for name, size in sorted(largest.items()):
        allowed = configs[name].max_bytes or limits.max_bytes
        if size >= NEARLY * allowed:
            told = f"the largest of {name!r} takes {size:,} of {allowed:,} bytes: soon a save is refused"
            if configs[name].max_bytes is None:
                yield Finding("sizes", "warning", told, f"export {PREFIX}MAX_BYTES={2 * allowed}")
            else:
                yield Finding("sizes", "warning", f"{told}; keep large data elsewhere, or raise its max_bytes")
