"""How sessions and their locks are called in Redis.

A session is `<namespace>:{<tag>}:<model>:<text>`, its lock `<namespace>!lock:{<tag>}:<model>:<text>`. The tag decides
on which node of a Redis Cluster it lies (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/,
"Hash tags"). It is one part of the key, so that the sessions of one user or chat lie together.
"""

import re
from functools import lru_cache
from typing import Final

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.key import SEPARATOR, SessionKey
from typed_sessions.plan import RESET_SUFFIX
from typed_sessions.stores.protocol import Query
from typed_sessions.stores.redis.library import key_slot

QUARANTINE_SUFFIX: Final = "!quarantine"
NAMESPACE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}|\{[A-Za-z0-9_.:-]{1,64}\}")
NOBODY: Final = SessionKey("!nobody", "")
REMEMBERED: Final = 4096
"""Names that are kept, because a turn needs each of them twice."""

# A text has no `%` but before two hexadecimal digits, so these meet no other; an empty tag would be none to Redis.
_TAG = str.maketrans({"{": "%7B", "}": "%7D"})
_EMPTY = "%"
_MODEL = str.maketrans({"%": "%25", ":": "%3A"})
_WILD = re.compile(r"([*?\[\]\\^])")


class Names:
    """The names under one namespace.

    Args:
        namespace: letters, digits, `_`, `.`, `:`, `-`; in braces, all of it lies in one slot.
        slot_part: the number of the part of a key that is the tag, or its last part if it has fewer; None for all
            of the key.

    Raises:
        SessionDefinitionError: the namespace cannot be used.
    """

    def __init__(self, namespace: str, slot_part: int | None) -> None:
        if not NAMESPACE.fullmatch(namespace):
            raise SessionDefinitionError(
                f"the namespace {namespace!r} cannot be used in Redis; give at most 64 letters, digits, `_`, `.`, "
                f"`:`, `-`, or these in braces, so that all sessions lie in one slot of a cluster"
            )
        if slot_part is not None and slot_part < 0:
            raise SessionDefinitionError("slot_part is the number of a part of the key, counted from 0, or None")
        self._slot_part = slot_part
        self._sessions, self._locks = f"{namespace}:{{", f"{namespace}!lock:{{"
        self.session = lru_cache(REMEMBERED)(self._session)
        """The name of a session. The cache of one in use is never large."""

    def _session(self, key: SessionKey) -> bytes:
        return f"{self._sessions}{self._rest(key)}".encode()

    def lock(self, key: SessionKey) -> bytes:
        """The name of its lock."""
        return f"{self._locks}{self._rest(key)}".encode()

    def nobody(self) -> bytes:
        """The name of a session that never is."""
        return self._session(NOBODY)

    def key(self, name: bytes) -> SessionKey | None:
        """The session's key behind a name; None if it is none of ours."""
        try:
            text = name.decode()
        except UnicodeDecodeError:
            return None
        if not text.startswith(self._sessions):
            return None
        model, colon, rest = text[len(self._sessions) :].partition("}:")[2].partition(":")
        key = SessionKey(model.replace("%3A", ":").replace("%25", "%"), rest)
        return key if colon and self._session(key) == name else None

    def pattern(self, query: Query) -> bytes:
        """What the names of a query's sessions look like, for `SCAN … MATCH`; others may look so too."""
        model = "*" if query.model is None else _literal(query.model.translate(_MODEL))
        prefix = "" if query.prefix is None else _literal(query.prefix)
        return f"{_literal(self._sessions)}*}}:{model}:{prefix}*".encode()

    def _rest(self, key: SessionKey) -> str:
        return f"{self._tag(key)}}}:{key.model.translate(_MODEL)}:{key.text}"

    def _tag(self, key: SessionKey) -> str:
        text = _origin(key)
        if self._slot_part is not None:
            parts = text.split(SEPARATOR)
            text = parts[min(self._slot_part, len(parts) - 1)]
        return text.translate(_TAG) or _EMPTY


def slot_of(name: bytes) -> int:
    """The number of the slot in which a name lies."""
    slot: int = key_slot(name)
    return slot


def _origin(key: SessionKey) -> str:
    """The text of the key itself; of a session that was set aside, of the one that it was: they move together."""
    if key.model.endswith(RESET_SUFFIX):
        return key.text.partition(SEPARATOR)[2]
    if key.model.endswith(QUARANTINE_SUFFIX):
        return key.text.rpartition(SEPARATOR)[0]
    return key.text


def _literal(text: str) -> str:
    """The text as a pattern that matches nothing else."""
    return _WILD.sub(r"\\\1", text)
