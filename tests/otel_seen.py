"""What OpenTelemetry's own SDK was given."""

from collections.abc import Mapping, Sequence

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint, ResourceMetrics
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from typed_sessions.integrations.otel import OpenTelemetry

PREFIX = "typed_sessions."


class Seen:
    """An observer, and the spans and metrics that it made."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.tracer = self.tracer_provider.get_tracer("tests")
        self.observer = OpenTelemetry(tracer_provider=self.tracer_provider, meter_provider=self.meter_provider)

    def spans(self) -> list[ReadableSpan]:
        """Those that have ended, in the order of their beginnings."""
        return sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def names(self) -> list[str]:
        return [span.name for span in self.spans()]

    def span(self, name: str) -> ReadableSpan:
        """The only one of that name."""
        [found] = [span for span in self.spans() if span.name == name]
        return found

    def tree(self) -> list[tuple[str, str | None]]:
        """The name of each span, and that of the one that it lies in."""
        names = {span_id(span): span.name for span in self.spans()}
        return [(span.name, names.get(span.parent.span_id) if span.parent else None) for span in self.spans()]

    def points(self, name: str) -> list[NumberDataPoint | HistogramDataPoint]:
        """What was counted or measured under a name."""
        data = self._reader.get_metrics_data()
        resources: Sequence[ResourceMetrics] = data.resource_metrics if data else []
        metrics = [metric for resource in resources for scope in resource.scope_metrics for metric in scope.metrics]
        return [
            point
            for metric in metrics
            if metric.name == PREFIX + name
            for point in metric.data.data_points
            if isinstance(point, NumberDataPoint | HistogramDataPoint)
        ]

    def measured(self, name: str) -> dict[str, tuple[int, float]]:
        """How many were measured by a histogram of one attribute, and their sum, by its values."""
        points = [point for point in self.points(name) if isinstance(point, HistogramDataPoint)]
        return {str(*own(point).values()): (point.count, point.sum) for point in points}

    def counts(self, name: str) -> dict[tuple[object, ...], float]:
        """How many were counted or measured, by the values of their attributes in the order of the names."""
        return {
            tuple(value for _, value in sorted(own(point).items())): point.count
            if isinstance(point, HistogramDataPoint)
            else point.value
            for point in self.points(name)
        }


def span_id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def trace_id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.trace_id)


def own(point: NumberDataPoint | HistogramDataPoint) -> Mapping[str, object]:
    return dict(point.attributes or {})


def attributes(span: ReadableSpan) -> dict[str, object]:
    """Those of a span, but for the tags of the keys, which are others in each process."""
    return {name: value for name, value in (span.attributes or {}).items() if name != "typed_sessions.key"}
