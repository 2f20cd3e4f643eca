"""How an application keeps its visits: what is done when a request has been answered, and when it is over."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask, Response, current_app, request

from typed_sessions.integrations.flask.csrf import refuse_forged
from typed_sessions.integrations.flask.headers import add_headers
from typed_sessions.integrations.flask.serving import Serving, Watched
from typed_sessions.integrations.web import cookies
from typed_sessions.integrations.web.csrf import CsrfRules, Tokens
from typed_sessions.integrations.web.sync_visit import SyncVisit
from typed_sessions.integrations.web.turns import SAFE_METHODS
from typed_sessions.integrations.web.visit import Visit
from typed_sessions.integrations.web.visits import Visits

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NAME = "typed_sessions"
"""Of the extension, in `app.extensions`."""

KEY = "typed_sessions.servings"
"""In the WSGI environment, which all copies of a request's context share."""

FIRST_ERROR, FIRST_FAULT = 400, 500
"""RFC 9110, sections 15.5 and 15.6."""


class Keeping:
    """How one application keeps visits of one kind. What it knows of a request is in the request's environment."""

    def __init__(self, visits: Visits, csrf: CsrfRules | None) -> None:
        self.visits = visits
        self.csrf = csrf

    def watch(self, app: Flask) -> None:
        """Be there when a request of the application is answered, and when it is over."""
        # They run from the last to the first, and what the others change must be saved too.
        app.after_request_funcs.setdefault(None, []).insert(0, self.respond)
        app.before_request_funcs.setdefault(None, []).insert(0, self.check)
        app.teardown_request(self.tear_down)
        app.wsgi_app = partial(self.serve, app.wsgi_app)  # type: ignore[method-assign]  # as Flask's documentation does

    def visit(self) -> SyncVisit:
        """The visit of the current request."""
        return self._serving().visit

    def csrf_token(self) -> str | None:
        """A token for the page that answers the current request; None if the application is not guarded."""
        serving = self._serving()
        return None if serving.tokens is None else serving.tokens.token(serving.visitor())

    def check(self) -> None:
        """Refuse a forged request. Runs as the first of `before_request`."""
        if self.csrf is not None:
            refuse_forged(self.csrf, self._serving())

    def serve(
        self, wsgi_app: "WSGIApplication", environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Serve one request, and let the next one of the visit begin, whatever happens in this one."""
        serving = self._begun(environ, is_guarded=True)
        try:
            return wsgi_app(environ, start_response)
        finally:
            # Not in `tear_down`, which does not run if another function of `teardown_request` raises before.
            serving.free()

    def respond(self, response: Response) -> Response:
        """Save the visit. Runs as the last of `after_request`."""
        serving = self._serving()
        try:
            set_cookies = serving.begin(is_good=response.status_code < FIRST_FAULT)
        except Exception as error:  # noqa: BLE001 # raised again, unless the application has an answer
            response = self._answer(error)
            set_cookies = serving.begin(is_good=False)
        add_headers(response.headers, set_cookies, was_read=serving.visit.was_read)
        if response.is_streamed and not response.direct_passthrough:
            response.response = Watched(response, serving)
        response.call_on_close(serving.end)
        return response

    def tear_down(self, _error: BaseException | None = None) -> None:
        """Let the next request of the visit begin, if this one did not come by `serve`; such are those of tests."""
        serving = self._servings(request.environ).get(self)
        if serving is not None and not serving.is_guarded:
            serving.free()

    def _answer(self, error: Exception) -> Response:
        """What the application answers to a save that failed, with what its functions of `after_request` add to it."""
        answer = current_app.make_response(current_app.handle_user_exception(error))
        if answer.status_code < FIRST_ERROR:
            raise error  # whatever the application made of it
        for name in (*request.blueprints, None):
            for function in reversed(current_app.after_request_funcs.get(name, ())):
                if function != self.respond:
                    answer = current_app.ensure_sync(function)(answer)
        return answer

    def _serving(self) -> Serving:
        return self._servings(request.environ).get(self) or self._begun(request.environ, is_guarded=False)

    def _begun(self, environ: "WSGIEnvironment", *, is_guarded: bool) -> Serving:
        is_turn = environ["REQUEST_METHOD"] not in SAFE_METHODS
        sent = partial(sent_cookies, environ)
        visit = SyncVisit(Visit(self.visits, sent, is_turn=is_turn))
        tokens = None if self.csrf is None else Tokens(self.visits.cookie, sent)
        serving = self._servings(environ)[self] = Serving(visit, tokens, is_guarded=is_guarded)
        return serving

    def _servings(self, environ: "WSGIEnvironment") -> "dict[Keeping, Serving]":
        found: dict[Keeping, Serving] = environ.setdefault(KEY, {})
        return found


def sent_cookies(environ: "WSGIEnvironment", name: str, /) -> list[str]:
    """The values of the request's cookies of this name."""
    # PEP 3333: what a header holds is given as if it were Latin-1.
    return cookies.values([environ.get("HTTP_COOKIE", "").encode("latin-1", "replace")], name)
