"""Which session each event gets."""

from reminder.draft import Draft
from reminder.reminders import Reminders
from typed_sessions.integrations.telegram import SessionBinding, per_bot, per_chat, per_user_in_chat

books = SessionBinding(Reminders, key=per_bot(per_chat))
"""One for each chat; jobs get that of their `chat_id`."""

drafts = SessionBinding(Draft, key=per_bot(per_user_in_chat))
"""One for each person in each chat."""
