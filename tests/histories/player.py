"""Runs operations, and notes what they are given and what they are told."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from tests.histories.models import MODELS, Lists, One, Twins, Two, nanoseconds
from tests.histories.notes import (
    Appended,
    Called,
    Deleted,
    Ended,
    Held,
    Lent,
    Notebook,
    Outcome,
    Settled,
    Version,
)
from tests.histories.program import Operation, Step
from tests.histories.watched import RUNNING, Watched, label
from typed_sessions import (
    LockTimeoutError,
    Session,
    SessionConflictError,
    SessionGoneError,
    Sessions,
    StoreUnavailableError,
)

Pause: TypeAlias = Callable[[], Awaitable[None]]

MEANS_NOTHING_WRITTEN = (SessionConflictError, SessionGoneError, LockTimeoutError)

PATIENCE = 100
"""Pauses after which a store that was not available is tried again, lest all operations fail while it restarts."""


class HandlerError(Exception):
    """What a block raises."""


class Player:
    """Plays operations on one of several `Sessions` of one watched store.

    Args:
        sessions: the `Sessions` that operations name by their number.
        watched: their store.
        notebook: where to note.
        pause: lets others run.
    """

    def __init__(self, sessions: Sequence[Sessions], watched: Watched, notebook: Notebook, pause: Pause) -> None:
        self._sessions = sessions
        self._watched = watched
        self._write = notebook.write
        self._pause = pause

    async def play(self, operation: Operation) -> None:
        """Run one operation to its end. Raises nothing but a cancellation."""
        RUNNING.set(operation.name)
        said = f"{operation.kind} {' '.join(operation.steps)}"
        self._write(Called(operation.name, operation.kind, f"{operation.model}/{operation.key}", said))
        outcome, problem = await self._outcome(operation)
        self._write(Ended(operation.name, outcome, problem))

    async def _outcome(self, operation: Operation) -> tuple[Outcome, str]:
        try:
            await self._run(operation, self._sessions[operation.sessions % len(self._sessions)])
        except HandlerError:
            return "failed", ""
        except MEANS_NOTHING_WRITTEN as error:
            return "failed", type(error).__name__
        except StoreUnavailableError as error:
            for _ in range(PATIENCE):
                await self._pause()
            return "unknown", f"{type(error).__name__}: {error}"
        except Exception as error:  # noqa: BLE001 # the checker reports it
            return "unknown", f"surprise {type(error).__name__}: {error}"
        return "ok", ""

    async def _run(self, do: Operation, sessions: Sessions) -> None:
        model = MODELS[do.model]
        match do.kind:
            case "turn" | "exclusive":
                await self._turn(do, sessions)
            case "update":
                await sessions.update(model, do.key, lambda data: self._append(do, data, do.steps[0], 0))
            case "group":
                await self._group(do, sessions)
            case "load":
                await sessions.load(model, do.key)
            case "load pair":
                async with sessions.turn(sessions.open(One, do.key), sessions.open(Two, do.key)):
                    pass
            case "delete":
                since = time.monotonic_ns()
                await sessions.delete(model, do.key)
                self._write(Deleted(do.name, since, f"{do.model}/{do.key}", None))
            case "move":
                await sessions.move(model, do.key, do.to)
            case "prune":
                await sessions.prune()

    async def _turn(self, do: Operation, sessions: Sessions) -> None:
        session = sessions.open(MODELS[do.model], do.key, exclusive=do.kind == "exclusive")
        async with session as data:
            since = time.monotonic_ns()
            self._note_lent(do, session)
            try:
                for number, step in enumerate(do.steps):
                    await self._step(step, number, do, session, data)
            finally:
                if do.kind == "exclusive":
                    self._write(Held(do.name, since, f"{do.model}/{do.key}"))

    async def _step(self, step: Step, number: int, do: Operation, session: Session[Lists], data: Lists) -> None:
        match step:
            case "save":
                await session.save()
                self._write(Settled(do.name, "ok"))
                self._note_lent(do, session)
            case "pause":
                await self._pause()
            case "touch":
                await session.touch()
            case "raise":
                raise HandlerError
            case "delete":
                await self._delete(do, session)
            case "rotate":
                await session.rotate(do.to)
            case _:
                self._append(do, data, step, number)

    async def _delete(self, do: Operation, session: Session[Lists]) -> None:
        key, born, since = label(session.key), self._watched.born(session.key, session.revision), time.monotonic_ns()
        await session.delete()
        self._write(Settled(do.name, "failed"))
        if born is not None:
            self._write(Deleted(do.name, since, key, born))

    async def _group(self, do: Operation, sessions: Sessions) -> None:
        group = sessions.open_group(Twins, do.key)
        async with group as twins:
            for session in group.sessions.values():
                self._note_lent(do, session)
            self._append(do, twins.one, "pair", 0)
            await self._pause()
            self._append(do, twins.two, "pair", 0)
            if "raise" in do.steps:
                raise HandlerError

    def _append(self, do: Operation, data: Lists, field: str, step: int) -> None:
        # The same token in both twins, and when an update runs again on fresh state.
        token = f"{do.name}.{step}"
        self._write(Appended(do.name, token))
        data.append(field, token)

    def _note_lent(self, do: Operation, session: Session[Lists]) -> None:
        revision, data = session.revision, session.data
        if revision is None:
            self._write(Lent(do.name, label(session.key), None))
            return
        lists = {"deep": data.deep.tokens, "left": data.left, "right": data.right, "pair": data.pair}
        expires = None if session.expires_at is None else nanoseconds(session.expires_at)
        born = self._watched.born(session.key, revision) or 0
        self._write(
            Lent(do.name, label(session.key), Version(label(session.key), born, revision, lists, data.count, expires))
        )
