"""What the model foretells, tried out: keys that fall into shards, turns that queue. The same at every run."""

import heapq
import random
from binascii import crc_hqx
from collections import Counter, deque
from collections.abc import Callable
from hashlib import blake2b
from typing import Final, TypeAlias

from tests.benchmarks.capacity.model import Work

SLOTS: Final = 16384
"""Of a Redis Cluster."""

Place: TypeAlias = Callable[[bytes, int], int]
"""The shard, of so many, of a first part of keys. What belongs to one user or chat stays together."""


def by_hash(part: bytes, shards: int) -> int:
    """As the store of docs/howto/scale-out.md."""
    return int.from_bytes(blake2b(part, digest_size=8).digest()) % shards


def by_slot(part: bytes, shards: int) -> int:
    """As a Redis Cluster whose nodes have equally many slots (CRC16 of the XMODEM kind)."""
    return crc_hqx(part, 0) % SLOTS * shards // SLOTS


def fullest(place: Place, keys: int, shards: int) -> int:
    """How many of so many keys the fullest shard gets."""
    return max(Counter(place(b"%d" % number, shards) for number in range(keys)).values())


def turns_on_shards(work: Work, shards: int, keys: int, count: int) -> float:
    """Turns a second for which the busiest database has time, of `count` turns on keys at random."""
    chance = random.Random(0)  # noqa: S311  # no secret
    busy = [0.0] * shards
    for _ in range(count):
        place = by_hash(b"%d" % chance.randrange(keys), shards)
        busy[place] += _around(work.read + work.write, chance)
    return count / max(busy)


def turns_on_replicas(work: Work, nodes: int, count: int) -> float:
    """Turns a second for which the busiest node has time, of `count` turns that go to nodes at random."""
    chance = random.Random(0)  # noqa: S311  # no secret
    busy = [0.0] * nodes
    for _ in range(count):
        own = chance.randrange(nodes)
        for node in range(nodes):
            busy[node] += _around(work.read + work.write if node == own else work.applied, chance)
    return count / max(busy)


def _around(seconds: float, chance: random.Random) -> float:
    """No two take equally long."""
    return seconds * chance.uniform(0.5, 1.5)


def waiting(turns: float, seconds: float, servers: int, count: int) -> float:
    """Seconds for which `count` turns wait on average, which come at random moments."""
    chance = random.Random(0)  # noqa: S311  # no secret
    free, now, waited = [0.0] * servers, 0.0, 0.0
    for _ in range(count):
        now += chance.expovariate(turns)
        begun = max(now, heapq.heappop(free))
        waited += begun - now
        heapq.heappush(free, begun + seconds)
    return waited / count


def connections(turns: float, seconds: float, share: float, count: int) -> int:
    """How many connections that share of `count` turns finds one free of, which come at random moments."""
    chance = random.Random(0)  # noqa: S311  # no secret
    ends: deque[float] = deque()
    now, needed = 0.0, list[int]()
    for _ in range(count):
        now += chance.expovariate(turns)
        while ends and ends[0] <= now:
            ends.popleft()
        ends.append(now + seconds)
        needed.append(len(ends))
    return sorted(needed)[round(share * count) - 1]
