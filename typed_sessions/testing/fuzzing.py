"""Random data of every frozen shape, sent through the steps."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, Phase, Verbosity, assume, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, Unsatisfiable
from hypothesis.strategies import SearchStrategy

from typed_sessions.history import JsonObject
from typed_sessions.model import SessionModel
from typed_sessions.shapes.lock import FrozenHistory
from typed_sessions.testing.comparing import text_of
from typed_sessions.testing.frozen import frozen_history, validators
from typed_sessions.testing.journey import Journey, JourneyError, RefusedError, TooLargeError
from typed_sessions.testing.strategies import from_shape, united

_HEALTH: Final = (
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.large_base_example,
    HealthCheck.too_slow,
)
"""What Hypothesis complains of where a shape is large, and nobody can change that."""


def fuzz_history(
    model: type[SessionModel],
    /,
    *,
    examples: int = 100,
    lock: Path | None = None,
    strategies: Mapping[int, SearchStrategy[JsonObject]] = {},
) -> None:
    """Send random data of each frozen version through the steps, to the model, and back into storage.

    What arrives in a version must satisfy its frozen shape to the letter; a step must leave its argument as it is and
    make the same of the same data. A failure shows the smallest example that Hypothesis finds.

    Args:
        model: the session model.
        examples: how many, for each version.
        lock: the lock with the shapes. None: that of the model's project.
        strategies: what to draw for a version, if its shape allows more than was ever stored; see `stored`.

    Raises:
        AssertionError: some data did not arrive, or the model is not as it is frozen.
        LockError, ProjectError: the lock or the settings of the project cannot be read.
    """
    __tracebackhide__ = True
    frozen = frozen_history(model, lock)
    journey = Journey(model, validators(frozen))
    drawn = _drawn(model, frozen, strategies)
    # From the newest, so that a fault is found in data that passes few steps.
    for version in sorted(drawn, reverse=True):
        _examine(journey, version, drawn[version], examples)


def stored(
    model: type[SessionModel],
    /,
    *,
    version: int | None = None,
    fields: Mapping[str, SearchStrategy[Any]] = {},
    lock: Path | None = None,
) -> SearchStrategy[JsonObject]:
    """A strategy for data as a version of the model stored it, for `fuzz_history` and for properties of your own.

    Args:
        model: the session model.
        version: of the shape. None: that of the model.
        fields: strategies for top-level fields, in place of what their types allow.
        lock: the lock with the shapes. None: that of the model's project.

    Raises:
        AssertionError: nothing is frozen of the model, or it has changed since; or a field is unknown.
        LockError: the version is not frozen, or the lock cannot be read.
    """
    frozen = frozen_history(model, lock)
    schema = frozen.of(version or frozen.head).schema
    strangers = sorted(set(fields) - set(schema.get("properties", {})))
    if strangers:
        raise AssertionError(f"version {version or frozen.head} of {frozen.name!r} has no field {strangers[0]!r}")
    drawn: SearchStrategy[JsonObject] = from_shape(schema)
    return st.builds(united, drawn, st.fixed_dictionaries(dict(fields)))


def _drawn(
    model: type[SessionModel], frozen: FrozenHistory, strategies: Mapping[int, SearchStrategy[JsonObject]]
) -> dict[int, SearchStrategy[JsonObject]]:
    config = model.session_config
    strangers = [version for version in strategies if not config.history.oldest <= version <= config.version]
    if strangers:
        raise AssertionError(f"no step takes data of version {strangers[0]} of {config.name!r}; leave its strategy out")
    living = [each for each in frozen.versions if each.version >= config.history.oldest]
    return {each.version: from_shape(each.schema) for each in living if each.version not in strategies} | dict(
        strategies
    )


def _examine(journey: Journey[Any], version: int, drawn: SearchStrategy[JsonObject], examples: int) -> None:
    __tracebackhide__ = True
    name = journey.model.__name__
    narrower = f"fuzz_history({name}, strategies={{{version}: stored({name}, version={version}, fields={{…}})}})"
    try:
        arrives(journey, version, drawn, examples)()
    except JourneyError as fault:
        raise AssertionError(
            f"{fault}\n"
            f"from the smallest example of version {version} that fails: {text_of(fault.began)}\n"
            f"Mend the step. If no code ever stored such data, draw only what was: {narrower}"
        ) from fault.__cause__
    except Flaky as error:
        raise AssertionError(f"{name}: a step makes something else of the same data each time; mend it") from error
    except Unsatisfiable:
        raise AssertionError(
            f"{name} refuses whatever its shape of version {version} allows; draw only what was stored: {narrower}"
        ) from None


def arrives(
    journey: Journey[Any], version: int, drawn: SearchStrategy[JsonObject], examples: int
) -> Callable[[], None]:
    """The property that drawn data of a version arrives, to be called."""

    @settings(
        max_examples=examples,
        deadline=None,
        # Examples of other models would be replayed here: Hypothesis knows a property by its source.
        database=None,
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        suppress_health_check=_HEALTH,
        # Without `explain`, which takes far longer than all the rest and tells of lines in here.
        phases=[Phase.generate, Phase.shrink],
    )
    @given(drawn)
    def every_example_arrives(data: JsonObject) -> None:
        began = deepcopy(data)
        try:
            journey.carry(version, data)
        except (RefusedError, TooLargeError):
            assume(condition=False)
        except JourneyError as fault:
            fault.began = began
            raise

    return every_example_arrives
