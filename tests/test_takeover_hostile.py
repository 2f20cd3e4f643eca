"""Whatever a hostile browser sends as an old cookie: it is no session, and costs little."""

import hmac
import json
import time
import tracemalloc
import zlib
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from string import ascii_letters, digits

import msgspec
import pytest
from itsdangerous import TimestampSigner
from starsessions import InMemoryStore

from tests.takeover_old import KEY, OTHER_KEY
from typed_sessions.integrations.takeover import Taken, Takeover
from typed_sessions.integrations.takeover.django import COOKIE_SALT, DjangoCookieTakeover, DjangoTakeover
from typed_sessions.integrations.takeover.django_signing import salted
from typed_sessions.integrations.takeover.flask import FlaskTakeover
from typed_sessions.integrations.takeover.flask_session import FlaskSessionTakeover
from typed_sessions.integrations.takeover.payload import MAX_BYTES
from typed_sessions.integrations.takeover.starlette import StarletteTakeover
from typed_sessions.integrations.takeover.starsessions import InStore, StarsessionsTakeover

BOMB = zlib.compress(b'{"a": "' + b"x" * 50_000_000 + b'"}')
DEEP = b"[" * 200_000
LARGE = b'{"a": "' + b"x" * 2**20 + b'"}'
PICKLE = b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s."

GARBAGE = [
    "", ".", "..", ":", "::", "a.b.c", "a:b:c", "\0", "é" * 100, "=" * 40, "." * 15_000, ":" * 15_000, "a" * 15_000,
    "\x80" * 43, "-" * 16_000, "eyJ1c2VyX2lkIjo3fQ==", "null", "../../etc/passwd", "%00" * 20, "\ud800",
]  # fmt: skip


class OldPlace:
    """Holds the same under every id."""

    def __init__(self, data: bytes | str | None) -> None:
        self.data = data

    async def get(self, _: str, /) -> bytes | str | None:
        return self.data

    async def delete(self, _: str, /) -> None: ...


def into(_: object) -> Taken:
    return Taken(owner=7)


NOWHERE = OldPlace(None)
READERS: list[Takeover] = [
    StarletteTakeover([KEY], into=into),
    StarsessionsTakeover(NOWHERE, into=into),
    FlaskTakeover([KEY], into=into),
    FlaskSessionTakeover(NOWHERE, into=into),
    FlaskSessionTakeover(NOWHERE, into=into, keys=[KEY]),
    DjangoTakeover(NOWHERE, into=into, keys=[KEY]),
    DjangoCookieTakeover([KEY], into=into),
]


def reader_name(reader: Takeover) -> str:
    return type(reader).__name__


async def taken(reader: Takeover, value: str) -> Taken | None:
    name = reader.name(value)
    return None if name is None else await reader.take(name)


