"""What an error of redis-py means. The only place that knows them."""

import re
from contextlib import AbstractContextManager
from typing import Final

from typed_sessions.errors import StoreUnavailableError
from typed_sessions.stores.redis.library import RedisError, errors

OF_REDIS: Final = (RedisError, errors.RedisClusterException, OSError, TimeoutError)
CODE: Final = re.compile(r"[A-Z]{2,20}\b")
NO_CONNECTION: Final = "No connection available"
"""What a pool says that waits for a free one; it has no class for it."""
ALLOWED: Final = "+get +mget +getrange +exists +pttl +set +del +rename +eval +evalsha +scan +info +time"
"""The commands that the store uses, as ACL SETUSER takes them."""
REFUSED: Final = f"refused its user a command; allow {ALLOWED} on the names of the store"
NO_PERMISSION: Final = re.compile("no permissions to run|can't run this command")
"""What Redis says of a command in a script; redis-py has a class only for one outside."""
NO_MEMORY: Final = "is out of memory and takes no more data; raise maxmemory, or delete what is not needed"
A_REPLICA: Final = "is a replica and takes no writes; connect to the primary, or to a cluster"
TOO_LATE: Final = "did not answer in time; is it overloaded, or the network down?"
A_CLUSTER: Final = "is a cluster; use a URL redis+cluster://, or hand in a RedisCluster"

MEANINGS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (errors.MaxConnectionsError, "has no connection free; raise max_connections of its pool"),
    (errors.AuthenticationError, "refused the user or password; are they correct in the URL?"),
    (errors.NoPermissionError, REFUSED),
    (errors.BusyLoadingError, "is starting and still loading its data; try again"),
    (errors.TimeoutError, TOO_LATE),
    (TimeoutError, TOO_LATE),
    (errors.OutOfMemoryError, NO_MEMORY),
    (errors.ReadOnlyError, A_REPLICA),
    (errors.MovedError, A_CLUSTER),
    (errors.ClusterCrossSlotError, A_CLUSTER),
    (errors.ClusterDownError, "is a cluster of which a part has no primary; it serves again after the failover"),
    (errors.SlotNotCoveredError, "is a cluster of which a part has no primary; it serves again after the failover"),
)
CODES: Final = {
    "OOM": NO_MEMORY,
    "READONLY": A_REPLICA,
    "WRONGTYPE": "holds something else under the name of a session; give the store a namespace of its own",
    "MISCONF": "cannot write to its disk and takes no more data; see its log",
    "NOREPLICAS": "has too few replicas to take writes (min-replicas-to-write)",
    "BUSY": "is busy with a script of somebody's; see SCRIPT KILL",
}
"""Of errors for which redis-py has no class."""


class _Translating:
    # No generator with @contextmanager: it is passed twice in every turn, and that takes five times as long.
    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OF_REDIS):
            raise translated(error) from error


_TRANSLATING: Final = _Translating()


def translating() -> AbstractContextManager[None]:
    """Raise our error instead of redis-py's."""
    return _TRANSLATING


def translated(error: BaseException) -> StoreUnavailableError:
    """Our error for one of redis-py's. To be raised `from` it. Of its text only the code is told, if it has one."""
    found = CODE.match(str(error))
    code = found.group() if found else ""
    if str(error).startswith(NO_CONNECTION):
        return StoreUnavailableError("no connection to Redis became free in time; raise pool_size or max_overflow")
    by_class = next((meaning for kinds, meaning in MEANINGS if isinstance(error, kinds)), None)
    if NO_PERMISSION.search(str(error)):
        by_class = REFUSED
    meaning = by_class or CODES.get(code, "failed; is it up, and is its URL correct?")
    return StoreUnavailableError(f"Redis {meaning} ({' '.join(filter(None, (type(error).__name__, code)))})")
