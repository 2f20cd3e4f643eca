"""Hooks are told of upcasts, conflicts and invalid sessions, and the log of these and more; neither changes a turn."""

import ast
import asyncio
import logging
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any, TypeVar, get_args

import pytest

from tests.architecture import ROOT
from tests.watched_carts import BROKEN, KEY, OLD, SECRET, Alone, Anew, Cart, Kept, stored
from typed_sessions import (
    InvalidSessionError,
    LockTimeoutError,
    MemoryStore,
    NewerVersionError,
    SessionConflictError,
    SessionModel,
    Sessions,
    Settings,
    SyncMemoryStore,
    SyncSessions,
    UpcastError,
)
from typed_sessions.hooks import Conflict, Hooks, Invalid, Policy, Upcast
from typed_sessions.stores.protocol import Delete, Insert

N = TypeVar("N", bound=ast.AST)


class Heard:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.events: list[Upcast | Conflict | Invalid] = []
        hear = self.events.append
        self.hooks = Hooks(on_upcast=hear, on_conflict=hear, on_invalid=hear)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def sessions(memory: MemoryStore, heard: Heard) -> Sessions:
    return Sessions(memory, hooks=heard.hooks)


async def rival(memory: MemoryStore, **values: object) -> None:
    """Somebody else, in another process, saves the cart."""
    async with Sessions(memory).open(Cart, KEY) as cart:
        for name, value in values.items():
            setattr(cart, name, value)


async def test_an_upcast_is_told_before_the_data_is_lent(memory: MemoryStore, sessions: Sessions, heard: Heard) -> None:
    await memory.save([OLD])

    async with sessions.open(Cart, KEY) as cart:
        assert heard.events == [Upcast(KEY, from_version=1, to_version=3)]
        assert cart.count == 2


async def test_an_upcast_is_told_on_every_load_until_it_is_saved(
    memory: MemoryStore, sessions: Sessions, heard: Heard
) -> None:
    await memory.save([OLD])

    await sessions.load(Cart, KEY)
    await sessions.load(Cart, KEY)
    async with sessions.open(Cart, KEY):
        pass  # which writes it back
    await sessions.load(Cart, KEY)

    assert heard.events == [Upcast(KEY, 1, 3)] * 3


async def test_a_session_of_today_is_told_of_to_nobody(memory: MemoryStore, sessions: Sessions, heard: Heard) -> None:
    await memory.save([stored({"count": 1, "note": ""})])

    await sessions.load(Cart, KEY)

    assert heard.events == []


async def test_a_merge_is_told_with_what_was_taken_over(memory: MemoryStore, sessions: Sessions, heard: Heard) -> None:
    async with sessions.open(Cart, KEY) as cart:
        cart.count = 1
    async with sessions.open(Cart, KEY) as cart:
        cart.count = 2
        await rival(memory, note="theirs")

    assert heard.events == [Conflict(KEY, ("note",), is_merged=True)]


@pytest.mark.parametrize(("model", "fields"), [(Cart, ("count",)), (Alone, ())])
async def test_a_conflict_is_told_before_it_is_raised(
    model: type[Cart], fields: tuple[str, ...], memory: MemoryStore, sessions: Sessions, heard: Heard
) -> None:
    await rival(memory, count=1)
    with pytest.raises(SessionConflictError):
        async with sessions.open(model, KEY) as cart:
            cart.count = 2
            await rival(memory, **({"count": 3} if fields else {"note": "theirs"}))

    assert heard.events == [Conflict(KEY, fields, is_merged=False)]


@pytest.mark.parametrize("model", [Cart, Alone])
def test_an_update_that_runs_again_is_no_conflict(model: type[Cart], heard: Heard) -> None:
    store, seen = SyncMemoryStore(), list[int]()

    def count(cart: Cart) -> None:
        seen.append(cart.count)
        if len(seen) == 1:
            SyncSessions(store).save(KEY, Cart(count=1))
        cart.count += 1

    SyncSessions(store, hooks=heard.hooks).update(model, KEY, count)

    assert (seen, heard.events) == ([0, 1], [])


@pytest.mark.parametrize(("model", "policy"), [(Cart, "raise"), (Kept, "quarantine"), (Anew, "reset")])
async def test_an_invalid_session_is_told_with_what_becomes_of_it(
    model: type[SessionModel], policy: str, memory: MemoryStore, sessions: Sessions, heard: Heard
) -> None:
    await memory.save([BROKEN])

    await asyncio.gather(sessions.load(model, KEY), return_exceptions=True)

    [event] = heard.events
    assert isinstance(event, Invalid)
    assert isinstance(event.error, InvalidSessionError)
    assert (event.key, event.version, event.policy) == (KEY, 3, policy)


