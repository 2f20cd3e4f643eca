"""The capacity model of docs/howto/scale-out.md."""

import math
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Room:
    """What the sessions of one engine take: `session` bytes each, and `byte` for each byte of data and key."""

    session: float
    byte: float

    def each(self, size: int) -> float:
        """Bytes of one session whose data and key have `size` bytes."""
        return self.session + self.byte * size

    def most(self, size: int, room: float) -> float:
        """How many such sessions so many bytes hold."""
        return room / self.each(size)


def fullest(keys: int, shards: int) -> float:
    """How many keys the fullest of the shards has, if each key falls into any of them by chance.

    A shard's keys are binomial, nearly normal; the largest of several normal numbers by Blom (1958).
    """
    spread = math.sqrt(keys / shards * (1 - 1 / shards))
    return keys / shards + NormalDist().inv_cdf((shards - 0.375) / (shards + 0.25)) * spread


def connections(turns: float, seconds: float, share: float = 0.999) -> int:
    """How many connections that share of the turns finds one free of, if each keeps one for so long.

    Turns come at random, so many a second. Busy are their product on average (Little's law), by a Poisson distribution.
    """
    mean, number = turns * seconds, 0
    chance = sum_of = math.exp(-mean)
    while sum_of < share:
        number += 1
        chance *= mean / number
        sum_of += chance
    return number + 1


def waiting(turns: float, seconds: float, servers: int) -> float:
    """Seconds for which a turn waits on average, where each takes so long of one of several servers.

    Half of what it would be if the times were exponential (Erlang C), as is usual for M/D/c. Infinite if they cannot
    keep up.
    """
    load = turns * seconds
    if load >= servers:
        return math.inf
    return _chance_to_wait(load, servers) * seconds / (servers - load) / 2


def _chance_to_wait(load: float, servers: int) -> float:
    # Erlang B by its recursion, then C from B.
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    share = load / servers
    return blocked / (1 - share * (1 - blocked))


@dataclass(frozen=True, slots=True)
class Work:
    """Seconds of one server that a turn takes: to read, to write, and to write what another node sends."""

    read: float
    write: float
    applied: float = 0.0

    def on_shards(self, shards: int, keys: int) -> float:
        """Turns a second of several databases that share the keys, until the fullest has no more to give."""
        return keys / fullest(keys, shards) / (self.read + self.write)

    def on_replicas(self, nodes: int) -> float:
        """Turns a second of a cluster each of whose nodes reads its own turns and writes all of them."""
        return nodes / (self.read + self.write + (nodes - 1) * self.applied)
