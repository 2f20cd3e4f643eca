"""Texts in Redis, found by SCAN, which lets others work meanwhile."""

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from typed_sessions.clock import Clock, utc_now
from typed_sessions.importing.entry import Bad, SourceError, Stored

try:
    from redis import Redis, RedisError
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f'{error.name} is not installed; pip install "typed-sessions[importing]"', name=error.name
    ) from error

PAGE: Final = 500
SPECIAL: Final = re.compile(rb"([*?\[\]\\])")


class Text(NamedTuple):
    """What a key holds: None if that is no text."""

    value: bytes | None
    expires_at: datetime | None
    kind: str = "string"


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A Redis database.

    Args:
        url: as of redis-py: `redis://user:password@host:6379/0`, `rediss://…`, `unix://…`.
        clock: the time that the remaining life of a key is added to.
    """

    url: str
    clock: Clock = utc_now

    def names(self, prefix: str) -> Iterator[Sequence[bytes]]:
        """The keys that begin so, in pages. One may come twice, if the server grows meanwhile."""
        pattern = SPECIAL.sub(rb"\\\1", prefix.encode()) + b"*"
        with self._connected() as client:
            cursor = 0
            while True:
                cursor, page = client.scan(cursor, match=pattern, count=PAGE)
                if page:
                    yield page
                if cursor == 0:
                    return

    def texts(self, names: Sequence[bytes]) -> Sequence[Text]:
        """What the keys hold, in their order. A key that is gone holds None, of the kind `none`."""
        with self._connected() as client:
            values: list[bytes | None] = client.mget(names)
            asked = client.pipeline(transaction=False)
            for name in names:
                asked.type(name)
                asked.pttl(name)
            answers, now = asked.execute(), self.clock()
        return [
            Text(value, None if life < 0 else now + timedelta(milliseconds=life), kind.decode())
            for value, kind, life in zip(values, answers[::2], answers[1::2], strict=True)
        ]

    def count(self, prefix: str) -> int:
        """How many keys begin so."""
        return sum(len(page) for page in self.names(prefix))

    @contextmanager
    def _connected(self) -> Generator[Any]:
        try:
            with closing(Redis.from_url(self.url)) as client:  # pyright: ignore[reportUnknownMemberType]  # redis-py's own
                yield client
        except (RedisError, ValueError) as error:
            raise SourceError(f"Redis cannot be read: {error}; check the URL, as in redis://host:6379/0") from None


@dataclass(frozen=True, slots=True)
class RedisTexts:
    """Texts under the keys that begin with a prefix, as `@grammyjs/storage-redis` stores them."""

    server: RedisServer
    prefix: str = ""

    def count(self) -> int:
        return self.server.count(self.prefix)

    def __iter__(self) -> Iterator[Stored | Bad]:
        for page in self.server.names(self.prefix):
            for name, text in zip(page, self.server.texts(page), strict=True):
                if text.kind != "none":
                    yield _stored(name, text)


def _stored(name: bytes, text: Text) -> Stored | Bad:
    try:
        decoded = name.decode()
    except UnicodeDecodeError:
        return Bad(repr(name), "its key is no UTF-8; rename it", text.value or b"")
    if text.value is None:
        return Bad(decoded, f"it is a {text.kind}, not a text, so none of the bot's; narrow --prefix")
    return Stored(decoded, text.value, text.expires_at)