@pytest.mark.parametrize(
    ("change", "error"),
    [(stored({"number": None}, version=1), UpcastError), (stored({}, version=9), NewerVersionError)],
)
async def test_what_no_policy_sets_aside_is_told_as_raised(
    change: Insert, error: type[Exception], memory: MemoryStore, sessions: Sessions, heard: Heard
) -> None:
    await memory.save([change])
    with pytest.raises(error):
        await sessions.load(Kept, KEY)

    [event] = heard.events
    assert isinstance(event, Invalid)
    assert (type(event.error), event.policy) == (error, "raise")


def broken(_event: object) -> None:
    raise KeyError(SECRET)


async def later(_event: object) -> None:
    """A coroutine function."""


def begun(event: object) -> Any:  # noqa: ANN401 # a type checker would not let it pass
    return later(event)


class Later:
    async def __call__(self, _event: object) -> None: ...


async def test_a_hook_that_raises_is_logged_and_changes_nothing(
    memory: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    await memory.save([OLD])
    sessions = Sessions(memory, hooks=Hooks(on_upcast=broken))
    async with sessions.open(Cart, KEY) as cart:
        cart.count += 1

    assert (await sessions.load(Cart, KEY)).count == 3
    [record] = caplog.records
    assert (vars(record)["event"], vars(record)["error"], record.levelname) == ("hook_failed", "KeyError", "ERROR")
    assert SECRET not in caplog.text


async def test_a_hook_that_returns_a_coroutine_is_logged(memory: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    await memory.save([OLD])
    sessions = Sessions(memory, hooks=Hooks(on_upcast=begun))

    await sessions.load(Cart, KEY)

    assert [vars(record)["event"] for record in caplog.records] == ["hook_failed"]


@pytest.mark.parametrize("hook", [later, partial(later), Later(), "log"])
def test_a_hook_that_is_no_plain_function_is_refused(hook: Callable[[Any], None]) -> None:
    with pytest.raises(TypeError, match=r"on_conflict (is a plain function|takes a function)"):
        Hooks(on_conflict=hook)


def test_threads_have_the_same_hooks(heard: Heard) -> None:
    store = SyncMemoryStore()
    store.save([OLD])
    sessions = SyncSessions(store, hooks=heard.hooks)
    threads = [threading.Thread(target=sessions.load, args=(Cart, KEY)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert heard.events == [Upcast(KEY, 1, 3)] * 4


async def test_sessions_of_settings_have_hooks_too(heard: Heard) -> None:
    settings = Settings(database_url="sqlite+aiosqlite://")
    async with Sessions.from_settings(settings, hooks=heard.hooks) as sessions:
        sessions.open(Cart, KEY).lease.opened.start(OLD.record, OLD.record.created_at)
    with SyncSessions.from_settings(Settings(database_url="sqlite://"), hooks=heard.hooks) as threads:
        threads.open(Cart, KEY).session.lease.opened.start(OLD.record, OLD.record.created_at)

    assert heard.events == [Upcast(KEY, 1, 3)] * 2


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, dict[str, object]]]:
    """The level of each line, its event, and its own fields."""
    usual = vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "event", "model", "key"}
    return [
        (record.levelname, vars(record)["event"], {name: vars(record)[name] for name in vars(record).keys() - usual})
        for record in caplog.records
    ]


@pytest.fixture
def all_levels(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "typed_sessions")
    return caplog


async def test_the_log_tells_of_upcasts(memory: MemoryStore, all_levels: pytest.LogCaptureFixture) -> None:
    await memory.save([OLD])

    await Sessions(memory).load(Cart, KEY)

    assert lines(all_levels) == [("DEBUG", "upcast", {"from_version": 1, "to_version": 3})]


async def test_the_log_tells_of_merges_and_conflicts(memory: MemoryStore, all_levels: pytest.LogCaptureFixture) -> None:
    await rival(memory, count=1)
    async with Sessions(memory).open(Cart, KEY) as cart:
        cart.count = 2
        await rival(memory, note=SECRET)
    with pytest.raises(SessionConflictError):
        async with Sessions(memory).open(Cart, KEY) as cart:
            cart.count = 3
            await rival(memory, count=4)

    assert lines(all_levels) == [
        ("INFO", "merge", {"fields": ("note",)}),
        ("WARNING", "conflict", {"fields": ("count",)}),
    ]


async def test_the_log_tells_of_what_is_set_aside_once(
    memory: MemoryStore, all_levels: pytest.LogCaptureFixture
) -> None:
    await memory.save([BROKEN])
    session = Sessions(memory).open(Kept, KEY)
    async with session:
        await session.save()
        session.data.count = 5

    [read, aside] = lines(all_levels)
    assert read == ("WARNING", "invalid", {"version": 3, "policy": "quarantine", "error": "InvalidSessionError"})
    assert (aside[:2], set(aside[2])) == (("WARNING", "quarantine"), {"set_aside_as"})


async def test_the_log_tells_of_a_lock_that_was_not_had(
    memory: MemoryStore, all_levels: pytest.LogCaptureFixture
) -> None:
    sessions = Sessions(memory, lock_timeout=0.01)
    with pytest.raises(LockTimeoutError):
        async with sessions.open(Cart, KEY):
            await asyncio.create_task(enter(sessions))

    assert lines(all_levels) == [("WARNING", "lock_timeout", {"waited": 0.01})]


async def enter(sessions: Sessions) -> None:
    async with sessions.open(Cart, KEY):
        pass


async def test_listing_sessions_tells_what_reading_them_does(
    sessions: Sessions, memory: MemoryStore, heard: Heard
) -> None:
    await memory.save([OLD])
    assert [key async for key, _ in sessions.items(Cart)] == [KEY]
    await memory.save([Delete(KEY, 1), BROKEN])
    with pytest.raises(InvalidSessionError) as raised:
        [key async for key, _ in sessions.items(Cart)]

    assert heard.events == [Upcast(KEY, 1, 3), Invalid(KEY, 3, raised.value, "raise")]


PAGE = (ROOT / "docs" / "howto" / "observability.md").read_text()
LEVELS = "DEBUG|INFO|WARNING|ERROR"


def nodes(kind: type[N]) -> Iterator[tuple[str, N]]:
    """All of a kind in the code, with the names of their modules."""
    for path in sorted((ROOT / "typed_sessions").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield from ((module, node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kind))


def test_the_page_has_every_event_of_the_log() -> None:
    given = [
        value for _, each in nodes(ast.Dict) for key, value in zip(each.keys, each.values, strict=True) if named(key)
    ]
    given += [call.args[1] for _, call in nodes(ast.Call) if ast.unparse(call.func) == "Line"]
    events = {node.value for node in given if isinstance(node, ast.Constant)}
    rows = re.findall(rf"^\| (`.+?) \| (?:{LEVELS})", PAGE, re.MULTILINE)

    # What is set aside is told under the name of the policy.
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == events | {*get_args(Policy)} - {"raise"}
    assert "conflict" in events


def named(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and key.value == "event"


def test_the_page_has_every_other_line_of_the_log() -> None:
    rows = set(re.findall(rf"^\| ({LEVELS}) \| `(.+?)`", PAGE, re.MULTILINE))
    lines = {
        (call.func.attr.upper(), re.sub(r"%\w", "…", text_of(module, call.args[0])))
        for module, call in nodes(ast.Call)
        if isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value) == "logger"
        and re.fullmatch(LEVELS, call.func.attr.upper())
        and "extra" not in [keyword.arg for keyword in call.keywords]
    }

    found = {line: {row for row in rows if row[0] == line[0] and line[1].startswith(row[1])} for line in lines}
    assert [line for line, its in found.items() if len(its) != 1] == []
    assert set[tuple[str, str]]().union(*found.values()) == rows


def text_of(module: str, argument: ast.expr) -> str:
    """What is logged: written there, or under a name in the module."""
    return str(
        getattr(import_module(module), argument.id) if isinstance(argument, ast.Name) else ast.literal_eval(argument)
    )


async def test_no_line_has_the_key_or_the_data(memory: MemoryStore, all_levels: pytest.LogCaptureFixture) -> None:
    await memory.save([BROKEN])
    for model in (Cart, Anew):
        await asyncio.gather(enter_as(model, memory), return_exceptions=True)
    told = [str(vars(record)) for record in all_levels.records]

    assert len(told) == 3
    assert [line for line in told if "4711" in line or SECRET in line] == []
    assert {vars(record)["key"] for record in all_levels.records} == {KEY.tag}


async def enter_as(model: type[SessionModel], memory: MemoryStore) -> None:
    async with Sessions(memory).open(model, KEY) as data:
        assert data is not None
        data.count = 1  # type: ignore[attr-defined]
