"""What `typed-sessions upcast --json` prints of each session model."""

from typed_sessions.cli.json_output import json_of
from typed_sessions.cli.upcast_report import Shown
from typed_sessions.eager.batches import Sample
from typed_sessions.eager.conversion import Conversion
from typed_sessions.eager.tally import Census, Tally


def as_object(conversion: Conversion, census: Census, tally: Tally, shown: Shown) -> dict[str, object]:
    """What was there before, and what was done or would be; `samples` if their data may be told."""
    return {
        "model": conversion.model,
        "to": conversion.version,
        "versions": [
            {"version": each.version, "sessions": each.alive, "expired": each.expired} for each in census.counts
        ],
        "upcast": tally.written,
        "outrun": tally.outrun,
        "failed": tally.failed,
        "reasons": dict(tally.reasons.most_common()),
        "left_expired": census.expired,
        "left_newer": census.newer,
        **({"samples": [_sample(each, shown) for each in tally.samples]} if shown.has_data else {}),
    }


def _sample(sample: Sample, shown: Shown) -> dict[str, object]:
    return {
        "key": sample.key.text if shown.has_keys else f"#{sample.key.tag}",
        "version": sample.version,
        "before": json_of(sample.before),
        "after": json_of(sample.after),
    }
