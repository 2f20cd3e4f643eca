"""The observer that makes spans and metrics of what it sees."""

import time
from collections.abc import Sequence
from typing import Literal

from opentelemetry.metrics import MeterProvider, get_meter
from opentelemetry.trace import TracerProvider, get_tracer

from typed_sessions import __version__
from typed_sessions.hooks import Conflict, Invalid, Upcast
from typed_sessions.integrations.otel.instruments import Instruments
from typed_sessions.integrations.otel.spans import WorkSpan
from typed_sessions.observer import Event, Result, SetAside, Watch, Work

SCOPE = "typed_sessions"


class OpenTelemetry:
    """Watches the turns of a `Sessions` or `SyncSessions`, and makes spans and metrics of what it sees.

    One may watch several. It changes nothing that is global, and neither spans nor metrics hold keys or data.

    Args:
        tracer_provider: for the spans. None: the one that is set globally, now or later.
        meter_provider: for the metrics, likewise.
    """

    def __init__(
        self, *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self._tracer = get_tracer(SCOPE, __version__, tracer_provider)
        self._instruments = Instruments(get_meter(SCOPE, __version__, meter_provider))

    def begin(self, work: Work, /) -> Watch:
        span, begun = WorkSpan(self._tracer, work), time.perf_counter()

        def end(error: BaseException | None, results: Sequence[Result] = (), /) -> None:
            # First the metrics, so that their exemplars lead to this span.
            self._measure(work, time.perf_counter() - begun, error, results)
            span.end(error, results)

        return end

    def _measure(self, work: Work, seconds: float, error: BaseException | None, results: Sequence[Result]) -> None:
        name = None if error is None else type(error).__qualname__
        match work.kind:
            case "turn":
                self._instruments.turn(work.keys, results, seconds, name)
            case "wait":
                self._instruments.waited("process", seconds, name)
            case "lock":
                self._instruments.waited("store", seconds, name)
            case "load":
                self._instruments.load(work.keys, work.database, seconds, name)
            case "save":
                self._instruments.save(work.keys, results, work.database, seconds, name)

    def happened(self, event: Event, /) -> None:
        model = event.key.model
        match event:
            case Upcast(_, from_version, to_version):
                self._instruments.upcast(model, from_version, to_version)
            case Conflict(is_merged=True):
                self._instruments.merge(model)
            case Conflict():
                self._instruments.conflict(model)
            case Invalid(policy=policy):
                self._instruments.invalid(model, policy)
            case SetAside(policy="quarantine"):
                self._instruments.quarantined(model)
            case _:
                pass  # the span of the turn, and the metric of its outcome, tell the rest

    def batch(self, kind: Literal["load", "save"], size: int, /) -> None:
        self._instruments.batch(kind, size)
