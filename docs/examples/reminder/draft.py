"""What a person is about to be reminded of, while they are asked for it."""

from datetime import timedelta

from typed_sessions import SessionConfig, SessionModel


class Draft(SessionModel):
    """The first half of a reminder. Whoever does not say the other half in ten minutes begins anew."""

    session_config = SessionConfig(name="reminder_draft", ttl=timedelta(minutes=10))

    text: str | None = None
