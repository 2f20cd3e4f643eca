"""Where an update of aiogram's is from."""

from typing import TypeAlias

from aiogram.dispatcher.middlewares.data import MiddlewareData
from aiogram.dispatcher.middlewares.user_context import EventContext
from aiogram.types import Update
from aiogram.types.update import UpdateTypeLookupError

from typed_sessions.integrations import binding
from typed_sessions.integrations.places import Place, person

KeyFunction: TypeAlias = binding.KeyFunction[MiddlewareData]
"""Makes the key of a session from the `Place` of an event, whose `source` is aiogram's middleware data; sync or async.
None if the event has no session."""

OwnerFunction: TypeAlias = binding.OwnerFunction[MiddlewareData]
"""Makes the owner of a session in the same way; None leaves it as it is."""


def place_of(data: MiddlewareData, /) -> Place[MiddlewareData]:
    """Where the event is from, by what aiogram knows of it: the data that its middlewares and handlers share."""
    context = data.get("event_context") or EventContext()
    return Place(
        kind=_kind(data.get("event_update")),
        bot_id=data["bot"].id,  # pyright: ignore[reportTypedDictNotRequiredAccess]  # the dispatcher puts it there
        chat_id=context.chat_id,
        user_id=person(context.user_id),
        thread_id=context.thread_id,
        business_connection_id=context.business_connection_id,
        source=data,
    )


def _kind(update: Update | None) -> str:
    try:
        return update.event_type if update is not None else "update"
    except UpdateTypeLookupError:  # of a Bot API newer than this aiogram
        return "update"
