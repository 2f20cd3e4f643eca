"""One request: how far it has come with its visit."""

from collections.abc import Iterator

from flask import Response

from typed_sessions.integrations.web.csrf import Tokens, Visitor
from typed_sessions.integrations.web.sync_visit import SyncVisit


class Serving:
    """One request of an application, and its visit."""

    has_begun = False
    """The response has begun: the visit is saved, and the next request of it may run."""
    _is_over = False

    def __init__(self, visit: SyncVisit, tokens: Tokens | None, *, is_guarded: bool) -> None:
        self.visit = visit
        self.tokens = tokens
        """None: the application is not guarded against forged requests."""
        self.is_guarded = is_guarded
        """It is freed by the WSGI application, not by the context of the request."""

    def begin(self, *, is_good: bool) -> list[str]:
        """Save, and give the `Set-Cookie` headers of the response. See `Visit.finish`."""
        cookies = self.visit.finish(is_good=is_good)
        self.has_begun = True
        return [*cookies, *self._csrf_cookies()]

    def _csrf_cookies(self) -> list[str]:
        if self.tokens is None:
            return []
        self.tokens.is_begun = True
        return self.tokens.set_cookies(self.visitor()) if self.visit.was_read else []

    def visitor(self) -> Visitor:
        """The visit as it is now."""
        return Visitor(id=self.visit.id(), is_stored=not self.visit.is_new(), has_new_id=self.visit.has_new_id)

    def may_bring_token(self) -> bool:
        """Whether the browser sent a cookie that a token could be bound to. The store is not asked."""
        return self.tokens is not None and self.tokens.may_come

    def secrets(self) -> list[str]:
        """What the tokens may be bound to that the browser sends back."""
        visitor = self.visitor()
        sent = [] if self.tokens is None else self.tokens.sent
        return [*sent, visitor.id] if visitor.is_stored else sent

    def free(self) -> None:
        """Let the next request of the visit begin, if no response has begun; then nothing is saved."""
        if not self.has_begun:
            self.end()

    def end(self) -> None:
        """Save what changed since the response began; refuse all use from now on."""
        if not self._is_over:
            self._is_over = True
            self.visit.end(is_good=self.has_begun)


class Watched:
    """The body of a streamed response. It ends when what changed meanwhile is saved."""

    def __init__(self, response: Response, serving: Serving) -> None:
        self._body = response.response
        self._items = response.iter_encoded()
        self._serving = serving

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._items)
        except StopIteration:
            # If this raises, the browser sees a response that broke off.
            self._serving.end()
            raise
        except BaseException:
            self._serving.visit.abandon()
            raise

    def close(self) -> None:
        """End it early, as servers do when the browser has gone."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()
