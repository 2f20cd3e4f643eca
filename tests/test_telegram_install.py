"""What `install` and its kin are given, and an application to which nothing was given."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from telegram.ext import Application

from tests.telegram_bot import Cart, carts
from typed_sessions import MemoryStore, SessionDefinitionError, Sessions, SyncSessions
from typed_sessions.integrations.telegram import (
    SessionApplication,
    SQLPersistence,
    finish,
    install,
    verify,
)
from typed_sessions.stores.memory import SyncMemoryStore
from typed_sessions.testing.bots import BotApi
from typed_sessions.testing.bots.telegram import builder_of

APPLICATION = Application.builder().token("42:token").build()
SESSIONS = Sessions(MemoryStore())
SYNC = SyncSessions(SyncMemoryStore())


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((APPLICATION, SESSIONS, Cart), "takes bindings, not Cart itself; pass SessionBinding(Cart)"),
        ((APPLICATION, SESSIONS, [carts]), "takes bindings, not a list of them; pass them one by one, as *bindings"),
        ((APPLICATION, SESSIONS, 5), "takes bindings, not a int; pass SessionBinding(…)"),
        ((SESSIONS, APPLICATION, carts), "takes the application first, not a Sessions"),
        ((SESSIONS, carts), "takes the application first, not a Sessions"),
        ((APPLICATION, MemoryStore(), carts), "takes Sessions, not a MemoryStore; make them of a store: Sessions("),
        ((APPLICATION, SYNC, carts), "takes Sessions, not a SyncSessions"),
    ],
)
def test_what_cannot_be_installed_is_refused(arguments: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(SessionDefinitionError, match=re.escape(sentence)):
        install(*arguments)


def test_a_refused_install_leaves_the_application_as_it_was() -> None:
    application, wrong = Application.builder().token("42:token").build(), Cart
    with pytest.raises(SessionDefinitionError):
        install(application, SESSIONS, wrong)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # wrong on purpose

    install(application, SESSIONS, carts)


@pytest.mark.parametrize(
    ("sessions", "options", "sentence"),
    [
        (MemoryStore(), {}, "SQLPersistence(sessions, …) takes Sessions, not a MemoryStore"),
        (SESSIONS, {"user_data": int}, "int has no session_config"),
        (SESSIONS, {"chat_data": Cart()}, "a session model is a class, not an object of Cart"),
    ],
)
def test_what_a_persistence_cannot_keep_is_refused(sessions: Any, options: Any, sentence: str) -> None:  # noqa: ANN401 # wrong on purpose
    with pytest.raises(SessionDefinitionError, match=re.escape(sentence)):
        SQLPersistence(sessions, **options)


async def test_a_session_application_says_that_it_has_no_sessions_and_can_be_shut_down(api: BotApi) -> None:
    application = builder_of(api).application_class(SessionApplication).build()

    with pytest.raises(
        SessionDefinitionError, match=r"this SessionApplication has no sessions; call install\("
    ) as caught:
        async with application:
            pass

    assert caught.value.__context__ is None
    await application.shutdown()


async def test_finish_waits_for_nothing_where_nothing_was_installed(api: BotApi) -> None:
    await finish(builder_of(api).build())


def test_an_application_without_sessions_is_not_verified() -> None:
    with pytest.raises(SessionDefinitionError, match="this Application has no sessions; call install"):
        verify(Application.builder().token("42:token").build())
