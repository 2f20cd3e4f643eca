"""Pages: what all of them show, and what browsers may do with them."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request, status
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates

from typed_sessions.integrations.fastapi import CsrfTokenDep, DataOf, Flashes, VisitDep
from webshop.cart import Cart
from webshop.preferences import Preferences
from webshop.teas import TEAS, euros

FOLDER = Path(__file__).parent


def common(_: Request) -> dict[str, Any]:
    """What all templates can use."""
    return {"euros": euros, "teas": TEAS.values()}


TEMPLATES = Jinja2Templates(FOLDER / "templates", context_processors=[common])

HEADERS = {
    # The page of a visitor is in no cache, so that after a logout the back button does not show it.
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
}


class Page:
    """A page for one request. Its header shows who is logged in, how full the cart is, and what was flashed."""

    def __init__(
        self,
        request: Request,
        *,
        visit: VisitDep,
        cart: DataOf[Cart],
        preferences: DataOf[Preferences],
        flashes: DataOf[Flashes],
        csrf_token: CsrfTokenDep,
    ) -> None:
        self._request = request
        self._visit = visit
        self._flashes = flashes
        self._shown = {"cart": cart, "theme": preferences.theme, "csrf_token": csrf_token}

    async def show(self, template: str, /, *, status_code: int = status.HTTP_200_OK, **shown: object) -> HTMLResponse:
        """The page that a template makes of these values and of those that all templates have."""
        whose = {"owner": await self._visit.owner(), "flashes": self._flashes.take()}
        everything = {**self._shown, **whose, **shown}
        return TEMPLATES.TemplateResponse(self._request, template, everything, status_code=status_code, headers=HEADERS)


PageDep = Annotated[Page, Depends()]


def see(path: str, /) -> RedirectResponse:
    """After a form: the browser gets another page, so that loading it again does not send the form again."""
    return RedirectResponse(path, status.HTTP_303_SEE_OTHER)
