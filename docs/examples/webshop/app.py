"""Day two: quantities, a note in the parcel, logins. The application, put together."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from typed_sessions import Sessions
from typed_sessions.integrations.fastapi import Cookie, CsrfMiddleware, Flashes, SessionMiddleware, Visits
from webshop import account, shelf
from webshop.cart import Cart
from webshop.errors import Worded, add_error_pages
from webshop.page import FOLDER
from webshop.preferences import Preferences


def shop(sessions: Sessions, *, cookie: Cookie) -> FastAPI:
    """The application of day two. Over plain HTTP, for development, the cookie is `Cookie(secure=False)`."""
    application = served(Visits(sessions, [Cart, Preferences, Flashes], cookie=cookie))
    application.include_router(shelf.router)
    application.include_router(account.router)
    return application


def served(visits: Visits) -> FastAPI:
    """An application without pages that has such visits. It closes their sessions when the server stops."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with visits.sessions:
            yield

    application = FastAPI(title="Tea shop", lifespan=lifespan, openapi_url=None)
    add_error_pages(application)
    application.mount("/static", StaticFiles(directory=FOLDER / "static"))
    # The one that is added last is the outermost: the check of forms stands inside, and knows the visit.
    application.add_middleware(CsrfMiddleware)
    application.add_middleware(SessionMiddleware, visits=visits)
    application.add_middleware(Worded)
    return application
