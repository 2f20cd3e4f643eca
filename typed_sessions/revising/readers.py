"""Which older code may read a version."""

from collections.abc import Sequence

from typed_sessions.history import JsonObject
from typed_sessions.revising.refusal import RevisionError
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.changes import changes
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion
from typed_sessions.shapes.readers import is_dispensable, lowest_reader


def next_version(earlier: Sequence[FrozenVersion], shape: JsonObject, message: str) -> FrozenVersion:
    """The version that follows the last of those.

    One of the same shape means something else, which older code would not know.
    """
    version = earlier[-1].version + 1
    reader = version if is_same(earlier[-1].schema, shape) else lowest_reader(earlier, shape, version)
    return FrozenVersion.of(version, shape, min_reader=reader, message=message)


def read_from(frozen: FrozenHistory, made: FrozenVersion, version: int) -> FrozenVersion:
    """A version that code from another one on may read, because somebody knows that it does not need what is gone.

    Such code finds the default of a field that is gone, and does not write it back.

    Raises:
        RevisionError: it differs from a version of that code by more than what is added, and fields of the session
            itself that are gone and had a default.
    """
    readers = [each for each in frozen.versions if version <= each.version]
    if version not in [each.version for each in readers]:
        raise RevisionError(f"--readable-from {version}: {frozen.name} has no frozen version {version} before this one")
    for each in readers:
        for change in changes(each.schema, made.schema):
            if not change.is_additive and not is_dispensable(change, each):
                raise RevisionError(
                    f"--readable-from {version}: code of version {each.version} cannot read it: {change}; it could do "
                    f"without a field of the session itself that has a default, and nothing else"
                )
    return FrozenVersion.of(made.version, made.schema, min_reader=version, message=made.message)