@pytest.mark.parametrize("reader", READERS, ids=reader_name)
@pytest.mark.parametrize("value", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_is_no_session(reader: Takeover, value: str) -> None:
    assert await taken(reader, value) is None


@pytest.mark.parametrize("reader", READERS, ids=reader_name)
@pytest.mark.parametrize("character", "\\.:=a\xff", ids=ascii)
async def test_a_cookie_of_64_kb_takes_less_than_50_ms(reader: Takeover, character: str) -> None:
    def seconds() -> float:
        begun = time.thread_time()
        reader.name(character * 65_536)
        return time.thread_time() - begun

    assert min(seconds() for _ in range(3)) < 0.05


def by_starlette(payload: bytes, key: str = KEY) -> str:
    return TimestampSigner(key).sign(b64encode(payload)).decode()


def by_flask(payload: bytes, key: str = KEY) -> str:
    packed = b"." + urlsafe_b64encode(payload).rstrip(b"=")
    return TimestampSigner(key, salt="cookie-session", key_derivation="hmac").sign(packed).decode()


def by_django(payload: bytes, key: str = KEY) -> str:
    signed = "." + urlsafe_b64encode(payload).rstrip(b"=").decode() + ":1xVO7Q"
    made = hmac.digest(salted(f"{COOKIE_SALT}signer", key.encode()), signed.encode(), "sha256")
    return f"{signed}:{urlsafe_b64encode(made).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    "payload", [DEEP, b"", b"[]", b"null", b"\xff\xfe", b"7", b"{", PICKLE, b"9" * 5000], ids=range(9)
)
async def test_a_signed_payload_that_is_no_object_is_no_session(payload: bytes) -> None:
    starlette = StarletteTakeover([KEY], into=into)
    starlette_value = starlette.name(by_starlette(payload)) or by_starlette(payload)

    assert await starlette.take(starlette_value) is None
    assert await taken(FlaskTakeover([KEY], into=into), by_flask(zlib.compress(payload))) is None
    assert await taken(DjangoCookieTakeover([KEY], into=into), by_django(zlib.compress(payload))) is None


@pytest.mark.parametrize("sign", [by_flask, by_django])
async def test_a_bomb_is_unpacked_to_a_megabyte_and_no_further(sign: Callable[[bytes], str]) -> None:
    reader = FlaskTakeover([KEY], into=into) if sign is by_flask else DjangoCookieTakeover([KEY], into=into)
    value = sign(BOMB)
    tracemalloc.start()
    found, (_, peak) = await reader.take(value), tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found is None
    assert peak < 8 * MAX_BYTES


@pytest.mark.parametrize("sign", [by_flask, by_django])
async def test_what_is_not_signed_is_never_unpacked(sign: Callable[[bytes, str], str]) -> None:
    reader = FlaskTakeover([KEY], into=into) if sign is by_flask else DjangoCookieTakeover([KEY], into=into)

    assert await reader.take(sign(zlib.compress(b"{}"), OTHER_KEY)) is None


@pytest.mark.parametrize(
    "data",
    [
        DEEP,
        b"",
        b"[]",
        b"\xc1",
        PICKLE,
        msgspec.msgpack.encode([1]),
        b"\x91" * 100_000,
        b'{"a":"' + b"x" * 2**20 + b'"}',
    ],
    ids=range(8),
)
async def test_what_is_kept_and_is_no_object_is_no_session(data: bytes) -> None:
    assert await taken(FlaskSessionTakeover(OldPlace(data), into=into), "a" * 43) is None
    assert await taken(StarsessionsTakeover(OldPlace(data), into=into), "a" * 32) is None
    assert await taken(DjangoTakeover(OldPlace(data), into=into, keys=[KEY]), "a" * 32) is None


async def test_a_pickle_is_refused_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    await taken(FlaskSessionTakeover(OldPlace(PICKLE), into=into), "a" * 43)

    assert "nothing pickled is read" in caplog.text


def spellings(value: str) -> Iterator[str]:
    """With each character changed in its last bit, and with what base64 skips put before each and behind the last."""
    alphabet = ascii_letters + digits + "-_"
    for index, character in enumerate(value):
        if character in alphabet:
            yield value[:index] + alphabet[alphabet.index(character) ^ 1] + value[index + 1 :]
    for skipped in ("!", "!!", "!!!", "=", '"', "."):
        yield from (value[:index] + skipped + value[index:] for index in range(len(value) + 1))


SIGNED = [
    (StarletteTakeover([KEY], into=into), by_starlette(b'{"user_id":7}')),
    (FlaskTakeover([KEY], into=into), by_flask(zlib.compress(b'{"user_id":7}'))),
    (DjangoCookieTakeover([KEY], into=into, max_age=timedelta(days=36_500)), by_django(zlib.compress(b"{}"))),
]


@pytest.mark.parametrize(("reader", "value"), SIGNED, ids=["starlette", "flask", "django"])
async def test_a_signed_cookie_in_another_spelling_is_no_session(reader: Takeover, value: str) -> None:
    names = {reader.name(each) for each in spellings(value)}

    assert reader.name(value) == value
    assert names == {None}


async def test_an_id_that_starsessions_did_not_make_is_never_looked_for() -> None:
    store = InMemoryStore()
    store.data["planted"] = json.dumps({"user_id": 7}).encode()

    assert await taken(StarsessionsTakeover(InStore(store), into=into), "planted") is None
