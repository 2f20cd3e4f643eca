"""What the browser is told when a visit could not be read or saved, unless the application says it."""

import logging

from flask import Flask, current_app
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Conflict, HTTPException, ServiceUnavailable

from typed_sessions.errors import TypedSessionsError
from typed_sessions.integrations.web.refusals import REFUSALS, RETRY_AFTER

logger = logging.getLogger("typed_sessions")


def register_refusals(app: Flask) -> None:
    """Answer the errors of visits that are no fault of the application, where it has no error handlers for them."""
    for kind in REFUSALS:
        # Only for what the application did not register before; what it registers later takes its place.
        app.error_handler_spec[None][None].setdefault(kind, refused)


def refused(error: TypedSessionsError) -> ResponseReturnValue:
    """What an application answers to an error of a visit: the page that it has for 409 or 503, or the usual one."""
    own = current_app.error_handler_spec[None][None].get(TypedSessionsError)
    if own is not None:
        return current_app.ensure_sync(own)(error)  # type: ignore[no-any-return]  # Flask's own untyped border
    status, text = next(answer for kind, answer in REFUSALS.items() if isinstance(error, kind))
    logger.warning("answered %d: %s", status, error)
    return current_app.handle_user_exception(_as_http(status, text.decode().strip()))


def _as_http(status: int, text: str) -> HTTPException:
    if status == Conflict.code:
        return Conflict(text)
    return ServiceUnavailable(text, retry_after=int(RETRY_AFTER))
