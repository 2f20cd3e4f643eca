"""Cross-site request forgery: whether a request that changes something comes from a page of the application.

Two checks, each of which would do alone: where the browser says that the request comes from, and a token that only
our own pages know. Ours, because asgi-csrf, starlette-csrf, Litestar's middleware and Flask-WTF bind their tokens to
no id of a session that a login changes, and ask the browser for no Fetch Metadata.

A token is bound to a secret of the browser: the id of its visit, or, before it has a stored one, a cookie of random
bytes. It is HMAC-SHA256 of that secret under a new mask each time (OWASP Cross-Site Request Forgery Prevention Cheat
Sheet, "HMAC based token pattern"; the mask is against BREACH, as in its "Token-based mitigation"). It tells nothing of
the secret, nothing is stored, and no key of the application is needed.
"""

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias, get_args

from typed_sessions.errors import SessionClosedError, SessionDefinitionError
from typed_sessions.integrations.web.cookies import HOST_PREFIX, SECURE_PREFIX, Cookie
from typed_sessions.integrations.web.ids import Ids, mint
from typed_sessions.integrations.web.origins import Headers, Origins, says_nothing, trusted
from typed_sessions.integrations.web.turns import SAFE_METHODS

TokenPolicy: TypeAlias = Literal["always", "unsure"]

FORBIDDEN = "This page is out of date, or it is not ours. Load the page again and repeat.\n"
"""For the user, with status 403."""

DIGEST_BYTES = 32
_PURPOSE = b"typed-sessions csrf"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{86}\Z")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*\Z")
_SLASH = "/"
_PLAIN_HTTP = (
    "over plain HTTP browsers keep none, unless you write Visits(…, cookie=Cookie(secure=False)) for development"
)


def token(secret: str, /) -> str:
    """A new token that is bound to a secret: 86 characters of base64url."""
    mask = secrets.token_bytes(DIGEST_BYTES)
    return urlsafe_b64encode(mask + _xor(mask, _digest(secret))).rstrip(b"=").decode()


def is_bound(given: str, to: Iterable[str], /) -> bool:
    """Whether a token is bound to one of these secrets. In constant time, but for their number."""
    if _TOKEN.match(given) is None:
        return False
    both = urlsafe_b64decode(given + "==")
    found = _xor(both[:DIGEST_BYTES], both[DIGEST_BYTES:])
    matches = [hmac.compare_digest(found, _digest(secret)) for secret in to]
    return any(matches)


def _digest(secret: str) -> bytes:
    return hmac.digest(secret.encode(), _PURPOSE, "sha256")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be known of a request."""

    method: str
    path: str
    """Decoded, and whole: with the prefix that the application is mounted under."""
    origin: str | None
    """The origin that it asks for, of its own scheme and `Host`; None if it does not say. Not what a header such as
    `X-Forwarded-Host` says, which anybody can send."""
    headers: Headers


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused."""

    check: Literal["origin", "token"]
    reason: str
    """For the log: what was wrong, and what to do. It holds no secret."""

    def __str__(self) -> str:
        return f"the {self.check} check failed: {self.reason}"


class CsrfRules:
    """How an application guards itself.

    Args:
        trusted_origins: other origins whose pages may send requests, such as `https://pay.example`.
        tokens: ask for a token `always`, or where the browser says nothing of the origin only (`unsure`), which none
            of the last years does.
        field: the form field that has it.
        header: the header that has it.
        exempt: paths, with all below them, that need no check because they believe no cookie, such as `/webhooks`.

    Raises:
        SessionDefinitionError: an argument cannot work.
    """

    def __init__(
        self,
        *,
        trusted_origins: Sequence[str] = (),
        tokens: TokenPolicy = "always",
        field: str = "csrf_token",
        header: str = "X-CSRF-Token",
        exempt: Sequence[str] = (),
    ) -> None:
        if tokens not in get_args(TokenPolicy):
            raise SessionDefinitionError(f"tokens is 'always' or 'unsure', not {tokens!r}")
        for name in (field, header):
            if _NAME.match(name) is None:
                raise SessionDefinitionError(f"{name!r} cannot name a field or header; use letters, digits, '-', '_'")
        self.field = field
        """The form field that has the token."""
        self.header = header
        """The header that has the token."""
        self._trusted = trusted(trusted_origins)
        self._tokens = tokens
        self._exempt = [_prefix(path) for path in _listed(exempt)]

    def is_exempt(self, asked: Asked, /) -> bool:
        """Whether a request needs no check: it changes nothing, or its path is exempt."""
        return asked.method in SAFE_METHODS or self._is_exempt(asked.path)

    def _is_exempt(self, path: str) -> bool:
        segments = path.removesuffix(_SLASH).split(_SLASH)
        # A router may take such a path for another.
        is_plain = not any(each in ("", ".", "..") for each in segments[1:]) and "\\" not in path
        return is_plain and any(segments[: len(prefix)] == prefix for prefix in self._exempt)

    def refused_origin(self, asked: Asked, /) -> Refusal | None:
        """The refusal of a request by its origin. This check comes first."""
        problem = Origins(asked.origin, self._trusted).problem(asked.headers)
        return None if problem is None else Refusal("origin", problem)

    def needs_token(self, asked: Asked, /) -> bool:
        """Whether a request with the right origin must bring a token too."""
        return self._tokens == "always" or says_nothing(asked.headers)

    def in_header(self, asked: Asked, /) -> str | None:
        """The token in the header, which decides alone if it is there; None if it is not, or empty."""
        # Several are none: they decide together, and fit nothing.
        return ",".join(asked.headers(self.header)) or None

    def refused_token(
        self, given: str | None, *, has_cookie: bool, made_by: str = "`await csrf_token(request)`"
    ) -> Refusal:
        """The refusal of a request whose token is missing, or bound to nothing of its browser.

        Args:
            given: the token.
            has_cookie: the browser sent a cookie that it could be bound to.
            made_by: what makes one in this framework, for the log.
        """
        if given is None and has_cookie:
            reason = (
                f"there is no token in the header {self.header} nor, at the beginning of a form, in the field "
                f"{self.field}; put {made_by} into one of them"
            )
        elif given is None:
            reason = (
                f"there is no token in the header {self.header}, and no cookie that one in the field {self.field} "
                f"could be bound to; put {made_by} into one of them; {_PLAIN_HTTP}"
            )
        elif not has_cookie:
            reason = f"there came a token, but no cookie that it could be bound to; {_PLAIN_HTTP}"
        else:
            reason = (
                "the token is of another visit, or from before a login, logout or rotation; make it with "
                "`csrf_token` for every page, after `login`, and let no cache keep the page"
            )
        return Refusal("token", reason)


