"""Guards the unsafe requests of a Flask application against cross-site request forgery."""

import logging

from flask import request
from werkzeug.exceptions import Forbidden

from typed_sessions.integrations.flask.serving import Serving
from typed_sessions.integrations.web.csrf import FORBIDDEN, Asked, CsrfRules, Refusal, is_bound
from typed_sessions.integrations.web.origins import normal

MADE_BY = "`csrf_token()`, in a template `{{ csrf_token() }}`,"

logger = logging.getLogger("typed_sessions")


def refuse_forged(rules: CsrfRules, serving: Serving) -> None:
    """Let the current request pass if a page of the application sent it.

    Raises:
        Forbidden: it did not, or the page is older than the last login.
    """
    refusal = _refusal(rules, serving)
    if refusal is not None:
        logger.warning("answered %d: %s", Forbidden.code, refusal)
        raise Forbidden(FORBIDDEN.strip())


def _refusal(rules: CsrfRules, serving: Serving) -> Refusal | None:
    asked = _asked()
    if rules.is_exempt(asked):
        return None
    refusal = rules.refused_origin(asked)
    if refusal is not None or not rules.needs_token(asked):
        return refusal
    given = rules.in_header(asked)
    if given is None:
        if not serving.may_bring_token():
            # Nothing in the form could help, and to parse files is work that anybody could make us do.
            return rules.refused_token(None, has_cookie=False, made_by=MADE_BY)
        # The form is parsed only if it must be, because a view may want to read the body itself.
        given = request.form.get(rules.field)
    if given is not None and is_bound(given, serving.secrets()):
        return None
    return rules.refused_token(given, has_cookie=bool(serving.secrets()), made_by=MADE_BY)


def _asked() -> Asked:
    host = request.environ.get("HTTP_HOST")
    return Asked(
        method=request.method,
        path=request.root_path + request.path,
        origin=None if host is None else normal(f"{request.scheme}://{host}"),
        headers=request.headers.getlist,
    )
