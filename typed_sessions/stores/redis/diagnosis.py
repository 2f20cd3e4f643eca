"""What a Redis can tell of its health, and what must hold before sessions are kept in it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

from typed_sessions.clock import EPOCH, Clock
from typed_sessions.errors import SessionDefinitionError, StoreUnavailableError
from typed_sessions.stores.diagnosis import Finding, Level
from typed_sessions.stores.redis.commands import called
from typed_sessions.stores.redis.names import Names
from typed_sessions.stores.redis.scripts import PROBE
from typed_sessions.stores.redis.translate import ALLOWED, translating
from typed_sessions.stores.redis.wires import Wire, ask_one

KEEPING: Final = "noeviction"
EVICTING: Final = "allkeys-"
COMMAND: Final = "redis-cli CONFIG SET maxmemory-policy noeviction"
CLOCKS: Final = 5.0
"""Seconds by which clocks may differ before it is told."""


async def verify(wire: Wire, names: Names) -> None:
    """See that Redis answers, takes writes, and throws no session away.

    Raises:
        StoreUnavailableError: it does not answer, or takes no writes.
        SessionDefinitionError: it evicts whatever it likes when its memory is full, is a cluster and the client
            is none for a cluster, or does not let its user run a command that saves are made of.
    """
    async for info in _infos(wire):
        if info.get("role") == "slave":
            raise StoreUnavailableError(
                "this Redis is a replica and takes no writes; connect to the primary, or to a cluster"
            )
        if info.get("cluster_enabled") == "1" and not wire.is_cluster:
            raise SessionDefinitionError(
                "this Redis is a node of a cluster; use a URL redis+cluster://, or hand in a RedisCluster"
            )
        policy = info.get("maxmemory_policy", KEEPING)
        if _is_limited(info) and policy.startswith(EVICTING):
            raise SessionDefinitionError(
                f"this Redis deletes any key when its memory is full (maxmemory-policy {policy}), sessions too; "
                f"run `{COMMAND}`"
            )
    with translating():
        refused = (await ask_one(wire, called(PROBE, [names.nobody()]))).decode()
    if refused:
        raise SessionDefinitionError(
            f"this Redis does not let its user run {refused}, without which a save could be made in part; "
            f"allow {ALLOWED}"
        )


async def diagnose(wire: Wire, clock: Clock) -> Sequence[Finding]:
    """Look at each server that keeps data."""
    findings: list[Finding] = []
    try:
        async for info in _infos(wire):
            findings += [_connection(info), _memory(info), _persistence(info), _replication(info)]
        findings.append(await _clock(wire, clock))
    except StoreUnavailableError as error:
        findings.append(Finding("connection", "error", str(error)))
    return findings


def _connection(info: Mapping[str, str]) -> Finding:
    port = info.get("tcp_port", "?")
    if info.get("role") == "slave":
        return Finding("connection", "error", f"port {port} is a replica and takes no writes")
    return Finding("connection", "ok", f"Redis {info.get('redis_version', '?')} answers on port {port}")


def _memory(info: Mapping[str, str]) -> Finding:
    policy = info.get("maxmemory_policy", KEEPING)
    if policy == KEEPING:
        return Finding("memory", "ok", "no key is evicted (maxmemory-policy noeviction)")
    level: Level = "ok" if not _is_limited(info) else "error" if policy.startswith(EVICTING) else "warning"
    what = "any key" if policy.startswith(EVICTING) else "sessions that expire, before they do"
    when = "when its memory is full" if _is_limited(info) else "if it is ever given a maxmemory"
    return Finding("memory", level, f"it deletes {what}, {when} (maxmemory-policy {policy})", COMMAND)


def _persistence(info: Mapping[str, str]) -> Finding:
    if info.get("aof_enabled") == "1":
        return Finding("persistence", "ok", "saves are appended to a file (appendonly); see appendfsync for how soon")
    return Finding(
        "persistence",
        "warning",
        "saves since the last snapshot are lost when it stops (appendonly no)",
        "redis-cli CONFIG SET appendonly yes",
    )


def _replication(info: Mapping[str, str]) -> Finding:
    replicas = info.get("connected_slaves", "0")
    if replicas == "0":
        return Finding("replication", "ok", "it has no replica: nothing takes its place when it stops")
    return Finding("replication", "ok", f"it has {replicas} replica(s), which get saves a moment after they are told")


async def _clock(wire: Wire, clock: Clock) -> Finding:
    with translating():
        reply = await wire.send_to((await wire.servers())[0], [b"TIME"])
    apart = abs((clock() - EPOCH).total_seconds() - float(reply[0]))
    if apart <= CLOCKS:
        return Finding("clock", "ok", "its clock is that of the application")
    return Finding("clock", "ok", f"its clock differs by {apart:.0f} s, which changes nothing")


async def _infos(wire: Wire) -> AsyncGenerator[Mapping[str, str]]:
    with translating():
        for server in await wire.servers():
            yield _fields(await wire.send_to(server, [b"INFO"]))


def _fields(reply: Any) -> Mapping[str, str]:  # noqa: ANN401 # redis-py's own
    """The fields of INFO, which a client for a cluster has taken apart already."""
    if isinstance(reply, Mapping):
        return {str(name): str(value) for name, value in reply.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # of any type
    lines = (line.partition(":") for line in reply.decode().splitlines())
    return {name: value for name, colon, value in lines if colon}


def _is_limited(info: Mapping[str, str]) -> bool:
    return info.get("maxmemory", "0") != "0"