def _listed(exempt: Sequence[str]) -> Sequence[str]:
    if isinstance(exempt, str):
        raise SessionDefinitionError(f"exempt is a list; write exempt=[{exempt!r}]")
    return exempt


def _prefix(path: str) -> list[str]:
    if not path.startswith(_SLASH) or path == _SLASH:
        raise SessionDefinitionError(
            f"exempt={path!r} is no path to exempt; begin with '/', and leave the middleware out to exempt all"
        )
    return path.removesuffix(_SLASH).split(_SLASH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """What is to be known of a visit at this moment."""

    id: str = field(repr=False)  # whoever reads it in a log could be the visitor
    is_stored: bool
    has_new_id: bool


class Tokens:
    """The tokens of one request.

    Args:
        cookie: that of the visits.
        cookies: gives the values of the cookies of a name.
    """

    is_begun = False
    """The response has begun, and can set no cookie any more."""

    def __init__(self, cookie: Cookie, cookies: Callable[[str], list[str]]) -> None:
        self._cookie = cookie_beside(cookie)
        self.sent = [id_ for value in cookies(self._cookie.name) if (id_ := Ids().read(value)) is not None]
        """The secrets in the cookie that stands for a visit that is not stored yet. Tokens bound to them stay good when
        it is, for pages that were loaded before."""
        self.may_come = bool(self.sent or cookies(cookie.name))
        """The browser sent a cookie that a token could be bound to; whether it is a good one, the store knows."""
        self._made: tuple[str, str] | None = None
        """Another such secret, and the id of the visit that it was made for."""

    def token(self, visitor: Visitor, /) -> str:
        """A token for the visit.

        Raises:
            SessionClosedError: it needs a cookie, and the response has begun.
        """
        return token(visitor.id if visitor.is_stored else self._secret(visitor))

    def _secret(self, visitor: Visitor) -> str:
        if self._made is not None and self._made[1] == visitor.id:
            return self._made[0]
        # With the id, what was bound to the cookie is void too.
        if self.sent and not visitor.has_new_id:
            return self.sent[0]
        if self.is_begun:
            raise SessionClosedError(
                None, "needs a cookie for its CSRF token, and the response has begun; make the token before"
            )
        self._made = mint(), visitor.id
        return self._made[0]

    def set_cookies(self, visitor: Visitor, /) -> list[str]:
        """The values of the `Set-Cookie` headers that a response needs."""
        if self._made is not None and self._made[1] == visitor.id:
            return [self._cookie.set(self._made[0], timedelta(0))]
        return [self._cookie.expire()] if self.sent and visitor.has_new_id else []


def cookie_beside(cookie: Cookie, /) -> Cookie:
    """The cookie beside that of the visits: `__Host-csrf` beside `__Host-session`, `csrf` if that is not secure.

    It is for this host alone, whatever the other is for, so that no neighbour can plant it.
    """
    name = cookie.name
    for prefix in (HOST_PREFIX, SECURE_PREFIX):
        name = name[len(prefix) :] if name.lower().startswith(prefix.lower()) else name
    return Cookie(
        name=(HOST_PREFIX if cookie.secure else "") + ("csrf" if name == "session" else f"{name}-csrf"),
        secure=cookie.secure,
        same_site="none" if cookie.same_site == "none" else "lax",
        partitioned=cookie.partitioned,
        is_persistent=False,
    )
