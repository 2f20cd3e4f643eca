"""What it costs to read a record of the current version, and one of an older version."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from tests.benchmarks.case import Case
from tests.benchmarks.race import Contest, in_a_loop, race
from tests.benchmarks.samples import ADDRESS, ADDRESS_OF_1, ADDRESS_OF_9, LARGE, SMALL, Address, Cart, key_of, record
from typed_sessions import Record
from typed_sessions.codec import Codec
from typed_sessions.limits import Limits

TIMES = 2000


def cases() -> list[Case]:
    return [
        _current("small", SMALL, target=1.5, times=TIMES),
        _current("5 KB", LARGE, target=1.1, times=TIMES // 20),
        _stale(1, record(ADDRESS_OF_9, version=9), target=3.5),
        _stale(9, record(ADDRESS_OF_1, version=1), target=5.0),
    ]


def _current(size: str, cart: Cart, *, target: float, times: int) -> Case:
    contest = partial(_against_bare_validation, record(cart.model_dump_json().encode()), times)
    name = f"decode-{size.replace(' ', '').lower()}"
    return Case(name, f"decode a current record, {size}", "bare validate_json", target, partial(race, contest))


def _stale(steps: int, stored: Record, *, target: float) -> Case:
    path = f"decode a stale record, {steps} step{'s' * (steps > 1)}"
    return Case(f"stale-{steps}", path, "a current record", target, partial(race, partial(_against_current, stored)))


@asynccontextmanager
async def _against_bare_validation(stored: Record, times: int) -> AsyncGenerator[Contest]:
    decode = partial(Codec(Cart, Limits()).decode, key_of(Cart), stored)
    validate = partial(Cart.__pydantic_validator__.validate_json, stored.data)
    yield Contest(in_a_loop(decode, times=times), in_a_loop(validate, times=times))


@asynccontextmanager
async def _against_current(stored: Record) -> AsyncGenerator[Contest]:
    codec = Codec(Address, Limits())
    current = record(ADDRESS.model_dump_json().encode(), version=10)
    stale = partial(codec.decode, key_of(Address), stored)
    yield Contest(
        in_a_loop(stale, times=TIMES), in_a_loop(partial(codec.decode, key_of(Address), current), times=TIMES)
    )
