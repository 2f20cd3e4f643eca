"""What python-telegram-bot calls a function for, and where that is from."""

from typing import Any, NamedTuple, TypeAlias

from telegram import Update
from telegram.ext import Application, CallbackContext

from typed_sessions.integrations import binding
from typed_sessions.integrations.places import Place, person

AnyApplication: TypeAlias = Application[Any, Any, Any, Any, Any, Any]
AnyContext: TypeAlias = CallbackContext[Any, Any, Any, Any]


JOB = "job"
"""The kind of the place of a job."""


class Occasion(NamedTuple):
    """What a callback is called with: the update, None for a job, and the context."""

    update: object
    context: AnyContext

    @property
    def application(self) -> AnyApplication:
        """Who calls it."""
        return self.context.application  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # of its own type


KeyFunction: TypeAlias = binding.KeyFunction[Occasion]
"""Makes the key of a session from the place of an occasion; None if it has no session there."""

OwnerFunction: TypeAlias = binding.OwnerFunction[Occasion]
"""Makes the owner of a session in the same way; None leaves it as it is."""


def place_of(occasion: Occasion, /) -> Place[Occasion]:
    """Where an update or a job is from. A conversation that timed out is where its last update was."""
    update, job = occasion.update, occasion.context.job
    if update is None and job is not None:
        last = getattr(job.data, "update", None)
        if job.chat_id is not None or job.user_id is not None or not isinstance(last, Update):
            return _place(JOB, occasion, chat_id=job.chat_id, user_id=job.user_id)
        update = last
    if isinstance(update, Update):
        return _place_of_update(update, occasion)
    return _place("error" if update is None else type(update).__name__, occasion)


def _place_of_update(update: Update, occasion: Occasion) -> Place[Occasion]:
    chat, user, message = update.effective_chat, update.effective_user, update.effective_message
    kind = next((kind for kind in Update.ALL_TYPES if getattr(update, kind) is not None), "update")
    return Place(
        kind=kind,
        bot_id=occasion.context.bot.id,
        chat_id=chat.id if chat else None,
        user_id=person(user.id) if user else None,
        thread_id=message.message_thread_id if message and message.is_topic_message else None,
        business_connection_id=_business_connection_id(update),
        source=occasion,
    )


def _business_connection_id(update: Update) -> str | None:
    if update.business_connection:
        return update.business_connection.id
    named = update.deleted_business_messages or update.effective_message
    return named.business_connection_id if named else None


def _place(kind: str, occasion: Occasion, *, chat_id: int | None = None, user_id: int | None = None) -> Place[Occasion]:
    return Place(kind=kind, bot_id=occasion.context.bot.id, chat_id=chat_id, user_id=user_id, source=occasion)
