"""Entries of the quarantine: read from a store, told, tried again, dropped."""

from collections import Counter
from collections.abc import AsyncGenerator, Collection, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import typer

from typed_sessions.cli.json_output import moment
from typed_sessions.cli.output import FAILED, complain
from typed_sessions.cli.running import breathe
from typed_sessions.clock import utc_now
from typed_sessions.codec import Codec
from typed_sessions.errors import (
    InvalidSessionError,
    NewerVersionError,
    SessionConflictError,
    TooOldVersionError,
    TypedSessionsError,
    UpcastError,
    described,
)
from typed_sessions.key import SessionKey
from typed_sessions.limits import Limits
from typed_sessions.model import SessionModel
from typed_sessions.project.discovery import Discovery, discover, discovering
from typed_sessions.project.project import ProjectError, find_project
from typed_sessions.quarantined import Quarantined, quarantine_name, quarantined
from typed_sessions.record import Record
from typed_sessions.sessions import Sessions
from typed_sessions.stores.protocol import Delete, Outcome, Query, Store

PAGE: Final = 100
UNREADABLE: Final = (InvalidSessionError, UpcastError, NewerVersionError, TooOldVersionError)
TAKEN: Final = "another session has its key (--replace deletes that one)"
WITHOUT: Final = "`typed-sessions quarantine list MODEL` works without a project."
GONE: Final = "it has expired, or is not there any more"
DAMAGED: Final = "the entry was changed by hand and cannot be read"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is stored, and what it tells; None if somebody changed it by hand."""

    at: SessionKey
    record: Record
    told: Quarantined | None

    @property
    def reason(self) -> str:
        """Why it was set aside, without data and without the hash of its key, which differs in every process."""
        if self.told is None:
            return DAMAGED
        if self.told.problems:
            return described(self.told.problems)
        return f"{self.told.error}: version {self.told.record.version} is older than the history reaches"


def entry(at: SessionKey, record: Record) -> Entry:
    try:
        return Entry(at, record, quarantined(at, record))
    except ValueError:
        return Entry(at, record, None)


async def entries(store: Store, models: Sequence[str]) -> AsyncGenerator[Entry]:
    """All entries of these models."""
    for model in models:
        query = Query(quarantine_name(model), limit=PAGE)
        while page := await store.scan(query):
            for at, record in page:
                yield entry(at, record)
            query = replace(query, after=page[-1][0])
            await breathe()


async def one(store: Store, at: SessionKey) -> Entry:
    """The entry under a key.

    Raises:
        Exit: there is none.
    """
    record = (await store.load([at])).get(at)
    if record is None:
        model = at.model.removesuffix(quarantine_name(""))
        complain(f"there is no such entry; `typed-sessions quarantine list {model}` has them")
        raise typer.Exit(FAILED)
    return entry(at, record)


def known_models(named: Sequence[str]) -> list[str]:
    """The models that are named, or all of the project.

    Raises:
        ProjectError: none is named, and no project is here.
        BadParameter: none is named, and the project has none.
    """
    if named:
        return sorted(set(named))
    with of_project() as found:
        return [*found.models]


@contextmanager
def of_project() -> Generator[Discovery]:
    """The session models of the project, while their modules can be imported.

    Raises:
        ProjectError: no project is here.
        BadParameter: the project has none.
    """
    with ExitStack() as looking:
        try:
            found = looking.enter_context(discovering(find_project(Path.cwd())))
        except ProjectError as error:
            raise ProjectError(f"{error}\n{WITHOUT}") from None
        tell_problems(found)
        if not found.models:
            raise typer.BadParameter(f"no session model is found here. {WITHOUT}", param_hint="MODEL")
        yield found


def unknown(models: Sequence[str], stock: Collection[str]) -> list[str]:
    """Those of the models that nothing is stored of, and that no code here knows."""
    missing = [model for model in models if model not in stock]
    if not missing:
        return []
    with suppress(ProjectError):
        missing = [model for model in missing if model not in discover(find_project(Path.cwd())).models]
    return missing


def tell_problems(found: Discovery) -> None:
    if found.problems:
        complain("\n".join(["not everything of the project could be looked at:", *found.problems]))


def as_object(each: Entry, *, has_owner: bool = False) -> dict[str, object]:
    """What `--json` prints of an entry; the page `docs/command-line.md` describes it."""
    told = each.told
    return {
        "model": each.at.model.removesuffix(quarantine_name("")),
        "entry": each.at.text,
        "since": moment(each.record.updated_at),
        "key": None if told is None else told.key.text,
        "version": None if told is None else told.record.version,
        "revision": None if told is None else told.record.revision,
        "size": None if told is None else len(told.record.data),
        "expires_at": None if told is None else moment(told.record.expires_at),
        "error": None if told is None else told.error,
        "reason": each.reason,
        "problems": [] if told is None else list(told.problems),
        **({"owner": each.record.owner} if has_owner else {}),
    }


@dataclass
class Trial:
    """Puts entries back that can be read now, or only looks which could.

    Args:
        store: where they are.
        models: the project's, by their names.
        limits: of the settings.
        is_replacing: delete the sessions that began in their places.
        is_rehearsal: write nothing.
    """

    store: Store
    models: Mapping[str, type[SessionModel]]
    limits: Limits
    is_replacing: bool = False
    is_rehearsal: bool = False
    back: int = 0
    failed: Counter[str] = field(default_factory=Counter[str])

    async def add(self, each: Entry) -> str | None:
        """Try one, and say why it stays; None if it does not."""
        reason = DAMAGED if each.told is None else await self._tried(each.told)
        if reason is None:
            self.back += 1
        else:
            self.failed[reason] += 1
        return reason

    async def _tried(self, told: Quarantined) -> str | None:
        model = self.models.get(told.key.model)
        if model is None:
            return f"the project has no session model {told.key.model!r}"
        try:
            return await (self._looked(model, told) if self.is_rehearsal else self._put(model, told))
        except UNREADABLE as error:
            return f"it still cannot be read: {_reason(error)}"
        except SessionConflictError:
            return TAKEN

    async def _put(self, model: type[SessionModel], told: Quarantined) -> str | None:
        quarantine = Sessions(self.store, limits=self.limits).quarantine
        return None if await quarantine.retry(model, told, replace=self.is_replacing) else GONE

    async def _looked(self, model: type[SessionModel], told: Quarantined) -> str | None:
        codec, now = Codec(model, self.limits), utc_now()
        codec.decode(told.key, told.record)
        if not told.record.is_alive(now):
            return GONE
        there = (await self.store.load([told.key])).get(told.key)
        is_taken = there is not None and there.is_alive(now) and not codec.is_initial(told.key, there)
        return TAKEN if is_taken and not self.is_replacing else None


def _reason(error: TypedSessionsError) -> str:
    match error:
        case InvalidSessionError():
            return described(error.problems)
        case UpcastError():
            return f"{error.step} fails"
        case NewerVersionError():
            return f"version {error.stored} is newer than this code"
        case _:
            return "its version is older than the history reaches"


async def dropped(found: Sequence[Delete], store: Store) -> list[bool]:
    """Delete entries, and say of each whether it was still there as it was."""
    done = list[bool]()
    for each in found:
        done += [outcome is Outcome.SAVED for outcome in await store.save([each])]
        await breathe()
    return done
