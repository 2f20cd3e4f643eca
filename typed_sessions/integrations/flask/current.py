"""What the views of an application ask for: the visit of the request at hand, and the sessions in it."""

from flask import abort, current_app

from typed_sessions.blocking import complete
from typed_sessions.codec import M
from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.flask.keeping import NAME, Keeping
from typed_sessions.integrations.web.flash import Flash, Flashes
from typed_sessions.integrations.web.sync_visit import SyncVisit
from typed_sessions.key import KeyPart
from typed_sessions.model import SessionModel
from typed_sessions.sync import SyncSession

UNAUTHORIZED = 401
"""RFC 9110, section 15.5.2."""


def current_visit(model: type[SessionModel] | None = None, /) -> SyncVisit:
    """The visit of the current request; in one request always the same.

    Args:
        model: where an application has several visits, the one that has this model. None: the one that was added last.

    Raises:
        SessionDefinitionError: the application has no visits.
        RuntimeError: there is no current request.
    """
    found = _keepings()
    with_model = (each for each in reversed(found) if model is None or model in each.visits.models)
    # Without one, the last says which models it has.
    return next(with_model, found[-1]).visit()


def data_of(model: type[M], /) -> M:
    """The data of the visit's session of a model; in one request always the same object. See `SyncVisit.data`."""
    return current_visit(model).data(model)


def session_of(model: type[M], /) -> SyncSession[M]:
    """The visit's session of a model, open; in one request always the same. See `SyncVisit.session`."""
    return current_visit(model).session(model)


def required_owner() -> str:
    """Who is logged in. If nobody is, the request ends with 401, as by `flask.abort`."""
    return current_visit().owner() or abort(UNAUTHORIZED)


def logout_everywhere(owner: KeyPart, /) -> int:
    """End all visits of an owner in the current application, and say how many. See `Visits.logout_everywhere`.

    It needs no request: a command of Flask's may use it.
    """
    return sum(complete(each.visits.logout_everywhere(owner)) for each in _keepings())


def csrf_token() -> str:
    """A token for a form or a header of the page that answers this request; another one each time.

    Ask for it after `login`, `logout` and `rotate`, which void those from before, and before the response begins.
    Templates have it too.

    Raises:
        SessionDefinitionError: the application is not guarded.
        SessionClosedError: the visit is not stored, and the response has begun.
    """
    for keeping in reversed(_keepings()):
        token = keeping.csrf_token()
        if token is not None:
            return token
    raise SessionDefinitionError("the application is not guarded; TypedSessions(visits, csrf=True) guards it")


def take_flashes() -> list[Flash]:
    """The messages that the user has not seen yet; they are not said again. Templates have it too.

    A view says something on the next page by `data_of(Flashes).add("saved")`.
    """
    return data_of(Flashes).take()


def _keepings() -> tuple[Keeping, ...]:
    found: tuple[Keeping, ...] = current_app.extensions.get(NAME, ())
    if not found:
        raise SessionDefinitionError(
            f"the application {current_app.name!r} has no visits; TypedSessions(visits).init_app(app) gives it some"
        )
    return found
