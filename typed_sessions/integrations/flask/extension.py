"""The extension."""

from collections.abc import Callable

from flask import Flask

from typed_sessions.blocking import NeverWaiting
from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.flask.current import csrf_token, take_flashes
from typed_sessions.integrations.flask.keeping import NAME, Keeping
from typed_sessions.integrations.flask.refusals import register_refusals
from typed_sessions.integrations.web.csrf import CsrfRules
from typed_sessions.integrations.web.flash import Flashes
from typed_sessions.integrations.web.visits import Visits


class TypedSessions:
    """Gives the requests of Flask applications their visit, and saves it before the response goes out.

    It is saved when all functions of `after_request` have run, whenever they were registered; not if the status is 500
    or above. What a streamed response changes later is saved when it ends. A save that fails becomes a response of 409
    or 503, or what the application's error handlers make of the error.

    Requests of one visit that may write (all but GET, HEAD, OPTIONS and TRACE) come one after another in a process.

    Args:
        visits: what a visit is made of, and how it is kept; made of `SyncSessions`. None: `init_app` is told.
        app: the application, if there is one already.
        csrf: refuse forged requests: by these rules, or, for True, by the usual ones. See `CsrfRules`.

    Raises:
        SessionDefinitionError: see `init_app`.
    """

    def __init__(
        self, visits: Visits | None = None, app: Flask | None = None, *, csrf: CsrfRules | bool = False
    ) -> None:
        self._visits = visits
        self._csrf = (CsrfRules() if csrf else None) if isinstance(csrf, bool) else csrf
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, visits: Visits | None = None) -> None:
        """Give an application its visits. One extension may serve several applications, each with visits of its own.

        Args:
            app: the application.
            visits: those of this application. None: those of the extension.

        Raises:
            SessionDefinitionError: there are no visits, they are for asyncio, or the application has others with the
                same cookie.
        """
        keeping = Keeping(_usable(visits or self._visits), self._csrf)
        known: tuple[Keeping, ...] = app.extensions.get(NAME, ())
        name = keeping.visits.cookie.name
        if name in {each.visits.cookie.name for each in known}:
            raise SessionDefinitionError(
                f"the application {app.name!r} has visits with the cookie {name!r} already; call init_app once, "
                f"or give the others another Cookie(name=…)"
            )
        app.extensions[NAME] = (*known, keeping)
        keeping.watch(app)
        register_refusals(app)
        _add_global(app, csrf_token, is_ours=self._csrf is not None)
        _add_global(app, take_flashes, is_ours=Flashes in keeping.visits.models)


def _add_global(app: Flask, function: Callable[[], object], *, is_ours: bool) -> None:
    """Give the templates a function.

    One that only says what is missing does not take the place of another's, such as `csrf_token` of Flask-WTF.
    """
    if is_ours or function.__name__ not in app.jinja_env.globals:
        app.add_template_global(function)


def _usable(visits: Visits | None) -> Visits:
    if not isinstance(visits, Visits):
        given = "nothing" if visits is None else f"a {type(visits).__name__}"  # type: ignore[redundant-expr]  # for callers whom no type checker warns
        raise SessionDefinitionError(
            f"TypedSessions or its init_app takes Visits, and got {given}: Visits(SyncSessions(store), models=[…])"
        )
    if not isinstance(visits.sessions.store, NeverWaiting):
        raise SessionDefinitionError(
            "Flask runs in threads, and these visits are for asyncio; write Visits(SyncSessions(store), models=[…])"
        )
    return visits
