"""Whether the project's code can read what is stored: some of each model and version are decoded. No I/O."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from typed_sessions.cli.keys import written
from typed_sessions.codec import Codec
from typed_sessions.errors import NewerVersionError, TooOldVersionError, TypedSessionsError
from typed_sessions.key import SessionKey
from typed_sessions.limits import Limits
from typed_sessions.model import SessionModel
from typed_sessions.record import Record
from typed_sessions.stores.diagnosis import Finding

SAMPLE: Final = 1000
"""So many of a model and version are decoded at most."""

Models: TypeAlias = Mapping[str, type[SessionModel]]


class Group(NamedTuple):
    """Sessions of one model that have the same version."""

    model: str
    version: int


@dataclass
class Readings:
    """What became of the sessions that were decoded.

    Args:
        models: of the project, by name.
        limits: of the settings.
        now: what has expired by then is not decoded: nobody reads it.
    """

    models: Models
    limits: Limits
    now: datetime
    looked: Counter[Group] = field(default_factory=Counter[Group])
    bad: Counter[Group] = field(default_factory=Counter[Group])
    first: dict[Group, tuple[SessionKey, TypedSessionsError]] = field(
        default_factory=dict[Group, tuple[SessionKey, TypedSessionsError]]
    )
    _codecs: dict[str, Codec[SessionModel]] = field(default_factory=dict[str, Codec[SessionModel]])

    def wants(self, group: Group) -> bool:
        """Whether another one of these is to be decoded."""
        return group.model in self.models and self.looked[group] < SAMPLE

    def add(self, key: SessionKey, record: Record) -> None:
        """Decode a session, if it is wanted. Those of a version that this code cannot read are told by that alone."""
        group = Group(key.model, record.version)
        if not self.wants(group) or not record.is_alive(self.now):
            return
        self.looked[group] += 1
        try:
            self._codec(key.model).decode(key, record)
        except (NewerVersionError, TooOldVersionError):
            return
        except TypedSessionsError as error:
            self.bad[group] += 1
            self.first.setdefault(group, (key, error))

    def _codec(self, name: str) -> Codec[SessionModel]:
        if name not in self._codecs:
            self._codecs[name] = Codec(self.models[name], self.limits)
        return self._codecs[name]

    def findings(self) -> Iterator[Finding]:
        """An error for each model and version of which some cannot be read; a warning if they are set aside."""
        for group, (key, error) in sorted(self.first.items(), key=lambda item: item[0]):
            bad, looked = self.bad[group], self.looked[group]
            of = f"the {looked:,} that were decoded" if looked == SAMPLE else f"{looked:,}"
            what = f"{bad:,} of {of} of {group.model!r} of version {group.version} cannot be read"
            policy = self.models[group.model].session_config.on_invalid
            rest = (
                'the model may set them aside meanwhile: on_invalid="quarantine"'
                if policy == "raise"
                else f"the next open sets them aside (on_invalid={policy!r})"
            )
            command = f"typed-sessions show {group.model} {shlex.quote(written(key.text))}"
            told = f"{what} ({type(error).__name__}): this shows why, of one; {rest}"
            yield Finding("readable", "error" if policy == "raise" else "warning", told, command)
