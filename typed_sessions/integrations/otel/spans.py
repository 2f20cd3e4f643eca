"""The spans: a turn, and in it waiting, locking, loading and saving."""

import asyncio
from collections.abc import Sequence

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from typed_sessions.integrations.otel.instruments import COLLECTION, ERROR, LOCK, MODEL, OPERATION, OUTCOME, SYSTEM
from typed_sessions.observer import Result, Work

KEY = "typed_sessions.key"
"""The salted hashes of the keys, as the log has them."""
EXCLUSIVE = "typed_sessions.exclusive"
BATCH_SIZE = "db.operation.batch.size"


class WorkSpan:
    """The span of some work. It is the current one until the work ends, so what happens meanwhile lies in it."""

    def __init__(self, tracer: Tracer, work: Work) -> None:
        self._before: Context = get_current()
        models = _models(work)
        self._span: Span = tracer.start_span(_name(work, models), self._before, _kind(work), _attributes(work, models))
        if work.kind == "turn" and self._span.is_recording():
            self._span.set_attribute(KEY, ",".join([key.tag for key in work.keys]))
        self._within = set_span_in_context(self._span, self._before)
        attach(self._within)

    def end(self, error: BaseException | None, results: Sequence[Result]) -> None:
        """End it. `error` is named by its class only: its message may quote what is stored."""
        # Not by the token: a block may be left in another context than it was entered in.
        if get_current() is self._within:
            attach(self._before)
        if results:
            self._span.set_attribute(OUTCOME, ",".join(dict.fromkeys(results)))
        if error is not None:
            self._span.set_attribute(ERROR, type(error).__qualname__)
            if not isinstance(error, asyncio.CancelledError) and "outrun" not in results:
                self._span.set_status(StatusCode.ERROR)
        self._span.end()


def _name(work: Work, models: str) -> str:
    if work.kind == "turn":
        return f"turn {models}"
    if work.kind in ("wait", "lock"):
        return "lock"
    collection = work.database and work.database.collection
    return f"{_operation(work)} {collection}" if collection else _operation(work)


def _kind(work: Work) -> SpanKind:
    return SpanKind.INTERNAL if work.database is None else SpanKind.CLIENT


def _attributes(work: Work, models: str) -> dict[str, AttributeValue]:
    match work.kind:
        case "turn":
            return {MODEL: models, EXCLUSIVE: work.is_exclusive}
        case "wait":
            return {MODEL: models, LOCK: "process"}
        case "lock":
            return {MODEL: models, LOCK: "store"} | _place(work)
        case _ if work.database is None:
            return {MODEL: models}
        case _:
            return {MODEL: models, OPERATION: _operation(work)} | _batch(work) | _place(work)


def _batch(work: Work) -> dict[str, AttributeValue]:
    return {BATCH_SIZE: len(work.keys)} if work.kind == "save" and len(work.keys) > 1 else {}


def _place(work: Work) -> dict[str, AttributeValue]:
    if work.database is None:
        return {}
    system, collection = work.database.system, work.database.collection
    return {SYSTEM: system} if collection is None else {SYSTEM: system, COLLECTION: collection}


def _models(work: Work) -> str:
    if len(work.keys) == 1:
        return work.keys[0].model
    return ",".join(sorted({key.model for key in work.keys}))


def _operation(work: Work) -> str:
    # As the conventions want it: several keys in one question are no batch, several changes are.
    return "BATCH save" if work.kind == "save" and len(work.keys) > 1 else work.kind
