"""Spans and metrics of OpenTelemetry.

sessions = Sessions(store, observer=OpenTelemetry())
"""

from importlib import import_module

try:
    import_module("opentelemetry.trace")
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] != "opentelemetry":
        raise
    needed = 'typed_sessions.integrations.otel needs OpenTelemetry: pip install "typed-sessions[otel]"'
    raise ModuleNotFoundError(needed, name=error.name) from error

from typed_sessions.integrations.otel.observer import OpenTelemetry

__all__ = ["OpenTelemetry"]
