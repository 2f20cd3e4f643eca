"""Logging in and out."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Response, status

from typed_sessions.integrations.fastapi import Flashes, OwnerDep, VisitDep
from webshop.page import PageDep, see
from webshop.people import PEOPLE, checked

router = APIRouter(default_response_class=Response)


@router.get("/login")
async def form(page: PageDep) -> Response:
    return await page.show("login.html")


@router.post("/login")
async def login(
    name: Annotated[str, Form()],
    password: Annotated[str, Form()],
    visit: VisitDep,
    page: PageDep,
) -> Response:
    """Log in. The visit goes on under another id, with the cart in it."""
    person = await asyncio.to_thread(checked, name.strip().lower(), password)
    if person is None:
        return await page.show("login.html", status_code=status.HTTP_400_BAD_REQUEST, name=name, failed=True)
    await visit.login(person.name)
    # Asked for only now: where somebody else was logged in, that visit is over, and this is another one.
    flashes = await visit.data(Flashes)
    flashes.add(f"Welcome, {person.full_name}.", "success")
    return see("/")


@router.get("/account")
async def account(owner: OwnerDep, page: PageDep) -> Response:
    return await page.show("account.html", person=PEOPLE[owner])


@router.post("/logout")
async def logout(visit: VisitDep) -> Response:
    await visit.logout()
    return see("/")


@router.post("/logout-everywhere")
async def logout_everywhere(visit: VisitDep) -> Response:
    """End the visits of all this person's browsers. The flash begins a new one."""
    ended = await visit.logout_everywhere()
    flashes = await visit.data(Flashes)
    flashes.add(f"You are logged out of all your browsers: {ended}.")
    return see("/")
