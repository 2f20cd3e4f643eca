"""The data and conversations of python-telegram-bot 22 in our store.

    persistence = SQLPersistence(sessions, user_data=UserData)
    builder = Application.builder().token(token).context_types(persistence.context_types).persistence(persistence)

What cannot be saved stays pending, and the error goes to the error handlers of the application.
"""

from typed_sessions.integrations.telegram.persistence.sql import SQLPersistence

__all__ = ["SQLPersistence"]
