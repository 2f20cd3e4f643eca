"""Cookies: found in the headers of a request, and written for a response.

The standard library's parser is not used: it takes quadratic time for backslashes (CVE-2024-7592), and it gives up at
the first cookie that it does not like.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias, get_args

from typed_sessions.errors import SessionDefinitionError

SameSite: TypeAlias = Literal["lax", "strict", "none"]

MAX_CANDIDATES = 8
"""So many cookies of one name are looked at; a browser sends two of them at most, for two paths or domains."""

HOST_PREFIX, SECURE_PREFIX = "__Host-", "__Secure-"

# RFC 6265, section 4.1.1, and RFC 9110, section 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_PATH = re.compile(r"/[\x20-\x3a\x3c-\x7e]*\Z")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\Z")


def values(headers: Iterable[bytes], name: str, /) -> list[str]:
    """The values of the cookies called `name`, of at most `MAX_CANDIDATES`, in their order, in linear time.

    Args:
        headers: the values of the `Cookie` headers.
        name: compared byte for byte.
    """
    wanted = name.encode("ascii")
    found: list[str] = []
    for header in headers:
        if wanted not in header:
            continue
        for pair in header.split(b";"):
            own, equals, value = pair.partition(b"=")
            if equals and own.strip(b" \t") == wanted:
                found.append(value.strip(b" \t").decode("latin-1"))
                if len(found) == MAX_CANDIDATES:
                    return found
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """How the browser keeps an id. It is always `HttpOnly`.

    Over plain HTTP, for development, write `Cookie(secure=False)`: the browser would not keep the default one.

    Raises:
        SessionDefinitionError: a browser would refuse such a cookie, or send it where it must not go.
    """

    name: str = ""
    """Empty: `__Host-session`, which browsers take from this host alone, over HTTPS; `session` if it is not `secure`,
    `__Secure-session` if it has a `domain` or `path`."""
    domain: str | None = None
    """Send it to all hosts of this domain. None: to the host that set it."""
    path: str = "/"
    """Send it to paths below this one."""
    secure: bool = True
    """Send it over HTTPS only."""
    same_site: SameSite = "lax"
    """When requests that other sites cause bring it: for `lax` if the user follows a link, for `strict` never."""
    is_persistent: bool = True
    """Keep it when the browser is closed, until the session expires."""
    partitioned: bool = False
    """Keep another one for each site that embeds this one (CHIPS)."""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self._default_name())
        for problem in self._problems():
            raise SessionDefinitionError(f"the cookie {self.name!r} would not work: {problem}")

    def _default_name(self) -> str:
        if not self.secure:
            return "session"
        return "__Host-session" if self.domain is None and self.path == "/" else "__Secure-session"

    def _problems(self) -> Iterable[str]:
        prefix = self.name.lower()  # as browsers compare it (RFC 6265bis, section 5.7)
        if not _TOKEN.match(self.name):
            yield "its name holds characters that no cookie's name may hold; use letters, digits, '-' and '_'"
        if self.same_site not in get_args(SameSite):
            yield f"same_site is 'lax', 'strict' or 'none', not {self.same_site!r}"
        if not _PATH.match(self.path):
            yield f"path={self.path!r} is no path; it begins with '/' and has no ';'"
        if self.domain is not None and not _DOMAIN.match(self.domain):
            yield f"domain={self.domain!r} is no name of a domain; write it without scheme, port and first dot"
        if self.same_site == "none" and not self.secure:
            yield "browsers take SameSite=None over HTTPS only; leave out secure=False"
        if self.partitioned and not self.secure:
            yield "browsers take partitioned cookies over HTTPS only; leave out secure=False"
        if prefix.startswith((HOST_PREFIX.lower(), SECURE_PREFIX.lower())) and not self.secure:
            yield "its prefix promises HTTPS; leave out secure=False, or give it a name without the prefix"
        if prefix.startswith(HOST_PREFIX.lower()) and (self.domain is not None or self.path != "/"):
            yield "its prefix promises one host and the path '/'; leave out domain and path, or take '__Secure-'"

    def set(self, value: str, lifetime: timedelta, /) -> str:
        """The value of a `Set-Cookie` header. `lifetime` counts if the cookie is persistent."""
        return self._written(value, max(0, int(lifetime.total_seconds())) if self.is_persistent else None)

    def expire(self) -> str:
        """The value of a `Set-Cookie` header that makes the browser forget it."""
        return self._written("", 0)

    def _written(self, value: str, max_age: int | None) -> str:
        parts = [f"{self.name}={value}", f"Path={self.path}"]
        if max_age is not None:
            parts.append(f"Max-Age={max_age}")
        if self.domain is not None:
            parts.append(f"Domain={self.domain}")
        if self.secure:
            parts.append("Secure")
        parts += ["HttpOnly", f"SameSite={self.same_site.capitalize()}"]
        return "; ".join([*parts, "Partitioned"] if self.partitioned else parts)
